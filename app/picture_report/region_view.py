"""The box drawn on the picture, for the report: the region taken away, and attacks that keep to it or to the rest."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.state import device, region_answers
from app.state.choice import Choice
from app.state.pictures import ModelInput
from app.ui import python_code
from core.attacks.pgd import Pgd
from core.explanations.perturbed import PerturbedImage
from core.explanations.region import EDITS, PARTS, RegionAttack, attack_region, edited_answer, region_pgd
from core.metrics.box import Box
from core.models.zoo import ZooModel
from core.progress import ShouldStop, check


@dataclass(frozen=True, slots=True, eq=False)
class RegionStart:
    """What is asked of a region.

    Attributes:
        box: the region.
        fill: the picture that it is replaced from.
        fill_key: that picture's key in the gallery.
        attack: what is held to it, and to the rest.
    """

    box: Box
    fill: ModelInput
    fill_key: str
    attack: Pgd


@dataclass(frozen=True, slots=True, eq=False)
class RegionView:
    """What came out.

    Attributes:
        start: what was asked.
        edited: by way to take the region away, an answer a network.
        held: by where the attack may change the picture, an attack a network.
    """

    start: RegionStart
    edited: dict[str, list[PerturbedImage]]
    held: dict[str, list[RegionAttack]]


def start_of(choice: Choice, steps: int) -> RegionStart | None:
    """What is asked of the view's box; None where none is drawn."""
    if choice.box is None:
        return None
    attack = region_pgd(choice.dial.epsilon(choice.strength), choice.norm, steps)
    return RegionStart(choice.box, region_answers.fill_picture(choice), region_answers.fill_key(choice), attack)


def view(
    start: RegionStart, models: Sequence[ZooModel], shown: ModelInput, done: Iterator[None], should_stop: ShouldStop
) -> RegionView:
    """The answers; `done` is told after each network of each way."""
    x, other, box = device.picture(shown.x), device.picture(start.fill.x), start.box
    precision = device.step_precision()
    found = RegionView(start, {edit: [] for edit in EDITS}, {part: [] for part in PARTS})
    for model in models:
        for edit, answers in found.edited.items():
            answers.append(edited_answer(model, x, box, edit, other))
        for part in PARTS:
            check(should_stop)
            found.held[part].append(attack_region(model, x, box, part, start.attack, precision=precision))
            next(done)
    return found


def program(choice: Choice, start: RegionStart) -> str:
    """The same as Python, after the maps are made."""
    return python_code.region(choice, start.box, start.fill_key, python_code.OF_MAPS) + python_code.region_attacks(
        choice, start.box, start.attack.steps
    )
