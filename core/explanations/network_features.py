"""A network's own features of images: what its last layer reads."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.attacks.pgd import Pgd
from core.errors import InputError
from core.explanations.prediction import check_image
from core.models.asking import at_once
from core.models.pooled import as_pooled
from core.models.step_precision import Precision, stepping
from core.models.zoo import ZooModel

CHUNK = 100
STEPS = 20
Features = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class PulledPicture:
    """Where a network's features of one image lie, and where an attack takes them.

    Attributes:
        features: of the image (D,), float32.
        features_adv: of the attacked image (D,).
        before: the class answered to the image.
        after: and to the attacked one.
    """

    features: Features
    features_adv: Features
    before: int
    after: int


def pooled_features(
    model: ZooModel, x: Tensor, on_progress: Callable[[int], None] = lambda done: None
) -> tuple[Features, NDArray[np.int64]]:
    """The mean over places of the last feature map (n, D), and the classes answered (n,), of images (n, C, H, W).

    Args:
        model: a network that ends in a linear layer on that mean.
        x: float32 in [0, 1].
        on_progress: called with the images done; what it raises ends the work.

    Raises:
        ConfigError: the network ends otherwise.
        InputError: features that are not finite.
    """
    network = as_pooled(model.fast)
    found, answers = [], []
    done = 0
    for part in x.split(at_once(x, CHUNK)):
        with torch.no_grad():
            features = network.features(part).mean((2, 3))
            found.append(features.cpu().numpy())
            answers.append(network.last_layer(features).argmax(1).cpu().numpy())
        if not np.isfinite(found[-1]).all():
            raise InputError(f"{model.card.key} has features that are not finite")
        done += len(part)
        on_progress(done)
    return np.concatenate(found), np.concatenate(answers)


def attacked_features(
    model: ZooModel,
    x: Tensor,
    epsilon: float,
    on_progress: Callable[[int], None] = lambda done: None,
    seed: int = 0,
    precision: Precision = "float32",
) -> tuple[Features, NDArray[np.int64]]:
    """Features (n, D) and answers (n,) once images (n, C, H, W) are attacked: PGD of `STEPS` steps in L-infinity.

    Args:
        model: a network that ends in a linear layer on the mean of its features; each answer of it is attacked.
        x: float32 in [0, 1].
        epsilon: radius in [0, 1] pixel units.
        on_progress: called with the images done; what it raises ends the work.
        seed: of the random starts.
        precision: of the gradient steps; features and answers are in float32.

    Raises:
        ConfigError: the network ends otherwise.
        InputError: features that are not finite.
    """
    generator, attack = torch.Generator().manual_seed(seed), Pgd(epsilon, steps=STEPS)
    network = stepping(model.fast, precision)
    found, answers, done = [], [], 0
    for part in x.split(at_once(x, CHUNK)):
        with torch.no_grad():
            before = model.fast(part).argmax(1)
        features, after = pooled_features(model, attack(network, part, before, generator))
        found.append(features)
        answers.append(after)
        done += len(part)
        on_progress(done)
    return np.concatenate(found), np.concatenate(answers)


def pulled_picture(
    model: ZooModel, x: Tensor, epsilon: float, seed: int = 0, precision: Precision = "float32"
) -> PulledPicture:
    """The features of an image `x` (1, C, H, W) before and after PGD away from the network's answer, in L-infinity.

    Gradient steps are taken in `precision`.

    Raises:
        ConfigError: the network does not end in a linear layer on the mean of its features.
        InputError: `x` is not one image of its task.
    """
    check_image(model, x)
    features, answers = pooled_features(model, x)
    moved, after = attacked_features(model, x, epsilon, seed=seed, precision=precision)
    return PulledPicture(features[0], moved[0], int(answers[0]), int(after[0]))
