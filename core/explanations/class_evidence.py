"""Whether what an attack draws is an explanation: three measures of it, and a verdict by two votes of three."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cosine_similarity

from core.attacks.scheduled import explanation
from core.draws import gaussian
from core.errors import ConfigError, InputError
from core.explanations.prediction import check_image, probabilities
from core.metrics.frequency import low_frequency_share
from core.models.step_precision import Precision, stepping
from core.models.zoo import ZooModel
from core.norms import rmse

JUDGES = ("standard", "pgd-linf", "pgd-l2")
"""The networks of a task that say whether they see the class too; fixed, so that no verdict moves with the zoo."""
CLASSES = 2
"""Explained for a verdict: the likeliest classes but the one predicted."""
STARTS = 2
START = 0.1
"""RMSE of the noise that a search starts from, in units of rho."""

EVIDENCE_MEASURES = ("transfer", "low_frequency", "agreement")
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From where each measure speaks for a drawn class; they hold for the task and the rho that they were chosen at.

    `core.reports.explanations.report` chooses them on `val`.
    """

    transfer: float
    low_frequency: float
    agreement: float


@dataclass(frozen=True, slots=True)
class Measures:
    """The three measures of each image (n,), float64; what they mean is said in `Evidence`.

    Where a network gives no gradient, nothing is drawn, and all three are NaN.
    """

    transfer: Array
    low_frequency: Array
    agreement: Array

    def draws(self, thresholds: Thresholds) -> NDArray[np.bool_]:
        """Whether at least two of the three measures (n,) reach their thresholds; NaN reaches none."""
        votes = [getattr(self, name) >= getattr(thresholds, name) for name in EVIDENCE_MEASURES]
        majority: NDArray[np.bool_] = np.sum(votes, axis=0) >= 2
        return majority


@dataclass(frozen=True, slots=True)
class Evidence:
    """Whether one model's attacks on one image draw a class or look like noise.

    Attributes:
        task: the task's key.
        model: the model's key.
        settings: `rho`, `seed`, `precision`, `classes` explained, `judges`, and the `thresholds` by name.
        transfer: the mean probability that the judges give to the class explained, on the picture clipped to [0, 1].
        low_frequency: the mean share of the change's energy at low frequencies (`core.metrics.frequency`).
        agreement: the mean cosine of the changes found from two random starts.
        draws: whether at least two of the three reach their thresholds.
    """

    task: str
    model: str
    settings: dict[str, object]
    transfer: float
    low_frequency: float
    agreement: float
    draws: bool

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        return "this network's attacks draw the class" if self.draws else "this network's attacks look like noise"


def judges_of(model: ZooModel, others: Sequence[ZooModel]) -> list[ZooModel]:
    """Those of `others` that judge `model`: the task's `JUDGES`, less the model itself (by its weights).

    Raises:
        InputError: there is none.
    """
    judges = [
        other
        for key in JUDGES
        for other in others
        if (other.card.task, other.card.key) == (model.card.task, key) and other.card.sha256 != model.card.sha256
    ]
    if not judges:
        raise InputError(
            f"whether {model.card.key} draws a class must be judged by other networks of {model.task.title}: "
            f"one of {', '.join(JUDGES)} is needed"
        )
    return judges


def evidence(
    model: ZooModel,
    others: Sequence[ZooModel],
    x: Tensor,
    rho: float,
    thresholds: Thresholds,
    seed: int = 0,
    precision: Precision = "float32",
) -> Evidence:
    """What speaks for it that the explanations of the image `x` (1, C, H, W) show a class, and the verdict.

    Args:
        model: whose attacks are in question.
        others: networks of the same task; those in `JUDGES` judge, so that the whole zoo may be given.
        x: one image, float32 in [0, 1].
        rho: RMSE of the explanations in [0, 1] pixel units, above 0; the one that the thresholds were chosen at.
        thresholds: from the task's report `explanations`.
        seed: of the starts.
        precision: of the gradient steps; what they found is judged in float32. (Our addition.)

    Raises:
        InputError: `x` is not one image of the task, no judges, one class only, logits that are not finite, or a
            network without gradients.
        ConfigError: rho <= 0.
    """
    check_image(model, x)
    judges = judges_of(model, others)
    found = measures(model, judges, x, rho, seed, precision)
    if np.isnan(found.agreement[0]):
        raise InputError(
            f"{model.card.key} gives no gradient for this image, so that nothing can be said of its attacks"
        )
    settings: dict[str, object] = {
        "rho": rho,
        "seed": seed,
        "precision": precision,
        "classes": CLASSES,
        "judges": ",".join(judge.card.key for judge in judges),
        "thresholds": {name: getattr(thresholds, name) for name in EVIDENCE_MEASURES},
    }
    return Evidence(
        model.card.task,
        model.card.key,
        settings,
        float(found.transfer[0]),
        float(found.low_frequency[0]),
        float(found.agreement[0]),
        bool(found.draws(thresholds)[0]),
    )


def measures(
    model: ZooModel,
    judges: Sequence[ZooModel],
    x: Tensor,
    rho: float,
    seed: int = 0,
    precision: Precision = "float32",
) -> Measures:
    """The three measures of the images `x` (n, C, H, W), float32 in [0, 1], as `Evidence` defines them.

    The `CLASSES` likeliest classes but the one predicted are encouraged within an RMSE of rho, as an explanation is,
    but from two random starts: Gaussian noise of RMSE `START * rho`. The noise is the same for every image of a batch,
    so that an image gets the same figures alone, to rounding. Transfer and low frequencies are means over both.

    Raises:
        InputError: logits that are not finite, or one class only.
        ConfigError: rho <= 0.
    """
    if not rho > 0:
        raise ConfigError(f"rho must be above 0 to judge what is drawn; got {rho}")
    with torch.no_grad():
        probs = probabilities(model, model.fast(x))
    count = min(CLASSES, probs.shape[1] - 1)
    if count < 1:
        raise InputError(f"{model.card.key} knows one class only, so that its attacks have no other to draw")
    targets = probs.argsort(dim=1, descending=True, stable=True)[:, 1 : 1 + count].flatten()
    generator = torch.Generator().manual_seed(seed)
    noises = []
    for _ in range(STARTS):
        noise = gaussian((1, count, *x.shape[1:]), generator, x)
        noise = START * rho * noise / noise.square().mean((2, 3, 4), keepdim=True).sqrt()
        noises.append(noise.expand(len(x), -1, -1, -1, -1).flatten(0, 1))
    start, targets = torch.cat(noises), targets.repeat(STARTS)  # both searches at once: a pass of few images is slow
    images = x.repeat_interleave(count, 0).repeat(STARTS, 1, 1, 1)
    delta = explanation(rho)(stepping(model.fast, precision), images, targets, start=start).delta
    shown = (images + delta).clamp(0.0, 1.0)
    with torch.no_grad():
        probabilities(model, model.fast(shown))
        each = [probabilities(judge, judge.fast(shown)).gather(1, targets[:, None])[:, 0] for judge in judges]
    seen = torch.stack(each).mean(0).cpu().double().numpy().reshape(STARTS, -1)
    low = low_frequency_share(delta.cpu().numpy()).reshape(STARTS, -1)
    one, other = delta.flatten(1).chunk(STARTS)
    agreement = cosine_similarity(one, other).cpu().double().numpy()
    moved = (rmse(delta - start) > 0).view(STARTS, -1, count).all(0)
    still = ~moved.any(1).cpu().numpy()

    def per_image(values: Array) -> Array:
        return np.where(still, np.nan, values.reshape(-1, count).mean(1))

    return Measures(per_image(seen.mean(0)), per_image(low.mean(0)), per_image(agreement))
