"""How long work tells how far it is, and is asked to end."""

from collections.abc import Callable

from core.errors import CoreError

OnProgress = Callable[[int, int], None]
"""Called with passes done, and of how many."""
OnPartProgress = Callable[[str, int, int], None]
"""Called with what is measured, images done, and of how many."""
ShouldStop = Callable[[], bool]
"""Asked before each pass; True ends the work."""


class StoppedError(CoreError):
    """The work was ended before it had a result, because `should_stop` said so."""


def silent(done: int, of: int) -> None:
    """Tell nobody."""


def silent_on_parts(what: str, done: int, of: int) -> None:
    """Tell nobody."""


def never() -> bool:
    """Go on."""
    return False


def check(should_stop: ShouldStop) -> None:
    """Go on, unless asked not to.

    Raises:
        StoppedError: `should_stop` says so.
    """
    if should_stop():
        raise StoppedError("stopped before the map was complete")
