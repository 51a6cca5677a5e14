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
from core.anomaly.attacked import ATTACKS, STEPS, attacked
from core.anomaly.baselines import Baselines, pooled_features
from core.anomaly.calibration import BATCH, Calibration
from core.anomaly.catalogue import DETECTORS
from core.anomaly.conformal import halves
from core.anomaly.detector import AttackedImages, FittedDetector, FittingData, TrainingFeatures
from core.anomaly.direction import mean_gradients
from core.anomaly.grood import noise_features
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
from core.data.datasets import LabelledImages
from core.errors import InputError
from core.models.asking import at_once
from core.models.head import head_of
from core.models.zoo import ZooModel
from core.progress import OnPartProgress, OnProgress, silent, silent_on_parts

_BASELINE_IMAGES = 5_000
_FEWEST = 10  # attacked images that change their answer, to train on
_LEVELS = 127  # of a direction, either side of zero


def fit_calibration(
    model: ZooModel,
    train: LabelledImages,
    calibration: LabelledImages,
    seed: int = 0,
    on_progress: OnPartProgress = silent_on_parts,
) -> Calibration:
    """Detectors fitted to the first half of `calibration`, with p-values from the second.

    The baselines are fitted to the first 5,000 training images, as their papers do; what is trained on attacks, on what
    they made of the first half's images that were right before and wrong after.

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
    labels, attacks = calibration.labels[first], _attacks(DETECTORS)
    found = _attacked_images(model, x, labels, attacks, seed, on_progress, lambda x: signals_of(x, "attacked"))
    training = training_features(model, some, seed)
    data = FittingData(fitting, found, weights, model.task.classes, seed, training)
    settings = {
        "task": model.card.task,
        "model": model.card.key,
        "sha256": model.card.sha256,
        "fit_images": len(x),
        "p_value_images": len(normal),
        "baseline_images": len(some),
        "perceptron_trained_on": f"PGD L-infinity, epsilon {model.task.radii['linf']:.4g}, {STEPS} steps: "
        f"{len(found['pgd'].index) if 'pgd' in found else 0} images right before and wrong after",
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
        if detector.light and key not in screen.fitted and (trained or not detector.attacks)
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
    attacks = _attacks(lacking)
    found = _attacked_images(model, x, labels, attacks, seed, on_progress, lambda x: measured(x, "attacked"))
    training = training_features(model, some, seed)
    data = FittingData(fitting, found, screen.weights, model.task.classes, seed, training)
    added = fitted_detectors(data, {key: screen.fitted.get(key) for key in DETECTORS if key in needed})
    normal = measured(calibration.images(second.start, second.stop), "p-values")
    normals = {**replace(screen, fitted=added).scores(normal), **screen.normals}
    detectors = {**added, **screen.fitted}
    held = [key for key in DETECTORS if key in detectors]
    return replace(screen, fitted={key: detectors[key] for key in held}, normals={key: normals[key] for key in held})


def training_features(model: ZooModel, some: LabelledImages, seed: int = 0) -> TrainingFeatures:
    """What a network that ends in a linear layer makes of training images, and of noise that `seed` draws."""
    found, linear = pooled_features(model, some.images()), head_of(model.fast, model.task.shape).linear
    with torch.no_grad():
        logits = linear(found).float().cpu().numpy()
    weight = linear.weight.detach().float().cpu().numpy()
    noise = noise_features(model, seed)
    return TrainingFeatures(found.cpu().numpy(), some.labels.cpu().numpy(), weight, logits, noise)


def whole_numbers(directions: Mapping[str, Tensor]) -> dict[str, NDArray[np.int8]]:
    """Each direction in units of its largest entry over 127."""
    return {
        name: (value / value.abs().amax().clamp_min(1e-30) * _LEVELS).round().to(torch.int8).cpu().numpy()
        for name, value in directions.items()
    }


def _attacks(keys: Collection[str]) -> tuple[str, ...]:
    """The attacks that detectors are trained on."""
    needed = {attack for key in keys for attack in DETECTORS[key].attacks}
    return tuple(attack for attack in ATTACKS if attack in needed)


def _attacked_images(
    model: ZooModel,
    x: Tensor,
    labels: Tensor,
    attacks: Collection[str],
    seed: int,
    on_progress: OnPartProgress,
    measured: Callable[[Tensor], GradientMeasurements],
) -> dict[str, AttackedImages]:
    """By attack what it made of images `x` of classes `labels`; left out where it turned too few."""
    found = {}
    for attack in attacks:
        parts, which = [], []
        for start in range(0, len(x), BATCH):
            part = slice(start, start + BATCH)
            x_adv, index = attacked(model, attack, x[part], labels[part], seed * 1_000_003 + start)
            parts.append(x_adv)
            which.append(start + index.cpu().numpy())
            on_progress(f"{model.card.key} attack", min(start + BATCH, len(x)), len(x))
        indices = np.concatenate(which)
        if len(indices) >= _FEWEST:
            found[attack] = AttackedImages(measured(torch.cat(parts)), indices)
    return found
