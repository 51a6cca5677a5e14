"""Fitting a network's detectors, and calibrating them: all that a screen is made of.

The first half of the `calibration` split fits, the second gives p-values; the network saw neither.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.anomaly import baselines
from core.anomaly.baselines import Baselines, pooled_features
from core.anomaly.calibration import BATCH, Calibration
from core.anomaly.catalogue import DETECTORS
from core.anomaly.conformal import halves
from core.anomaly.detector import AttackedImages, FittedDetector, FittingData, TrainingFeatures
from core.anomaly.direction import mean_gradients
from core.anomaly.measurements import (
    EVERY,
    MAIN,
    PROBES,
    GradientMeasurements,
    as_tensors,
    joined,
    measure,
    weights_among,
)
from core.anomaly.norm_detectors import features
from core.anomaly.perceptron_detector import PERCEPTRON
from core.attacks.pgd import Pgd
from core.data.datasets import LabelledImages
from core.errors import InputError
from core.models.asking import at_once
from core.models.head import head_of
from core.models.zoo import ZooModel
from core.progress import OnPartProgress, OnProgress, silent, silent_on_parts

_BASELINE_IMAGES = 5_000
_FEWEST = 10  # attacked images that change their answer, to train on
_PGD_STEPS = 20
_LEVELS = 127  # of a direction, either side of zero


def fit_calibration(
    model: ZooModel,
    train: LabelledImages,
    calibration: LabelledImages,
    seed: int = 0,
    on_progress: OnPartProgress = silent_on_parts,
) -> Calibration:
    """Detectors fitted to the first half of `calibration`, with p-values from the second.

    The baselines are fitted to the first 5,000 training images, as their papers do; what is trained on attacks, on PGD
    (20 steps, L-infinity, shares of the task's radius) of the first half's images that were right before and wrong
    after.

    Args:
        model: the network.
        train: images that it learned from.
        calibration: images that it did not.
        seed: of the attack's starts and the perceptron's training.
        on_progress: called with what is measured, images done, and of how many.

    Raises:
        InputError: too few images, or training images that miss a class.
        ConfigError: fewer than two calibration images.
    """
    first, second = halves(len(calibration))
    some = train.first(_BASELINE_IMAGES)
    fitted_baselines = baselines.fit(model, some.images(), some.labels)
    x = calibration.images(first.start, first.stop)
    directions = whole_numbers(mean_gradients(model.plain, x, PROBES[MAIN], EVERY))
    tensors = as_tensors(directions)

    def signals_of(images: Tensor, what: str) -> GradientMeasurements:
        def told(done: int, of: int) -> None:
            on_progress(f"{model.card.key} {what}", done, of)

        return measured_in_batches(model, images, tensors, fitted_baselines, told)

    fitting, normal = signals_of(x, "fit"), signals_of(calibration.images(second.start, second.stop), "p-values")
    weights = weights_among(model)
    labels, radii = calibration.labels[first], _radii(DETECTORS)
    attacked = _attacked_images(model, x, labels, radii, seed, on_progress, lambda x: signals_of(x, "attacked"))
    training = training_features(model, some)
    data = FittingData(fitting, attacked, weights, model.task.classes, seed, training)
    settings = {
        "task": model.card.task,
        "model": model.card.key,
        "sha256": model.card.sha256,
        "fit_images": len(x),
        "p_value_images": len(normal),
        "baseline_images": len(some),
        "perceptron_trained_on": f"PGD L-infinity, epsilon {model.task.radii['linf']:.4g}, {_PGD_STEPS} steps: "
        f"{len(attacked[1.0].index) if 1.0 in attacked else 0} images right before and wrong after",
        "data": f"{calibration.origin}; {train.origin}",
        "seed": seed,
    }
    return fitted_screen(model, settings, data, fitted_baselines, directions, normal)


def measured_in_batches(
    model: ZooModel,
    x: Tensor,
    directions: Mapping[str, Tensor],
    known: Baselines,
    on_progress: OnProgress = silent,
    light: bool = False,
) -> GradientMeasurements:
    """What `core.anomaly.measurements.measure` gives of images (n, C, H, W), telling how many are done."""
    found = []
    done = 0
    for part in x.split(at_once(x, BATCH)):
        found.append(measure(model, part, known, directions, light=light))
        done += len(part)
        on_progress(done, len(x))
    return joined(found)


def fitted_screen(
    model: ZooModel,
    settings: Mapping[str, Any],
    data: FittingData,
    known: Baselines,
    directions: Mapping[str, NDArray[np.int8]],
    normal: GradientMeasurements,
) -> Calibration:
    """The calibration whose detectors are fitted to `data`, with p-values from the images that gave `normal`."""
    band = np.quantile(features(normal.squared[MAIN]), [0.05, 0.5, 0.95], axis=0)
    names = EVERY.names(model.plain)
    screen = Calibration(
        settings, names, data.weights, fitted_detectors(data, dict.fromkeys(DETECTORS)), known, directions, {}, band
    )
    return replace(screen, normals=screen.scores(normal))


def fitted_detectors(data: FittingData, known: Mapping[str, FittedDetector | None]) -> dict[str, FittedDetector]:
    """Detectors by key, each as it is known, or else fitted to `data`; left out where that is not enough."""
    detectors: dict[str, FittedDetector] = {}
    scores: dict[str, NDArray[np.float64]] = {}
    for key, detector in known.items():
        fitted = detector or DETECTORS[key].fit(data, scores)
        if fitted is not None:
            detectors[key] = fitted
            scores[key] = fitted.score(data.normal, scores)
    return detectors


def light_lacking(screen: Calibration) -> tuple[str, ...]:
    """The detectors that a calibration can be given by `with_lacking`: those that came into the catalogue after it.

    Where there is no perceptron, attacks turned too few answers to train on, and nothing else can be.
    """
    trained = PERCEPTRON in screen.fitted
    return tuple(
        key
        for key, detector in DETECTORS.items()
        if detector.light and key not in screen.fitted and (trained or not detector.radii)
    )


def with_lacking(
    model: ZooModel,
    screen: Calibration,
    train: LabelledImages,
    calibration: LabelledImages,
    on_progress: OnPartProgress = silent_on_parts,
) -> Calibration:
    """A calibration with the detectors that `light_lacking` names; all others stay as they are, bit for bit.

    Args:
        model: the network.
        screen: its calibration, as `fit_calibration` made it of the same images.
        train: images that it learned from.
        calibration: images that it did not.
        on_progress: called with what is measured, images done, and of how many.

    Raises:
        InputError: the calibration was made of other images.
    """
    first, second = halves(len(calibration))
    stated = [screen.settings[name] for name in ("fit_images", "p_value_images")]
    if screen.own is not None or stated != [part.stop - part.start for part in (first, second)]:
        raise InputError(f"{model.card.key} was calibrated on other images, so that nothing can be added: fit it again")
    lacking = light_lacking(screen)
    needed = {*lacking, *(member for key in lacking for member in DETECTORS[key].of)}
    some = train.first(screen.settings["baseline_images"])

    def measured(images: Tensor, what: str) -> GradientMeasurements:
        told = partial(on_progress, f"{model.card.key} {what}")
        return measured_in_batches(model, images, as_tensors(screen.directions), screen.baselines, told, light=True)

    x, labels = calibration.images(first.start, first.stop), calibration.labels[first]
    fitting, seed = measured(x, "fit"), screen.settings["seed"]
    attacked = _attacked_images(model, x, labels, _radii(lacking), seed, on_progress, lambda x: measured(x, "attacked"))
    training = training_features(model, some)
    data = FittingData(fitting, attacked, screen.weights, model.task.classes, seed, training)
    added = fitted_detectors(data, {key: screen.fitted.get(key) for key in DETECTORS if key in needed})
    normal = measured(calibration.images(second.start, second.stop), "p-values")
    normals = {**replace(screen, fitted=added).scores(normal), **screen.normals}
    detectors = {**added, **screen.fitted}
    held = [key for key in DETECTORS if key in detectors]
    return replace(screen, fitted={key: detectors[key] for key in held}, normals={key: normals[key] for key in held})


def training_features(model: ZooModel, some: LabelledImages) -> TrainingFeatures:
    """The features of training images of a network that ends in a linear layer, and that layer's weights."""
    found = pooled_features(model, some.images()).cpu().numpy()
    weight = head_of(model.fast, model.task.shape).linear.weight.detach().float().cpu().numpy()
    return TrainingFeatures(found, some.labels.cpu().numpy(), weight)


def whole_numbers(directions: Mapping[str, Tensor]) -> dict[str, NDArray[np.int8]]:
    """Each direction in units of its largest entry over 127."""
    return {
        name: (value / value.abs().amax().clamp_min(1e-30) * _LEVELS).round().to(torch.int8).cpu().numpy()
        for name, value in directions.items()
    }


def _radii(keys: Collection[str]) -> tuple[float, ...]:
    """The shares of the task's radius at which detectors are trained on attacks, smallest first."""
    return tuple(sorted({share for key in keys for share in DETECTORS[key].radii}))


def _attacked_images(
    model: ZooModel,
    x: Tensor,
    labels: Tensor,
    radii: Collection[float],
    seed: int,
    on_progress: OnPartProgress,
    measured: Callable[[Tensor], GradientMeasurements],
) -> dict[float, AttackedImages]:
    """By share of the radius what PGD made of images `x` of classes `labels`; left out where it turned too few."""
    found = {}
    for share in radii:
        attacked, index = _attacked(model, x, labels, share, seed, on_progress)
        if len(index) >= _FEWEST:
            found[share] = AttackedImages(measured(attacked), index)
    return found


def _attacked(
    model: ZooModel, x: Tensor, labels: Tensor, share: float, seed: int, on_progress: OnPartProgress
) -> tuple[Tensor, NDArray[np.int64]]:
    """The attacked images that were right before and are wrong after, and which of `x` they were."""
    attack = Pgd(share * model.task.radii["linf"], "linf", _PGD_STEPS)
    found, which = [], []
    for start in range(0, len(x), BATCH):
        part, right = x[start : start + BATCH], labels[start : start + BATCH]
        x_adv = attack(model.fast, part, right, torch.Generator().manual_seed(seed * 1_000_003 + start))
        with torch.no_grad():
            hit = (model.fast(part).argmax(1) == right) & (model.fast(x_adv).argmax(1) != right)
        found.append(x_adv[hit])
        which.append(start + hit.nonzero()[:, 0].cpu().numpy())
        on_progress(f"{model.card.key} attack", min(start + BATCH, len(x)), len(x))
    return torch.cat(found), np.concatenate(which)
