"""What the report `adversarial` measures on one batch of images: a network and a search in, arrays out."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from core.attacks.apgd import Apgd
from core.attacks.smallest import SmallestChange
from core.attacks.softened import LEAD, Softened
from core.norms import rmse
from core.reports.form.masking import ZERO, ZERO_SHARE
from core.reports.form.resume import Part
from core.reports.form.settings import ReportSettings
from core.reports.robustness.measurements import FLOOR, right, slope

MORE = FLOOR | {("cifar10", key) for key in ("pgd-l2-large", "pgd-l2-radii", "pgd-l2-radii-wide")}
"""Networks that are measured on more images."""

PUSHES = (1.0, 1.001, 1.01)
"""Judging an image asks the network again, beside other images than the search did; rounding may then lay it on the
boundary's other side. It is pushed on by so much, and the push counts as distance."""

REFERENCE_AGREES = (
    "on the first 50 test images, for cifar10 pgd-linf, the area of the attack is 0.998 of that of the reference's 450 "
    "steps and the median ratio of distances 1.002, in 0.53 of the steps; of its last 225 steps alone it is 1.017"
)
"""Why the reference's middle steps are left out: measured on CPU, stated in each report."""

REACHES: Mapping[str, float] = {"near": 0.5, "middle": 1.0, "far": 2.0}
"""The L2 radii, in units of the task's, that APGD is asked about for the networks in `MORE`: an area is a mean of
distances, which rises also where images that are hard are given up for others. These figures show which."""
REACH_FIGURES = tuple(f"apgd_{name}" for name in REACHES)
"""What these figures are called in a row; `<figure>_l2` is the radius."""
REACH_IMAGES = 300
REACH_ITERATIONS = 100

SEARCHES: Mapping[str, str] = {"attack": "ara", "btr": "btr_ara", "clamped": "ara_clamped"}
"""The searches, and the measure that each gives."""


@dataclass(frozen=True, slots=True)
class AdversarialSettings(ReportSettings):
    """What the report measures.

    Attributes:
        images: attacks are run on the first so many test images,
        more_images: and on so many for the networks in `MORE`.
        opening: steps of the reference's 450 from their beginning (see `core.attacks.smallest`),
        steps: and from their end.
        clamped_steps: likewise from their end, in the clamped search.
        clamped_finer: further steps of the clamped search in each image's own scale.

    The seed is of the intervals' resamples; nothing else is random.

    Raises:
        ConfigError: a count below 1, or what `SmallestChange` refuses.
    """

    counts: ClassVar = ("images", "more_images")

    images: int = 500
    more_images: int = 1000
    opening: int = 40
    steps: int = 200
    clamped_steps: int = 100
    clamped_finer: int = 100

    def __post_init__(self) -> None:
        ReportSettings.__post_init__(self)
        for name in SEARCHES:
            self.search(name)

    def images_of(self, task: str, key: str) -> int:
        """How many images the network is attacked on."""
        return self.more_images if (task, key) in MORE else self.images

    def search(self, name: str) -> SmallestChange:
        """The search of that name in `SEARCHES`."""
        if name == "clamped":
            return SmallestChange("smallest", self.opening, self.clamped_steps, self.clamped_finer, clamp=True)
        return SmallestChange("smallest" if name == "attack" else "better-than-random", self.opening, self.steps)

    def stated(self, task: str) -> dict[str, Any]:
        """Everything here that decides the figures of a task, as plain values."""
        return {
            **asdict(self),
            "searches": {name: asdict(self.search(name)) for name in SEARCHES},
            "more_models": sorted(key for more_task, key in MORE if more_task == task),
            "reference": REFERENCE_AGREES,
            "pushes": list(PUSHES),
            "precision": "float32, fast form",
            "softened": f"where cross-entropy has an input gradient of at most {ZERO:.3g} on over {ZERO_SHARE:.0%} of "
            f"the images, all searches of the network follow logits scaled down to a lead of {LEAD:g}: not the "
            "reference's form, which finds nothing there",
        }


def gradient_norms(model: nn.Module, x: Tensor, labels: Tensor) -> Part:
    """`gradient_norm`: of cross-entropy with the label, on the clean images (B, C, H, W), L2 (B,)."""
    return {"gradient_norm": slope(model, x, labels)[1].cpu().numpy()}


def reached(model: nn.Module, x: Tensor, labels: Tensor, radii: Sequence[float], seed: int) -> Part:
    """`reach`: the smallest L2 radius at which APGD breaks each image (B,); 0 where wrong when clean, inf for none.

    What fell at a radius counts as fallen at larger ones, and is attacked no more.

    Args:
        model: images (B, C, H, W) to logits (B, K), in eval mode and frozen.
        x: clean images (B, C, H, W), float32 in [0, 1].
        labels: the right classes (B,), int64.
        radii: in input units, from the smallest up.
        seed: of the attack's starts.
    """
    found = torch.where(right(model, x, labels), torch.inf, 0.0)
    for radius in radii:
        standing = found.isinf().nonzero()[:, 0]
        if len(standing) == 0:
            break
        attack = Apgd(radius, "l2", REACH_ITERATIONS, precision="bf16")
        x_adv = attack(model, x[standing], labels[standing], seed)
        found[standing[~right(model, x_adv, labels[standing])]] = radius
    return {"reach": found.cpu().numpy()}


def measure(model: nn.Module, x: Tensor, labels: Tensor, search: SmallestChange, softened: bool = False) -> Part:
    """`distance` and `first` of a search, as the report has them.

    Args:
        model: images (B, C, H, W) to logits (B, K), in eval mode.
        x: clean images (B, C, H, W), float in [0, 1].
        labels: the right classes (B,), int64.
        search: what is searched.
        softened: search on the network `Softened`; success is judged on the network as it is.
    """
    outcome = search(Softened(model) if softened else model, x, labels)
    distance = torch.full((len(x),), torch.inf, device=x.device)
    for push in PUSHES:
        x_adv = x + push * outcome.delta
        x_adv = x_adv.clamp(0.0, 1.0) if search.clamp else x_adv
        with torch.no_grad():
            met = search.met(model(x_adv).float(), labels)
        size = rmse(x_adv - x)
        distance = torch.where(met & distance.isinf(), size, distance)
    return {"distance": distance.cpu().numpy(), "first": outcome.first.cpu().numpy().astype(np.int16)}
