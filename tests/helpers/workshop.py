"""Rounds without networks, for tests of what happens to answers."""

from core.workshop.items import Item, Option, Picture
from core.workshop.state import PreparedRound

PNG = b"\x89PNG tiny"


def plain_round(
    subjects: int = 4, conditions: tuple[str, ...] = ("standard", "pgd-l2"), each: int = 2
) -> PreparedRound:
    """A round in which "yes" is right for the last condition, and "no" for the others."""
    options = (Option("yes", "Yes"), Option("no", "No"))
    items = tuple(
        Item(subject, condition, "yes" if condition == conditions[-1] else "no", "Do you?", (Picture("d"),), options)
        for subject in range(subjects)
        for condition in conditions
    )
    return PreparedRound("guess", {"each": each, "networks": list(conditions)}, items, {"d": PNG})
