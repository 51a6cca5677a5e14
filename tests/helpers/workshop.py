"""Rounds without networks, for tests of what happens to answers."""

import io
from dataclasses import replace

from PIL import Image

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


def presentable_round() -> PreparedRound:
    """A round that a page can show: its picture is one, and its networks have names."""
    out = io.BytesIO()
    Image.new("L", (8, 8), 90).save(out, "PNG")
    made = plain_round()
    names = {"standard": "Standard", "pgd-l2": "Robust, L2"}
    return replace(made, pictures={"d": out.getvalue()}, settings={**made.settings, "names": names, "task": "cifar10"})
