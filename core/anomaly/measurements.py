"""What every detector of a screen reads of an image, measured once: gradients, features, layers, logits, baselines."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.anomaly.baselines import BASELINES, Baselines, pooled_features
from core.anomaly.confounding import ConfoundingLabel
from core.anomaly.direction import misalignment
from core.anomaly.gradients import CHUNK, Groups, several_weight_gradients
from core.anomaly.layers import layer_statistics
from core.errors import InputError
from core.models.zoo import ZooModel

EVERY = Groups(batch_norm=True, biases=True)
MAIN = "ones"
PROBES: Mapping[str, ConfoundingLabel] = {
    MAIN: ConfoundingLabel(),
    "softmax": ConfoundingLabel(head="softmax"),
    "predicted": ConfoundingLabel("predicted", "cross-entropy"),
}
"""The labels and losses that detectors use: the paper's as read here, pytorch-ood's, and the class predicted (ours)."""


@dataclass(frozen=True, slots=True, eq=False)
class GradientMeasurements:
    """What was measured of images.

    Attributes:
        squared: by probe the squared gradient norm on every parameter tensor (n, L), float32; the main probe is always
            there.
        misaligned: `1 - cos` with the mean gradient of normal images under the main probe (n, L), float32.
        baselines: by name a score (n,), float64; those that there are for the network.
        predicted: class predicted (n,), int64.
        features: that the last layer reads (n, D), float32; (n, 0) where the network does not end in a linear layer.
        logits: (n, K), float32.
        layers: mean and deviation of channels inside of the network (n, P), float32; see `core.anomaly.layers`.
    """

    squared: Mapping[str, NDArray[np.float32]]
    misaligned: NDArray[np.float32]
    baselines: Mapping[str, NDArray[np.float64]]
    predicted: NDArray[np.int64]
    features: NDArray[np.float32]
    logits: NDArray[np.float32]
    layers: NDArray[np.float32]

    def __len__(self) -> int:
        """The number of images n."""
        return len(self.predicted)

    def rows(self, chosen: slice | NDArray[Any]) -> "GradientMeasurements":
        """Those of some of the images."""
        return GradientMeasurements(
            {name: values[chosen] for name, values in self.squared.items()},
            self.misaligned[chosen],
            {name: values[chosen] for name, values in self.baselines.items()},
            self.predicted[chosen],
            self.features[chosen],
            self.logits[chosen],
            self.layers[chosen],
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that it is made of, for an npz file."""
        return {
            **{f"squared/{name}": values for name, values in self.squared.items()},
            **{f"baseline/{name}": values for name, values in self.baselines.items()},
            "misaligned": self.misaligned,
            "predicted": self.predicted,
            "features": self.features,
            "logits": self.logits,
            "layers": self.layers,
        }


def from_arrays(arrays: Mapping[str, NDArray[Any]]) -> GradientMeasurements:
    """What `Signals.arrays` took apart.

    Raises:
        InputError: arrays are missing.
    """
    try:
        return GradientMeasurements(
            {name: arrays[f"squared/{name}"] for name in PROBES if name == MAIN or f"squared/{name}" in arrays},
            arrays["misaligned"],
            {name: arrays[f"baseline/{name}"] for name in BASELINES if f"baseline/{name}" in arrays},
            arrays["predicted"],
            arrays["features"],
            arrays["logits"],
            arrays["layers"],
        )
    except KeyError as error:
        raise InputError(f"these are no signals: {error} is missing") from error


def measure(
    model: ZooModel,
    x: Tensor,
    baselines: Baselines,
    directions: Mapping[str, Tensor],
    chunk: int = CHUNK,
    light: bool = False,
) -> GradientMeasurements:
    """The signals of images; no image's depend on the others. The network is not written to.

    Args:
        model: the network that `baselines` and `directions` belong to.
        x: images (n, C, H, W), float in [0, 1]; left unchanged.
        baselines: fitted to training images, or not.
        directions: mean gradient on each parameter tensor (1, ...), as `core.anomaly.direction.mean_gradients` gives
            them for `EVERY` group under the main probe.
        chunk: images at once.
        light: leave out the other probes and the baselines, which take two thirds of the time.

    Raises:
        InputError: no images, or answers that are not finite.
    """
    directions = {name: direction.to(x.device) for name, direction in directions.items()}
    probes = {MAIN: PROBES[MAIN]} if light else PROBES
    measured = several_weight_gradients(model.plain, x, list(probes.values()), EVERY, directions, chunk)
    found = dict(zip(probes, measured, strict=True))
    return GradientMeasurements(
        {name: each.squared.float().cpu().numpy() for name, each in found.items()},
        misalignment(found[MAIN], directions).float().cpu().numpy(),
        {} if light else baselines.score(model, x),
        found[MAIN].logits.argmax(1).cpu().numpy(),
        pooled_features(model, x).cpu().numpy(),
        found[MAIN].logits.float().cpu().numpy(),
        layer_statistics(model.plain, x).float().cpu().numpy(),
    )


def joined(parts: list[GradientMeasurements]) -> GradientMeasurements:
    """The signals of several groups of images, one after the other.

    Raises:
        InputError: nothing to join.
    """
    if not parts:
        raise InputError("there are no signals to join")
    arrays = [part.arrays() for part in parts]
    return from_arrays({name: np.concatenate([each[name] for each in arrays]) for name in arrays[0]})


def weights_among(model: ZooModel) -> NDArray[np.bool_]:
    """Which of the tensors of `EVERY` are weights of convolutions and linear layers (L,)."""
    weights = set(Groups().names(model.plain))
    return np.array([name in weights for name in EVERY.names(model.plain)])


def as_tensors(values: Mapping[str, NDArray[Any]]) -> dict[str, Tensor]:
    """Arrays of numbers as float32 tensors."""
    return {name: torch.from_numpy(np.asarray(array, np.float32)) for name, array in values.items()}
