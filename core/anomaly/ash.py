"""ASH: the energy after all but an image's largest features are taken away, and what is left is sharpened."""

from typing import Any

from core.anomaly.library import detectors
from core.anomaly.shaped_energy import Head, shaped_detector

_PRUNED = 0.9


def _pruned(head: Head) -> Any:
    """ASH-S (Djurisic et al. 2023, arXiv:2209.09858, Alg. 3).

    The smallest 90 % of an image's features become zero, the others are multiplied by the exponential of the sum before
    over the sum after. The share is its authors' for CIFAR-10; not tuned.
    """
    return detectors().ASH(None, head, "ash-s", _PRUNED)


ASH_DETECTOR = shaped_detector(
    "ash",
    "ASH",
    "Energy of the largest tenth of the features, sharpened: ASH-S (Djurisic et al. 2023, arXiv:2209.09858)",
    _pruned,
)
