"""What the report `robustness` measures on one batch of images, part by part: networks in, arrays out."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from core.attacks.apgd import Apgd
from core.attacks.pgd import Pgd
from core.attacks.robust_at import robust_at
from core.data.tasks import Task
from core.norms import NORMS, Norm, norm_of
from core.reports.form.resume import Part
from core.reports.form.settings import ReportSettings

MULTIPLES = (0.25, 0.5, 1.0, 2.0)
"""The radii of the curves, in units of the task's."""

FLOOR = frozenset((task, key) for task in ("cifar10", "fashion-mnist") for key in ("standard", "pgd-linf", "pgd-l2"))
"""Networks that are measured on more images: those that tests once held to a floor, after which settings are named."""


@dataclass(frozen=True, slots=True)
class RobustnessSettings(ReportSettings):
    """What the report measures.

    Attributes:
        images: attacks are run on the first so many test images,
        floor_images: and on so many for the networks in `FLOOR`.
        shared_images: of those, images are passed on to the other networks for so many.
        clean_images: clean accuracy is taken on the first so many test images; None takes all.
        steps: PGD steps, of size 2.5 epsilon / steps.
        restarts: random starts of the PGD that is reported; images passed on are made with one, without early exit.
        apgd_iterations: of each run of APGD.
        apgd_targets: classes that its targeted part aims at.
        apgd_precision: of its gradients; success is judged in float32.
        cost_steps: steps of a timed epoch.
        cost_rounds: timed epochs of each recipe.
    """

    counts: ClassVar = (
        *("images", "floor_images", "shared_images", "clean_images", "steps", "restarts"),
        *("apgd_iterations", "apgd_targets", "cost_steps", "cost_rounds"),
    )

    images: int = 300
    floor_images: int = 1000
    shared_images: int = 300
    clean_images: int | None = None
    steps: int = 50
    restarts: int = 2
    apgd_iterations: int = 100
    apgd_targets: int = 9
    apgd_precision: Literal["fp32", "bf16"] = "bf16"
    cost_steps: int = 6
    cost_rounds: int = 5

    def images_of(self, task: str, key: str) -> int:
        """How many images the network is attacked on."""
        return self.floor_images if (task, key) in FLOOR else self.images

    def pgd(self, norm: Norm, epsilon: float, restarts: int) -> Pgd:
        """PGD in the report's form."""
        return Pgd(epsilon, norm, self.steps, restarts=restarts)


@dataclass(frozen=True, slots=True)
class Unit:
    """What a part measures: the fast form of a network, on images (B, C, H, W) with labels (B,), from a seed."""

    model: nn.Module
    task: Task
    x: Tensor
    labels: Tensor
    settings: RobustnessSettings
    seed: int

    def generator(self) -> torch.Generator:
        """A fresh source of random starts."""
        return torch.Generator().manual_seed(self.seed)


def grid(task: Task, norm: Norm) -> list[float]:
    """The radii of a task's curve."""
    return [multiple * task.radii[norm] for multiple in MULTIPLES]


def far_epsilon(task: Task, norm: Norm) -> float:
    """The radius within which every image of the task can be made plain grey (0.5): 0.5, or its L2 equal."""
    return 0.5 if norm == "linf" else 0.5 * math.sqrt(math.prod(task.shape))


def curve(unit: Unit) -> Part:
    """`smallest_<norm>`: the smallest radius of the grid at which PGD broke each image; 0 and inf as in the report."""
    model, x, labels, settings = unit.model, unit.x, unit.labels, unit.settings
    found: Part = {}
    for norm in NORMS:
        radii = grid(unit.task, norm)
        attack = settings.pgd(norm, radii[0], settings.restarts)
        stands = robust_at(model, x, labels, radii, attack, unit.generator())
        radius = x.new_tensor([*radii, math.inf])
        fell_at = radius[stands.sum(1)]  # rows never rise, so the count is the column
        found[f"smallest_{norm}"] = torch.where(right(model, x, labels), fell_at, 0.0).cpu().numpy()
    return found


def gradients(unit: Unit) -> Part:
    """`log_probability`, `gradient_norm` and `gradient_norm_other` on clean images."""
    found: Part = {}
    for name, labels in (
        ("gradient_norm", unit.labels),
        ("gradient_norm_other", (unit.labels + 1) % unit.task.classes),
    ):
        losses, norms = slope(unit.model, unit.x, labels)
        found[name] = norms.cpu().numpy()
        if name == "gradient_norm":
            found["log_probability"] = -losses.cpu().numpy()
    return found


def slope(model: nn.Module, x: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy (B,) of the labels (B,) in nats, and the L2 norm of its input gradient (B,)."""
    start = x.detach().clone().requires_grad_()
    losses = cross_entropy(model(start).float(), labels, reduction="none")
    (gradient,) = torch.autograd.grad(losses.sum(), start)
    return losses.detach(), norm_of(gradient, "l2")


def quick_attacks(unit: Unit) -> Part:
    """`standing_single_step_<norm>`: right under one step; `standing_far_<norm>`: under PGD at `far_epsilon`."""
    model, x, labels, settings = unit.model, unit.x, unit.labels, unit.settings
    found: Part = {}
    for norm in NORMS:
        epsilon, far = unit.task.radii[norm], far_epsilon(unit.task, norm)
        step = Pgd(epsilon, norm, steps=1, step_size=epsilon, random_start=False)
        attack = settings.pgd(norm, far, restarts=1)
        stands = robust_at(model, x, labels, [epsilon], step)[:, 0]
        found[f"standing_single_step_{norm}"] = stands.cpu().numpy()
        stands = robust_at(model, x, labels, [far], attack, unit.generator())[:, 0]
        found[f"standing_far_{norm}"] = stands.cpu().numpy()
    return found


def apgd(unit: Unit, norm: Norm) -> Part:
    """`standing_apgd_<norm>`: right under APGD at the task's radius."""
    settings, epsilon = unit.settings, unit.task.radii[norm]
    attack = Apgd(epsilon, norm, settings.apgd_iterations, settings.apgd_targets, settings.apgd_precision)
    x_adv = attack(unit.model, unit.x, unit.labels, unit.seed)  # leaves alone what is wrong when clean
    return {f"standing_apgd_{norm}": right(unit.model, x_adv, unit.labels).cpu().numpy()}


PARTS: Mapping[str, Callable[[Unit], Part]] = {
    "curve": curve,
    "gradients": gradients,
    "quick": quick_attacks,
    "apgd-linf": partial(apgd, norm="linf"),
    "apgd-l2": partial(apgd, norm="l2"),
}
"""The parts of a network's measurement; each takes a batch of images."""


def examples(unit: Unit) -> Part:
    """`linf` and `l2`: images (B, C, H, W) that PGD made at the task's radii, all run to the end, to be passed on.

    (An image that stops as soon as its own network errs has barely crossed its boundary and would spare others.)
    """
    attacks = {norm: unit.settings.pgd(norm, epsilon, restarts=1) for norm, epsilon in unit.task.radii.items()}
    return {
        norm: attack(unit.model, unit.x, unit.labels, unit.generator()).cpu().numpy()
        for norm, attack in attacks.items()
    }


def right(model: nn.Module, x: Tensor, labels: Tensor) -> Tensor:
    """Whether each image is classified as labelled, bool (B,)."""
    with torch.no_grad():
        correct: Tensor = model(x).argmax(1) == labels
        return correct
