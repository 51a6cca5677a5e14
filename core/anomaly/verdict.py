"""What all of a network's detectors say of an image, and of what a change of growing strength makes of it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.anomaly.calibration import Calibration
from core.attacks.attack import AttackRequest
from core.attacks.catalogue import ATTACKS, run_attack
from core.data.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from core.data.tasks import Task
from core.errors import ConfigError, InputError
from core.models.asking import check_pixels
from core.models.step_precision import Precision, stepping
from core.models.zoo import ZooModel

PGD_STEPS = 20
SHARES = (0.0, 0.125, 0.25, 0.5, 1.0, 2.0)
"""Sizes of an attack, in the task's L-infinity radius; as many as a corruption has severities, with none at all."""


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """One network's detectors on S versions of an image; the first is the image itself.

    Attributes:
        task: the task's key.
        model: the model's key.
        settings: the change, its strengths, and the calibration's digest and sizes, as plain values.
        x: the versions (S, C, H, W), float32 in [0, 1].
        probs: softmax probabilities (S, K).
        scores: by detector (S,), higher is more anomalous.
        p_values: by detector (S,), in (0, 1]; see `core.anomaly.conformal.p_values`.
    """

    task: str
    model: str
    settings: Mapping[str, object]
    x: NDArray[np.float32]
    probs: NDArray[np.float32]
    scores: Mapping[str, NDArray[np.float64]]
    p_values: Mapping[str, NDArray[np.float64]]

    def flags(self, alpha: float, step: int = 0) -> tuple[str, ...]:
        """The detectors that flag version `step` while at most a share `alpha` of normal images is."""
        return tuple(key for key, values in self.p_values.items() if values[step] <= alpha)


def is_attack(change: str) -> bool:
    """Whether a change is an attack that leads away from an answer, in L-infinity."""
    return change in ATTACKS and ATTACKS[change].norm == "linf" and not ATTACKS[change].aims


def changes() -> tuple[str, ...]:
    """What can be done to an image, by key: attacks of the catalogue, then corruptions."""
    return (*filter(is_attack, ATTACKS), *CORRUPTIONS)


def strengths(task: Task, change: str) -> tuple[float, ...]:
    """The strengths of a change, from 0: epsilon in [0, 1] pixel units for an attack, severities for a corruption.

    Raises:
        ConfigError: an unknown change.
    """
    if change not in changes():
        raise ConfigError(f"change must be one of {', '.join(changes())}; got {change!r}")
    if is_attack(change):
        return tuple(share * task.radii["linf"] for share in SHARES)
    return (0.0, *map(float, SEVERITIES))


def perturb(model: ZooModel, x: Tensor, change: str, seed: int = 0, precision: Precision = "float32") -> Tensor:
    """The image (1, C, H, W) at each of the change's `strengths` (S, C, H, W); the first is the image itself.

    Attacks lead away from the class that the network answers, in L-infinity; those that take several steps take 20,
    from a random start where they draw one. For a corruption the image is rounded to 8 bits.

    Args:
        model: whom an attack is made against.
        x: float32 in [0, 1]; left unchanged.
        change: one of `changes()`.
        seed: of the random start, and of what a corruption draws.
        precision: of an attack's gradient steps.

    Raises:
        ConfigError: an unknown change.
        InputError: more than one image, or pixels that are not finite.
    """
    if len(x) != 1:
        raise InputError(f"one image is changed at a time; got {len(x)}")
    check_pixels(x)
    found, network = [x], stepping(model.fast, precision)
    for strength in strengths(model.task, change)[1:]:
        if is_attack(change):
            with torch.no_grad():
                answer = model.fast(x).argmax(1)
            generator = torch.Generator().manual_seed(seed)
            found.append(run_attack(change, AttackRequest(network, x, answer, strength, PGD_STEPS, generator)))
        else:
            pixels = (x * 255).round().to(torch.uint8).cpu()
            found.append(corrupt(pixels, change, int(strength), seed).to(x.device).float() / 255)
    return torch.cat(found)


def judge(
    model: ZooModel,
    screen: Calibration,
    x: Tensor,
    change: str = "",
    seed: int = 0,
    precision: Precision = "float32",
) -> Verdict:
    """What the detectors say of an image (1, C, H, W), and with a change of it at each strength.

    Args:
        model: the network that the screen belongs to.
        screen: its detectors.
        x: float32 in [0, 1]; left unchanged.
        change: one of `changes()`, or "" for the image alone.
        seed: see `perturb`.
        precision: see `perturb`; whatever is said of the images is in float32.

    Raises:
        ConfigError: an unknown change.
        InputError: more than one image, another network's screen, or answers that are not finite.
    """
    versions = perturb(model, x, change, seed, precision) if change else x
    signals = screen.measure(model, versions)
    scores = screen.scores(signals)
    with torch.no_grad():
        probs = model.fast(versions).softmax(1)
    settings = {
        "change": change,
        "strengths": list(strengths(model.task, change)) if change else [0.0],
        "seed": seed,
        "precision": precision,
        "sha256": model.card.sha256,
        "calibration": screen.digest,
        "p_value_images": screen.settings["p_value_images"],
        **(screen.own.settings() if screen.own else {}),
    }
    shown, answers = versions.cpu().numpy(), probs.cpu().numpy()
    return Verdict(model.card.task, model.card.key, settings, shown, answers, scores, screen.p_values(scores))
