"""What gradient norms normal images have under any label and loss, and where an image's stand among them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from core.anomaly import norm_detectors
from core.anomaly.calibration import BATCH, Calibration
from core.anomaly.conformal import halves, p_values
from core.anomaly.confounding import ConfoundingLabel
from core.anomaly.gradients import weight_gradients
from core.anomaly.measurements import EVERY, MAIN, PROBES
from core.anomaly.norm_detectors import ProfileDetector, features
from core.anomaly.norm_profiles import FittedProfile
from core.errors import ConfigError, InputError
from core.models.zoo import ZooModel


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """Normal images under one probe, over the tensors that count.

    Attributes:
        probe: label and loss.
        chosen: which of the network's tensors count (L,), M of them.
        band: 5, 50 and 95 % points of the log-norms (3, M) of those that give p-values.
        detector: the Mahalanobis distance of log-norms, fitted to others.
        normals: its scores of those that give p-values (n,).
    """

    probe: ConfoundingLabel
    chosen: NDArray[np.bool_]
    band: NDArray[np.float64]
    detector: ProfileDetector
    normals: NDArray[np.float64]

    def values(self, squared: NDArray[np.floating]) -> NDArray[np.float64]:
        """The log-norms (B, M) of squared norms of every tensor (B, L)."""
        return features(squared[:, self.chosen])

    def score(self, squared: NDArray[np.floating]) -> NDArray[np.float64]:
        """The distance (B,) from normal images, higher is more anomalous."""
        return self.detector.score(self.values(squared))

    def p_value(self, squared: NDArray[np.floating]) -> NDArray[np.float64]:
        """The conformal p-value (B,); see `core.anomaly.conformal.p_values`."""
        return p_values(self.normals, self.score(squared))

    def nearest(self, normal: NDArray[np.floating], squared: NDArray[np.floating], count: int) -> NDArray[np.int64]:
        """Which `count` of the squared norms `normal` (N, L) are nearest to those of an image (L,), nearest first.

        The distance is that of the detector, from one image to the other.
        """
        off = (self.values(normal) - self.values(squared[None])) / self.detector.deviation
        distance = np.einsum("bi,ij,bj->b", off, self.detector.precision, off)
        return np.argsort(distance, kind="stable")[:count]


def of_screen(screen: Calibration, every: bool) -> Reference:
    """The reference under the main probe that a screen brings with it.

    Args:
        screen: a network's detectors.
        every: all tensors; otherwise weights of convolutions and linear layers alone.
    """
    chosen = np.ones_like(screen.weights) if every else screen.weights
    key = "norms-all" if every else "norms"
    fitted = screen.fitted.get(key)
    if not isinstance(fitted, FittedProfile):
        raise InputError(f"this calibration has no detector {key}")
    return Reference(PROBES[MAIN], chosen, screen.band[:, chosen], fitted.distance, screen.normals[key])


def of_norms(squared: NDArray[np.floating], probe: ConfoundingLabel, chosen: NDArray[np.bool_]) -> Reference:
    """The reference made of squared norms (N, L) of normal images: the first half fits, the second gives p-values.

    Raises:
        ConfigError: fewer than two images.
        InputError: too few to fit, or norms that are not finite.
    """
    first, second = halves(len(squared))
    values = features(squared[:, chosen])
    detector = norm_detectors.fit(values[first])
    band = np.quantile(values[second], [0.05, 0.5, 0.95], axis=0)
    return Reference(probe, chosen, band, detector, detector.score(values[second]))


def norms(
    model: ZooModel,
    x: Tensor,
    probe: ConfoundingLabel,
    on_progress: Callable[[int, int], None] = lambda done, of: None,
) -> NDArray[np.float32]:
    """Squared gradient norms (n, L) of images (n, C, H, W) on every parameter tensor.

    Args:
        model: the network; not written to.
        x: float32 in [0, 1].
        probe: label and loss.
        on_progress: called with images done, and of how many; what it raises ends the work.

    Raises:
        InputError: no images, or answers that are not finite.
        ConfigError: a label of more classes than there are.
    """
    if len(x) == 0:
        raise InputError("norms are measured of at least one image")
    if probe.label in ("m-hot", "top-m") and probe.m > model.task.classes:
        raise ConfigError(f"m must be at most the number of classes {model.task.classes}; got {probe.m}")
    found = []
    for start in range(0, len(x), BATCH):
        found.append(
            weight_gradients(model.plain, x[start : start + BATCH], probe, EVERY).squared.float().cpu().numpy()
        )
        on_progress(min(start + BATCH, len(x)), len(x))
    return np.concatenate(found)
