"""SCALE: the energy after an image's features are multiplied by how even they are."""

from typing import Any

from core.anomaly.library import detectors
from core.anomaly.shaped_energy import Head, shaped_detector

_SMALL = 0.85


def _scaled(head: Head) -> Any:
    """SCALE (Xu et al. 2024, arXiv:2310.00227, Sec. 3.3).

    All features are multiplied by the exponential of their sum over the sum of the largest 15 % of them; none is taken
    away. The share is its authors' for ImageNet; not tuned.
    """
    return detectors().SCALE(None, head, _SMALL)


SCALE_DETECTOR = shaped_detector(
    "scale",
    "SCALE",
    "Energy of features scaled by their sum over that of the largest 15 % (Xu et al. 2024, arXiv:2310.00227)",
    _scaled,
)
