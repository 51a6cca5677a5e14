"""Rows of the report `anomaly`: detectors' figures with intervals, their means over sets, and the promise."""

import zlib
from collections.abc import Iterator, Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core.anomaly.calibration import Calibration
from core.anomaly.conformal import false_alarm_interval
from core.metrics.detection import aupr, auroc, fpr95
from core.metrics.intervals import RESAMPLES
from core.reports.form.report import Row

ALPHAS = (0.01, 0.05, 0.10)
FIGURES = {"auroc": auroc, "aupr": aupr, "fpr95": fpr95}
MEANS = ("semantic", "far", "attack")
"""Families of which a detector's figures are averaged."""

Scores = NDArray[np.float64]
Draws = dict[str, Scores]
"""By figure its values over the resamples (R,)."""


def figure_rows(
    head: Row,
    scores: Mapping[str, Scores],
    families: Mapping[str, str],
    classes: Mapping[str, NDArray[np.int64]] | None = None,
) -> list[Row]:
    """A row for each set, and one for the mean over each family of `MEANS`.

    A mean counts every set alike. Its interval is that of the mean over resamples, in each of which all sets stand
    against the same normal images.

    Args:
        head: what the rows begin with.
        scores: by set a detector's scores (n,); under "test" those of the normal images.
        families: by set its family, in the order of the rows.
        classes: of sets whose classes are a sample, the class of each anomaly (n,).
    """
    classes = classes or {}
    normal = scores["test"]
    rows, drawn = [], {}
    for against, family in families.items():
        groups = classes.get(against)
        drawn[against] = _resampled(normal, scores[against], zlib.crc32(against.encode()), groups)
        values = {name: measure(normal, scores[against]) for name, measure in FIGURES.items()}
        figures = _figures(values, drawn[against], len(normal), len(scores[against]))
        counted = {"classes_n": None if groups is None else len(np.unique(groups))}
        rows.append({**head, "against": against, "family": family, **figures, **counted})
    for family in MEANS:
        mine = [row for row in rows if row["family"] == family]
        if mine:
            values = {name: float(np.mean([row[name] for row in mine])) for name in FIGURES}
            draws = {name: np.mean([drawn[row["against"]][name] for row in mine], 0) for name in FIGURES}
            figures = _figures(values, draws, len(normal), sum(row["auroc_n"] for row in mine))
            rows.append({**head, "against": f"mean-{family}", "family": "mean", **figures, "classes_n": None})
    return rows


def _figures(values: Mapping[str, float], draws: Draws, normal: int, anomalous: int) -> Row:
    """Figures with their intervals and sizes."""
    row: Row = {"normal_n": normal}
    for name, value in values.items():
        low, high = np.quantile(draws[name], [0.025, 0.975])
        row |= {name: value, f"{name}_low": float(low), f"{name}_high": float(high), f"{name}_n": anomalous}
    return row


def _resampled(normal: Scores, anomalous: Scores, stream: int, groups: NDArray[np.int64] | None = None) -> Draws:
    """The figures of bootstrap resamples of both sides, seeded, from counts instead of drawn copies.

    Args:
        normal: scores (n,).
        anomalous: scores (m,).
        stream: which random numbers draw the anomalies; the normal images are drawn the same for all.
        groups: the class of each anomaly (m,), where classes are drawn, each with all its anomalies (Davison, Hinkley
            1997, Sec. 3.8: the first stage alone); None draws anomalies.
    """
    levels = np.unique(anomalous)
    slots = 2 * len(levels) + 1  # the levels and what lies between them, where the order of normal images is nothing
    often = _counts(len(normal), 0, RESAMPLES), _counted(len(anomalous), stream, groups)
    n, a = (
        _by_slot(np.searchsorted(levels, side) + np.searchsorted(levels, side, "right"), slots, counts)
        for side, counts in zip((normal, anomalous), often, strict=True)
    )
    false, true = (side.cumsum(0, dtype=np.int32) for side in (n, a))
    all_false, all_true = false[-1].astype(np.float64), true[-1].astype(np.float64)
    enough = (true < np.ceil(0.95 * all_true)).sum(0)
    return {
        "auroc": (n * (2 * true - a)).sum(0, dtype=np.int64) / (2 * all_false * all_true),
        "aupr": (a * (true / np.maximum(true + false, 1))).sum(0) / all_true,
        "fpr95": np.take_along_axis(false, enough[None], 0)[0] / all_false,
    }


def _counted(images: int, stream: int, groups: NDArray[np.int64] | None) -> NDArray[np.uint8]:
    """How often each of `images` comes in each resample (images, R), of images or of the classes that they are of."""
    if groups is None:
        return _counts(images, stream, RESAMPLES)
    names, of = np.unique(groups, return_inverse=True)
    return _counts(len(names), stream, RESAMPLES)[of]


def _by_slot(slot: NDArray[np.int64], slots: int, counts: NDArray[np.uint8]) -> NDArray[np.int32]:
    """How many drawn images are in each slot in each resample (slots, R), from the last slot down; `counts` (n, R)."""
    order = np.argsort(slot, kind="stable")
    there, starts = np.unique(slot[order], return_index=True)
    found = np.zeros((slots, RESAMPLES), np.int32)
    found[there] = np.add.reduceat(counts[order], starts, axis=0, dtype=np.int32)
    return found[::-1]


@lru_cache(maxsize=64)
def _counts(images: int, stream: int, resamples: int) -> NDArray[np.uint8]:
    """How often each of `images` comes in each resample (images, R)."""
    rng = np.random.default_rng([0, stream])
    drawn = [rng.integers(0, images, images) for _ in range(resamples)]
    return np.stack([np.bincount(each, minlength=images).astype(np.uint8) for each in drawn], 1)


def promise_rows(head: Row, screen: Calibration, normal: Mapping[str, Scores]) -> Iterator[Row]:
    """Whether as many normal images are flagged as was promised, for each detector and rate.

    Args:
        head: what the rows begin with.
        screen: the detectors.
        normal: by detector the scores of normal test images (n,).
    """
    for key, values in screen.p_values(normal).items():
        for alpha in ALPHAS:
            row = {
                **head,
                "detector": key,
                "kind": "promise",
                "trained_on": "",
                "against": "test",
                "family": "promise",
                "alpha": alpha,
                "flagged": float((values <= alpha).mean()),
                "flagged_n": len(values),
                "calibration_n": len(screen.normals[key]),
            }
            yield held_to_promise(row, len(screen.normals))


def held_to_promise(row: Row, detectors: int) -> Row:
    """A promise row with the interval that it is held to, where so many detectors of the network have such rows."""
    confidence = 1 - 0.05 / (detectors * len(ALPHAS))
    low, high = false_alarm_interval(row["calibration_n"], row["flagged_n"], row["alpha"], confidence)
    return {**row, "promised_low": low, "promised_high": high, "kept": bool(low <= row["flagged"] <= high)}
