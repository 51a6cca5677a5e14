"""The rows of the report `adversarial`, from its arrays."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from core.attacks.scheduled import ARA_ATTACK
from core.metrics.ara import ara, ara_binned
from core.metrics.intervals import bootstrap
from core.reports.adversarial.measurements import SEARCHES, AdversarialSettings
from core.reports.form.report import Arrays, Row, share

HALF = ARA_ATTACK.steps // 2

Distances = NDArray[np.floating]


def row(classes: int, key: str, settings: AdversarialSettings, seconds: Mapping[str, float], arrays: Arrays) -> Row:
    """The row of a network, less its checksum.

    Args:
        classes: the number of classes K.
        key: the network's.
        settings: of the report.
        seconds: what each search took.
        arrays: of the report.
    """
    attack = arrays[f"distance_attack__{key}"].astype(np.float64)
    right = attack[attack > 0]
    found: Row = {"model": key, **share("accuracy", len(right), len(attack))}
    for search, measure in SEARCHES.items():
        distance = arrays[f"distance_{search}__{key}"].astype(np.float64)
        first = arrays[f"first_{search}__{key}"]
        found |= _figure(measure, distance, lambda e: ara(e, classes).value, settings.seed)
        found[f"{measure}_binned"] = _number(ara_binned(distance, classes).value)
        found[f"{measure}_censored"] = int(np.isinf(distance).sum())
        found[f"{measure}_late"] = int(((first < 0) | (first > HALF)).sum())
        found[f"{measure}_seconds"] = round(seconds[search], 1)
    return found | _figure("median_rmse", right, lambda e: float(np.median(e)), settings.seed)


def _figure(name: str, values: Distances, statistic: Callable[[Distances], float], seed: int) -> Row:
    """A figure with its bootstrap interval and n; null where there is none."""
    if len(values) == 0:
        return {name: None, f"{name}_low": None, f"{name}_high": None, f"{name}_n": 0}
    with np.errstate(invalid="ignore"):  # resamples in which most or all images are censored
        low, high = bootstrap(values, statistic, seed)
    return {
        name: _number(statistic(values)),
        f"{name}_low": _number(low),
        f"{name}_high": _number(high),
        f"{name}_n": len(values),
    }


def _number(value: float) -> float | None:
    """The value, or null where it is not finite."""
    return value if np.isfinite(value) else None
