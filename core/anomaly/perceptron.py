"""The supervised detector: a two-layer perceptron on the gradient norms of normal images and of stated anomalies."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, linear

from core.errors import ConfigError, InputError
from core.metrics.detection import auroc

_ARRAYS = ("mean", "deviation", "w1", "b1", "w2", "b2")


@dataclass(frozen=True, slots=True)
class Training:
    """How the perceptron is trained. The papers give none of it, so these are ours.

    Attributes:
        hidden: units of the hidden layer.
        rate: Adam's step.
        epochs: at most.
        patience: epochs without a better validation AUROC before it stops; the best one is kept.
        batch_size: profiles a step.
        weight_decay: on the weights, as AdamW does it.

    Raises:
        ConfigError: a value that is impossible.
    """

    hidden: int = 64
    rate: float = 1e-3
    epochs: int = 200
    patience: int = 20
    batch_size: int = 64
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        if min(self.hidden, self.epochs, self.patience, self.batch_size) < 1 or self.rate <= 0 or self.weight_decay < 0:
            raise ConfigError(f"need sizes >= 1, rate > 0 and weight_decay >= 0; got {self}")


@dataclass(frozen=True, slots=True, eq=False)
class Perceptron:
    """`Linear -> ReLU -> Linear` on standardised values (Lee, AlRegib 2020, arXiv:2008.08030, Sec. 4); see `fit`.

    Attributes:
        mean: (L,) of the training normals.
        deviation: (L,) of the training normals.
        w1: (hidden, L).
        b1: (hidden,).
        w2: (1, hidden).
        b2: (1,).
    """

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    w1: NDArray[np.float32]
    b1: NDArray[np.float32]
    w2: NDArray[np.float32]
    b2: NDArray[np.float32]

    def score(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """The logit of "anomalous" (B,), of values (B, L) made as those it was fitted to.

        Its sigmoid is the probability. The logit ranks as that does, and still tells apart what it rounds to 1.

        Raises:
            InputError: another number of values.
        """
        if values.ndim != 2 or values.shape[1] != len(self.mean):
            raise InputError(f"the detector knows {len(self.mean)} values an image; got an array {values.shape}")
        z = (values - self.mean) / self.deviation
        return (np.maximum(z @ self.w1.T + self.b1, 0.0) @ self.w2.T + self.b2)[:, 0].astype(np.float64)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that it is made of, for an npz file."""
        return {name: getattr(self, name) for name in _ARRAYS}


def from_arrays(arrays: Mapping[str, NDArray[Any]]) -> Perceptron:
    """The detector that `Perceptron.arrays` took apart.

    Raises:
        InputError: arrays are missing, or don't fit together.
    """
    missing = [name for name in _ARRAYS if name not in arrays]
    if missing:
        raise InputError(f"this is no perceptron: {missing[0]} is missing")
    found = {name: np.asarray(arrays[name]) for name in _ARRAYS}
    hidden, width = found["w1"].shape if found["w1"].ndim == 2 else (0, 0)
    shapes = {"mean": (width,), "deviation": (width,), "b1": (hidden,), "w2": (1, hidden), "b2": (1,)}
    if not hidden or any(found[name].shape != shape for name, shape in shapes.items()):
        raise InputError("this is no perceptron: the shapes of its arrays don't fit together")
    return Perceptron(**found)


def fit(
    normal: NDArray[np.floating],
    anomalous: NDArray[np.floating],
    validation: tuple[NDArray[np.floating], NDArray[np.floating]],
    generator: torch.Generator,
    training: Training | None = None,
) -> Perceptron:
    """A perceptron that tells `anomalous` (m, L) from `normal` (n, L); both sides weigh the same.

    An image and its attacked twin must be on one side of the cut into training, validation and test. The network that
    comes back is that of the epoch of largest validation AUROC, the first of equals.

    Args:
        normal: values of normal images, as `core.anomaly.norm_detectors.features` gives them.
        anomalous: those of the stated anomalies.
        validation: normal and anomalous ones that it is not trained on.
        generator: of the first weights and the order.
        training: None takes `Training()`.

    Raises:
        InputError: an empty side, or values that are not finite.
    """
    parts = (normal, anomalous, *validation)
    if any(part.ndim != 2 or not len(part) or not np.isfinite(part).all() for part in parts):
        raise InputError("the perceptron is fitted to finite values (n, L) of at least one image a side")
    training = training or Training()
    mean, deviation = normal.mean(0), normal.std(0)
    deviation = np.where(deviation > 0, deviation, 1.0)
    values = torch.from_numpy((np.concatenate([normal, anomalous]) - mean) / deviation).float()
    labels = torch.cat([torch.zeros(len(normal)), torch.ones(len(anomalous))])
    weight = torch.where(labels > 0, len(labels) / (2 * len(anomalous)), len(labels) / (2 * len(normal)))
    weights = _first_weights(values.shape[1], training.hidden, generator)
    optimiser = torch.optim.AdamW(weights, training.rate, weight_decay=training.weight_decay)
    best, reached, since = None, -1.0, 0
    for _ in range(training.epochs):
        for index in torch.randperm(len(labels), generator=generator).split(training.batch_size):
            w1, b1, w2, b2 = weights
            with torch.enable_grad():
                logits = linear(linear(values[index], w1, b1).relu(), w2, b2)[:, 0]
                loss = binary_cross_entropy_with_logits(logits, labels[index], weight[index])
                grads = torch.autograd.grad(loss, weights)
            for parameter, grad in zip(weights, grads, strict=True):
                parameter.grad = grad
            optimiser.step()
        candidate = Perceptron(mean, deviation, *(w.detach().cpu().numpy().copy() for w in weights))
        now = auroc(*(candidate.score(part) for part in validation))
        if now > reached:
            best, reached, since = candidate, now, 0
        else:
            since += 1
        if since >= training.patience:
            break
    assert best is not None
    return best


def _first_weights(width: int, hidden: int, generator: torch.Generator) -> list[nn.Parameter]:
    """Weights and biases, uniform within one over the root of the inputs, as torch draws them for a linear layer."""

    def drawn(*shape: int, inputs: int) -> Tensor:
        values: Tensor = (2 * torch.rand(*shape, generator=generator) - 1) * inputs**-0.5
        return values

    shapes = (((hidden, width), width), ((hidden,), width), ((1, hidden), hidden), ((1,), hidden))
    return [nn.Parameter(drawn(*shape, inputs=inputs)) for shape, inputs in shapes]
