"""How much of what is odd a detector flags at a false-alarm rate, by the scores that the report keeps."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.anomaly.catalogue import DETECTORS
from core.anomaly.conformal import p_values
from core.anomaly.perceptron_detector import PERCEPTRON
from core.reports.anomaly.report import Anomaly
from core.reports.form.report import Row

FAMILIES = ("semantic", "far", "attack")
"""Families of sets that hold something odd, in the order in which they are told."""


@dataclass(frozen=True, slots=True)
class FlaggedShare:
    """The share of a family's pictures that are flagged.

    Attributes:
        value: the mean over the family's sets, each counted alike, in [0, 1].
        sets: their keys in the report.
        n: pictures of all sets together.
    """

    value: float
    sets: tuple[str, ...]
    n: int


def flagged_shares(
    report: Anomaly, row_of: tuple[str, str], detector: str, normals: NDArray[np.floating], alpha: float
) -> dict[str, FlaggedShare]:
    """By family what share of its pictures the detector flags; a family without rows of these weights is left out.

    Args:
        report: the report; it keeps the scores of the first pictures of each set.
        row_of: key and checksum of the network.
        detector: key of the detector. The perceptron's scores in the report are of others, trained on parts of the
            sets, so nothing is said of the one that is shown.
        normals: scores (n,) of the normal pictures that give p-values.
        alpha: the false-alarm rate.
    """
    if detector == PERCEPTRON:
        return {}
    found: dict[str, FlaggedShare] = {}
    for family in FAMILIES:
        rows = [row for row in report.report.rows if _is(row, row_of, detector, family)]
        shares, n = [], 0
        for row in rows:
            scores = report.arrays.get(f"score_{detector}_{row['against']}__{row_of[0]}")
            if scores is None or len(scores) == 0 or not np.isfinite(scores).all():
                continue
            shares.append(_share(p_values(normals, scores) <= alpha))
            n += len(scores)
        if shares and len(shares) == len(rows):
            found[family] = FlaggedShare(float(np.mean(shares)), tuple(str(row["against"]) for row in rows), n)
    return found


def _is(row: Row, row_of: tuple[str, str], detector: str, family: str) -> bool:
    own = (row.get("model"), row.get("sha256"), row.get("detector"), row.get("family"))
    return own == (*row_of, detector, family) and row.get("trained_on") == DETECTORS[detector].trained_on


def _share(flags: Iterable[bool]) -> float:
    return float(np.mean(np.asarray(flags)))
