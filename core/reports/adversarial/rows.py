"""The rows of the report `adversarial`, from its arrays."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from core.attacks.scheduled import ARA_ATTACK
from core.metrics.ara import ara, ara_binned
from core.metrics.intervals import bootstrap
from core.reports.adversarial.measurements import REACH_FIGURES, SEARCHES, AdversarialSettings
from core.reports.form.masking import hides_gradient, zero_gradients
from core.reports.form.report import Arrays, Row, share

HALF = ARA_ATTACK.steps // 2
MOST_CENSORED = 0.02
"""The largest share of images without a distance with which an area is given."""

Distances = NDArray[np.floating]


def row(classes: int, key: str, settings: AdversarialSettings, seconds: float, arrays: Arrays) -> Row:
    """The row of a network that the search "attack" is known of, less its checksum; other searches add their figures.

    Args:
        classes: the number of classes K.
        key: the network's.
        settings: of the report.
        seconds: what the search took.
        arrays: of the report.
    """
    attack = arrays[f"distance_attack__{key}"].astype(np.float64)
    right = attack[attack > 0]
    zero = zero_gradients(arrays[f"gradient_norm__{key}"])
    found: Row = {"model": key, **share("accuracy", len(right), len(attack))}
    found |= share("zero_gradient", int(zero.sum()), len(zero))
    found["loss"] = "softened" if hides_gradient(arrays[f"gradient_norm__{key}"]) else "cross-entropy"
    found |= search_figures("attack", classes, key, settings, seconds, arrays)
    return found | _figure("median_rmse", right, lambda e: float(np.median(e)), settings.seed)


def search_figures(
    search: str, classes: int, key: str, settings: AdversarialSettings, seconds: float, arrays: Arrays
) -> Row:
    """What a row says of one of the `SEARCHES`, by its name there; the rest as in `row`."""
    measure = SEARCHES[search]
    distance = arrays[f"distance_{search}__{key}"].astype(np.float64)
    first = arrays[f"first_{search}__{key}"]
    censored = int(np.isinf(distance).sum())
    known = distance if censored <= MOST_CENSORED * len(distance) else distance[:0]
    found = _figure(measure, known, lambda e: ara(e, classes).value, settings.seed)
    found[f"{measure}_binned"] = ara_binned(known, classes).value if len(known) else None
    found[f"{measure}_reason"] = None if len(known) else f"nothing found on {censored:,} of {len(distance):,} images"
    found[f"{measure}_n"] = len(distance)
    found[f"{measure}_censored"] = censored
    found[f"{measure}_late"] = int(((first < 0) | (first > HALF)).sum())
    found[f"{measure}_seconds"] = round(seconds, 1)
    return found


def reach_figures(radii: Sequence[float], reach: Distances) -> Row:
    """The shares of images that APGD leaves right within each of these L2 radii, by the names of `REACH_FIGURES`.

    Args:
        radii: in input units, from the smallest up.
        reach: the smallest radius that broke each image (n,), as the report has it.
    """
    found: Row = {}
    for name, radius in zip(REACH_FIGURES, radii, strict=True):
        found |= share(name, int((reach > radius).sum()), len(reach)) | {f"{name}_l2": radius}
    return found


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
