"""How much maps agree over a report's images: a network's methods with each other, and networks method by method."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from core.metrics.map_agreement import AGREEMENTS, Agreement
from core.reports.form.resume import Part

Maps = Mapping[str, NDArray[np.float32]]
"""Maps (n, H, W) of the first images, by method; n differs."""
Array = NDArray[np.float32]


def within(maps: Maps, methods: Sequence[str]) -> Part:
    """The agreement (M, M) of each method with each other, by name; in each the mean over the images that both have."""
    found = {}
    for name, agreement in AGREEMENTS.items():
        values = np.full((len(methods), len(methods)), np.nan, np.float32)
        for row, one in enumerate(methods):
            for column, other in enumerate(methods[: row + 1]):
                values[row, column] = values[column, row] = _mean(agreement, maps[one], maps[other])
        found[name] = values
    return found


def between(maps: Maps, others: Maps, methods: Sequence[str]) -> Part:
    """The agreement (M,) of two networks' maps of each method, by name; in each the mean over the images."""
    return {
        name: np.array([_mean(agreement, maps[method], others[method]) for method in methods], np.float32)
        for name, agreement in AGREEMENTS.items()
    }


def _mean(agreement: Agreement, maps: Array, others: Array) -> float:
    """The mean over the images for which the agreement has a meaning; NaN where there are none."""
    values = np.array([agreement(one, other) for one, other in zip(maps, others, strict=False)])
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else float("nan")
