"""One figure of a report made again from weights and data: what a report's rule is given, and what it finds."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from core.data.datasets import LabelledImages
from core.errors import InputError
from core.metrics.intervals import bootstrap, wilson
from core.models.zoo import ZooModel
from core.reports.form.report import Row

S = TypeVar("S")
ROUNDING = 1e-4
"""By how much of itself a figure may move for reasons of arithmetic alone: other batches, another processor."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What a rule recomputes from.

    Attributes:
        path: the report's file; its arrays lie beside it.
        data: labelled test images of its task.
        images: at most so many are used; None for as many as the figure rests on.
        draw: draws the figure.
        load: gives a network of the task by its key.
    """

    path: Path
    data: LabelledImages
    images: int | None
    draw: random.Random
    load: Callable[[str], ZooModel]

    def count(self, of: int) -> int:
        """How many of the images that a figure rests on are used."""
        return min(of, len(self.data), of if self.images is None else self.images)

    def network(self, row: Row, weights: Mapping[str, str] | None = None) -> ZooModel:
        """The network that a row tells of.

        Args:
            row: with `model` and, where `weights` are not given, `sha256`.
            weights: the checksums by key.

        Raises:
            InputError: the weights are others by now.
        """
        model = self.load(row["model"])
        if model.card.sha256 != (row["sha256"] if weights is None else weights[row["model"]]):
            raise InputError(f"{self.path.name} tells of other weights of {model.card.key} than those that are here")
        return model

    def batches(self, count: int, size: int) -> Iterator[tuple[int, Tensor, Tensor]]:
        """Start, images (n, C, H, W) and labels (n,) of each batch of the first `count` images."""
        for start in range(0, count, size):
            stop = min(start + size, count)
            yield start, self.data.images(start, stop), self.data.labels[start:stop]


@dataclass(frozen=True, slots=True)
class Recomputation:
    """A figure as reported and as made again.

    Attributes:
        figure: what it is, in words.
        reported: its value, over the images that were used where the report keeps an entry an image.
        low: the interval in which it must come out again,
        high: and its other end.
        recomputed: what came out.
        n: images used.
        differing: on how many of them the entries differ; None where the report keeps none.
    """

    figure: str
    reported: float
    low: float
    high: float
    recomputed: float
    n: int
    differing: int | None = None

    @property
    def agrees(self) -> bool:
        """Whether it came out within the interval."""
        slack = ROUNDING * abs(self.reported)
        return bool(self.low - slack <= self.recomputed <= self.high + slack)


def settings_from(kind: type[S], stated: Mapping[str, Any]) -> S:
    """The settings that a report was made with, from what it states of them."""
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]  # settings are dataclasses
    return kind(**{name: tuple(v) if isinstance(v, list) else v for name, v in stated.items() if name in names})


def from_entries(
    figure: str,
    reported: NDArray[Any],
    recomputed: NDArray[Any],
    statistic: Callable[[NDArray[Any]], float] | None = None,
) -> Recomputation:
    """A figure of which the report keeps an entry an image: both sides over the same images.

    Args:
        figure: what it is.
        reported: the report's entries for the images used (n,), bool for a share.
        recomputed: the same, made again.
        statistic: from entries to the figure, for bootstrap; the share, or the mean of what is not NaN, where it is
            not given.
    """
    n = len(reported)
    if statistic is None:
        statistic = _share if reported.dtype == bool else _mean
    if reported.dtype == bool:
        low, high = wilson(int(reported.sum()), n)
    else:
        with np.errstate(invalid="ignore"):
            low, high = bootstrap(reported, statistic)
    same = np.isclose(reported, recomputed, rtol=1e-3, atol=1e-6, equal_nan=True)
    return Recomputation(figure, statistic(reported), low, high, statistic(recomputed), n, differing=int((~same).sum()))


def from_rows(figure: str, name: str, reported: Row, recomputed: Row) -> Recomputation:
    """A figure of which the report keeps no entries: its interval must meet that of the images used.

    Args:
        figure: what it is, in words.
        name: of the figure in both rows.
        reported: the report's row.
        recomputed: a row over the images used.
    """
    value, n = float(recomputed[name]), int(recomputed[f"{name}_n"])
    low, high = float(reported[f"{name}_low"]), float(reported[f"{name}_high"])
    if n < reported[f"{name}_n"]:  # other images than those of the report: their own spread comes on top
        low = max(low - (recomputed[f"{name}_high"] - value), min(low, 0.0))  # none of them is ever below 0
        high += value - recomputed[f"{name}_low"]
    return Recomputation(figure, float(reported[name]), low, high, value, n)


def _share(entries: NDArray[Any]) -> float:
    return float(entries.mean())


def _mean(entries: NDArray[Any]) -> float:
    there = entries[~np.isnan(entries)]
    return float(there.mean(dtype=np.float64)) if len(there) else float("nan")
