"""What engines ask of work that they share out: pieces with numbers, each done by itself, the same whoever does it."""

from typing import Protocol, TypeVar


class Piecewise(Protocol):
    """One piece of the work."""

    @property
    def number(self) -> int:
        """Its place among all, from 0."""

    @property
    def words(self) -> str:
        """What it does or begins with, after "it" in a sentence about its failure."""


P = TypeVar("P", bound=Piecewise)
P_contra = TypeVar("P_contra", bound=Piecewise, contravariant=True)
A = TypeVar("A")
A_co = TypeVar("A_co", covariant=True)


class Divided(Protocol[P_contra, A_co]):
    """Work that is done piece by piece, by processes that it is sent to once."""

    @property
    def identity(self) -> str:
        """The same for the same work: what a process has taken up it does not take up again."""

    def answer(self, shard: P_contra, /) -> A_co:
        """What comes out for a piece.

        Raises:
            CoreError: the work is impossible.
        """
