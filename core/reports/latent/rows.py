"""The rows of the report `latent`, from its arrays."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from core.data.tasks import Task
from core.latent.noise import log_likelihood_bound, typical_norm
from core.latent.search import Search
from core.reports.form.report import Arrays, Row, mean, share
from core.reports.latent.measurements import KINDS, NOISE, LatentSettings, Setting

RHOS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
"""Radii at which accuracy is read off the minima."""
GREY, COLOUR = 0.3, 0.1
"""The radii of the paper's accuracies: on digits, and on photographs."""
LETTER = dict(zip(KINDS, "RG", strict=True))
"""What a kind of codes is called in the names of metrics."""


def spoken_of(task: Task, bound: float) -> tuple[str, float]:
    """Which accuracy within a radius is spoken of: the name of the search, and the radius.

    The paper's radius of such pictures; read off the minima where the bounded search had another.
    """
    radius = GREY if task.grey else COLOUR
    return ("bounded" if radius == bound else "minimum"), radius


def rows_of(key: str, sha256: str, settings: LatentSettings, latent: int, arrays: Arrays) -> list[Row]:
    """All rows of a network; `latent` is the length of a code."""
    head = {"model": key, "sha256": sha256}
    found = [*_accuracies(key, settings, arrays)]
    for setting in settings.settings_of(key):
        for epsilon in setting.epsilon:
            for kind in KINDS:
                if f"distance_{setting.part(kind, epsilon)}__{key}" in arrays:
                    found += _searched(key, settings, setting, kind, epsilon, latent, arrays)
    found += _image_space(key, arrays)
    return [head | row for row in found]


def row(metric: str, codes: str, epsilon: float | None = None, rho: float | None = None, **more: str) -> Row:
    """What a row begins with, less the network."""
    return {"metric": metric, "codes": codes, "setting": "", "search": "", "epsilon": epsilon, "rho": rho, **more}


def counted(distance: NDArray[np.floating], most: float) -> NDArray[np.float64]:
    """Distances with what was not found counted at `most`."""
    return np.where(np.isinf(distance), most, distance.astype(np.float64))


def counted_at_largest(distance: NDArray[np.floating]) -> NDArray[np.float64]:
    """Distances with what was not found counted at the largest that was.

    All NaN where none above 0 was found, and some not: nothing says how far these are.
    """
    most = float(distance[np.isfinite(distance)].max(initial=0.0))
    known = most > 0 or bool(np.isfinite(distance).all())
    return counted(distance, most) if known else np.full(len(distance), np.nan)


def _accuracies(key: str, settings: LatentSettings, arrays: Arrays) -> Iterator[Row]:
    """Metrics without a search."""

    def right(name: str) -> Row:
        return share("value", int(arrays[f"{name}__{key}"].sum()), len(arrays[f"{name}__{key}"]))

    yield row("accuracy", "images") | right("right")
    yield row("gaussian-accuracy", "images") | right("right_gaussian")
    for kind in KINDS:
        distance = mean("distance", arrays["rebuilt"]) if kind == "reconstruction" else {}
        yield row(f"L{LETTER[kind]}A", kind) | right(f"right_{kind}") | distance
        for epsilon in sorted({settings.eps, *settings.paper_eps}):
            yield row("decayed-accuracy", kind, epsilon) | right(f"decayed_{kind}_{epsilon:g}")
        for epsilon in NOISE:
            yield row("LLNA", kind, epsilon) | mean("value", arrays[f"noise_{kind}_{epsilon:g}__{key}"])


def _searched(
    key: str, settings: LatentSettings, setting: Setting, kind: str, epsilon: float, latent: int, arrays: Arrays
) -> Iterator[Row]:
    """Severity with what belongs to it, and accuracy within radii."""
    of = f"{setting.part(kind, epsilon)}__{key}"
    distance, letter, name = arrays[f"distance_{of}"], LETTER[kind], setting.name
    rho = Search().rho
    severity = row(f"LA{letter}S", kind, epsilon, rho, setting=name, search="minimum") | _severity(
        distance, counted(distance, rho)
    )
    severity |= mean("plain", counted(arrays[f"plain_{of}"], rho))
    severity |= share("likely", int((distance < typical_norm(epsilon)).sum()), len(distance))
    for figure in ("outward", "l2", "l1"):
        severity |= mean(figure, arrays[f"{figure}_{of}"])
    yield severity
    fooled = arrays[f"fooled_{of}"]
    stands = {("bounded", settings.bound): ~fooled, **{("minimum", radius): distance > radius for radius in RHOS}}
    for (how, radius), standing in stands.items():
        found = row(f"LA{letter}A", kind, epsilon, radius, setting=name, search=how)
        found["log_tau"] = log_likelihood_bound(radius, epsilon, latent)
        yield found | share("value", int(standing.sum()), len(standing))


def _image_space(key: str, arrays: Arrays) -> Iterator[Row]:
    """Conventional severity."""
    for norm in ("l2", "linf"):
        distance = arrays[f"image_{norm}__{key}"]
        yield row(f"severity-{norm}", "images") | _severity(distance, counted_at_largest(distance))


def _severity(distance: NDArray[np.floating], sizes: NDArray[np.float64]) -> Row:
    """Mean and median of what distances count as, and the shares of what was not found and what was wrong already."""
    n = len(distance)
    return {
        **mean("value", sizes),
        "median": None if np.isnan(sizes).any() else float(np.median(sizes)),
        **share("not_found", int(np.isinf(distance).sum()), n),
        **share("already_wrong", int((distance == 0).sum()), n),
    }
