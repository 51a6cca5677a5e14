"""What is fuzzed: a reader of bytes that anyone may have made, where its seeds come from, and what it may raise."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from core.errors import ConfigError, InputError

SENTENCES = (InputError, ConfigError)
"""What a reader says of bytes that it does not take; anything else is a fault."""


def as_it_is(data: bytes) -> bytes:
    """The bytes."""
    return data


@dataclass(frozen=True, slots=True)
class Target:
    """A reader of untrusted bytes.

    Attributes:
        key: its name on the command line, and its folder of kept inputs.
        title: what is read, for people.
        seeds: small files that it takes, and some that it refuses.
        call: reads bytes as the app does, in this process.
        mend: gives mutated bytes the checksums that reading would stop at otherwise.
        apart: reads bytes as the app does where that is in a process with limits; None where it is not. Of such a
            reader running out of memory, and ending the process, are no faults as long as this is a sentence.
    """

    key: str
    title: str
    seeds: Callable[[], Iterable[bytes]]
    call: Callable[[bytes], object]
    mend: Callable[[bytes], bytes] = as_it_is
    apart: Callable[[bytes], object] | None = None

    @property
    def allowed(self) -> tuple[type[Exception], ...]:
        """What it may raise."""
        return (*SENTENCES, MemoryError) if self.apart else SENTENCES
