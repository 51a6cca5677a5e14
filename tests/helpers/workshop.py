"""Rounds for tests: without networks where answers are the point, and one of each kind on shipped networks."""

import io
from collections.abc import Sequence
from dataclasses import replace

from PIL import Image

from core.models.zoo import load_zoo_model
from core.workshop.items import Item, Option, Picture
from core.workshop.rounds.kind import Subject
from core.workshop.sessions import Plan, prepare
from core.workshop.state import PreparedRound

TASK = "fashion-mnist"
PLANS = {
    "guess": Plan("guess", ("standard", "pgd-l2")),
    "mistake": Plan("mistake", ("standard",)),
    "pair": Plan("pair", ("standard", "pgd-l2")),
    "odd": Plan("odd", ("standard",)),
    "slider": Plan("slider", ("standard", "pgd-l2")),
    "poll": Plan("poll", (), {"prompt": "Why?", "options": ("a", " b ", "", "a")}),
}
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


def grey_png(level: int) -> bytes:
    """A small picture of one level, 0 to 255."""
    out = io.BytesIO()
    Image.new("L", (8, 8), level).save(out, "PNG")
    return out.getvalue()


def presentable_round() -> PreparedRound:
    """A round that a page can show: its picture is one, and its networks have names."""
    made = plain_round()
    names = {"standard": "Standard", "pgd-l2": "Robust, L2"}
    return replace(made, pictures={"d": grey_png(90)}, settings={**made.settings, "names": names, "task": "cifar10"})


def every_kind(subjects: Sequence[Subject]) -> dict[str, PreparedRound]:
    """One round of each kind; JSMA for as few pictures as make one."""
    return {
        key: next(iter(prepare([plan], TASK, load_zoo_model, subjects[:8] if key == "mistake" else subjects)))
        for key, plan in PLANS.items()
    }
