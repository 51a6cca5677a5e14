"""A region of a picture: what a network answers once it is covered, blurred or replaced, or attacked there alone."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Literal

import torch
from torch import Tensor

from core.attacks.pgd import Pgd
from core.errors import ConfigError, InputError, choice_of
from core.explanations.attack_result import AttackResult, attack_fields
from core.explanations.masked_attack import attack_on
from core.explanations.perturbed import PerturbedImage, common_fields
from core.explanations.prediction import check_image, probabilities
from core.metrics.box import Box
from core.models.step_precision import Precision, stepping
from core.models.zoo import ZooModel
from core.natural.quality import BLUR
from core.norms import Norm
from core.progress import OnProgress, silent

Part = Literal["inside", "outside"]
PARTS: tuple[Part, ...] = ("inside", "outside")
"""Where an attack may change the picture: the region, or all the rest."""

BLUR_SHARE = 12.5
"""Deviation of the blur, in percent of the shorter side: 4 pixels of 32, as where insertion begins."""

Fill = Callable[[Tensor, Tensor | None], Tensor]
"""A picture (1, C, H, W) and another one to what stands in the region afterwards, of a shape that spreads to it."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A way to take away what a region shows.

    Attributes:
        key: its name in files.
        title: its name for people.
        sentence: what it does.
        fill: makes what stands in the region afterwards.
        needs_other: whether it takes that from another picture.
    """

    key: str
    title: str
    sentence: str
    fill: Fill
    needs_other: bool = False


def _mean_colour(x: Tensor, other: Tensor | None) -> Tensor:
    return x.mean((2, 3), keepdim=True)


def _blurred(x: Tensor, other: Tensor | None) -> Tensor:
    return BLUR.apply(x, x.new_tensor([BLUR_SHARE]))


def _from_other(x: Tensor, other: Tensor | None) -> Tensor:
    if other is None or other.shape != x.shape:
        raise InputError(f"need another picture of shape {tuple(x.shape)} to fill the region from")
    return other


_EDITS = (
    Edit("cover", "Covered", "The region gets the picture's mean colour.", _mean_colour),
    Edit(
        "blur", "Blurred",
        f"The region comes from the picture under a Gaussian of {BLUR_SHARE:g} % of its shorter side.", _blurred,
    ),
    Edit("replace", "Replaced", "The region comes from the same place of another picture.", _from_other, True),
)  # fmt: skip
EDITS: Mapping[str, Edit] = {edit.key: edit for edit in _EDITS}
"""By key, in the order in which they are shown."""


def edit_region(x: Tensor, box: Box, edit: str, other: Tensor | None = None) -> Tensor:
    """The picture (1, C, H, W) with a region edited; outside of it the same to the last bit.

    How much an answer hangs on a region, by what it is once the region is gone: Zeiler, Fergus 2014, arXiv:1311.2901,
    Sec. 4.2, with a grey square. That no fill is neutral is why there are several.

    Args:
        x: the picture, float in [0, 1]; left unchanged.
        box: the region.
        edit: key of `EDITS`.
        other: the picture that "replace" takes the region from, of the same shape.

    Raises:
        ConfigError: no such edit.
        InputError: the box does not lie inside of the picture, or "replace" without another picture of its shape.
    """
    fill = EDITS[choice_of("edit", EDITS, edit)].fill
    return torch.where(_inside(x, box), fill(x, other).clamp(0.0, 1.0), x)


def edited_answer(model: ZooModel, x: Tensor, box: Box, edit: str, other: Tensor | None = None) -> PerturbedImage:
    """What `model` answers on the picture `x` (1, C, H, W) before and after an edit of a region.

    Raises:
        ConfigError: no such edit.
        InputError: as `edit_region`, `x` is not one image of the model's task, or the logits are not finite.
    """
    check_image(model, x)
    changed = edit_region(x, box, edit, other)
    with torch.no_grad():
        probs = probabilities(model, model.fast(torch.cat([x, changed])))
    settings = {"edit": edit, "box": asdict(box)}
    return PerturbedImage(**common_fields(model, settings, x[0], changed[0], *probs))


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionAttack(AttackResult):
    """One image before and after an attack that keeps to a region, or to all the rest.

    Attributes:
        part: which of the two.
    """

    part: Part


def region_pgd(epsilon: float, norm: Norm, steps: int) -> Pgd:
    """The attack that is held to a region: in L2 without a random start, which would spend radius elsewhere."""
    return Pgd(epsilon, norm, steps, random_start=norm == "linf")


def attack_region(
    model: ZooModel,
    x: Tensor,
    box: Box,
    part: Part,
    attack: Pgd,
    seed: int = 0,
    on_progress: OnProgress = silent,
    precision: Precision = "float32",
) -> RegionAttack:
    """Attack the image `x` (1, C, H, W) away from the class that `model` predicts, inside of the region or outside.

    Args:
        model: the model attacked.
        x: the image, float32 in [0, 1].
        box: the region.
        part: where it may change the image.
        attack: such as `region_pgd`.
        seed: of the random start.
        on_progress: called with steps done and of how many; may raise to end the work.
        precision: of the gradient steps; the answers are in float32.

    Raises:
        InputError: `x` is not one image of the model's task, the box is not inside of it, or logits are not finite.
        ConfigError: no such part.
    """
    check_image(model, x)
    if part not in PARTS:
        raise ConfigError(f"part must be one of {', '.join(PARTS)}; got {part!r}")
    inside = _inside(x, box)
    with torch.no_grad():
        probs = probabilities(model, model.fast(x))
    places = inside if part == "inside" else ~inside
    x_adv = attack_on(places, stepping(model.fast, precision), x, probs.argmax(1), attack, seed, on_progress)
    on_progress(attack.steps, attack.steps)
    settings = {"part": part, "box": asdict(box), **asdict(attack), "seed": seed, "precision": precision}
    return RegionAttack(**attack_fields(model, settings, x, x_adv, probs[0]), part=part)


def _inside(x: Tensor, box: Box) -> Tensor:
    """The region of a picture (1, C, H, W), bool (1, 1, H, W)."""
    return torch.from_numpy(box.mask(*x.shape[2:])).to(x.device)[None, None]
