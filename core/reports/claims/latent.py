"""The report `latent-readings`: what Buzhinsky et al. 2020 (arXiv:2003.01993) found, held against the report `latent`.

Their claims: latent robustness goes with a network's accuracy and not with its conventional robustness; the latter
shows in the perturbations instead, which change the picture more in robust networks. Each is looked at in two ways,
on reconstructed and on generated codes, in the default setting:

- `way` "zoo": over all networks that have the figures, the rank correlation (Spearman) of a latent figure with
  accuracy on test images, or with image-space severity. For "more than", which says that it follows accuracy and that
  it does so more, the lesser of the correlation with accuracy and of its lead over that with severity. The interval is
  of a bootstrap that draws networks and images both; a draw in which a figure does not differ counts as no correlation.
- `way` "pair": a network against `standard`, where the two differ in what the claim goes by (accuracy, or severity in
  L2; paired, 95 %): the mean difference of the latent figure on the same codes, counted positive where it goes the way
  the claim says, with its paired interval.

Rows: `claim`, `task`, `way`, `model` and `against` (of a pair; else ""), `codes`, `epsilon`, `rho` (of an accuracy
within a radius: the paper's for such pictures; else null), `figure` (a figure of the report `latent`), `by` (what it is
held against), `value` with `value_low`, `value_high`, `value_n` (networks, or codes), and `verdict`: "held" where the
interval lies above zero, "reversed" where below, else "unclear".
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from core.data.tasks import task_named
from core.latent.search import Search
from core.metrics.intervals import RESAMPLES
from core.reports.form.masking import paired_difference, paired_shares
from core.reports.form.provenance import inherited
from core.reports.form.report import Report, Row
from core.reports.form.resume import standard_first
from core.reports.latent.measurements import KINDS
from core.reports.latent.report import Latent
from core.reports.latent.rows import LETTER, counted, counted_at_largest, spoken_of

NAME = "latent-readings"

FOLLOWS = "latent robustness follows accuracy"
RATHER = "latent robustness follows accuracy more than it follows conventional robustness"
SHOWS = "conventional robustness shows in how much the picture changes"

FEWEST = 5
"""With fewer networks no correlation is spoken of."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Zoo:
    """The figures per image or code of all networks, a row a network (M, n)."""

    latent: Latent
    keys: tuple[str, ...]

    @property
    def epsilon(self) -> float:
        return float(self.latent.report.settings["eps"])

    @property
    def within(self) -> tuple[str, float]:
        """The search and the radius of accuracies within a radius."""
        return spoken_of(task_named(self.latent.report.task), float(self.latent.report.settings["bound"]))

    def figure(self, name: str, kind: str = "") -> Array:
        """Values (M, n), NaN where a network has none for a code."""
        return np.stack([self.one(name, kind, key) for key in self.keys])

    def one(self, name: str, kind: str, key: str) -> Array:
        """Values of one network (n,)."""
        part = f"{kind}_default_{self.epsilon:g}"
        arrays = self.latent.arrays
        if name == "accuracy":
            return arrays[f"right__{key}"].astype(np.float64)
        if name.startswith("severity"):
            return counted_at_largest(arrays[f"image_{name.removeprefix('severity-')}__{key}"])
        if name.endswith("S"):
            return counted(arrays[f"distance_{part}__{key}"], Search().rho)
        if name.endswith("A"):
            how, radius = self.within
            stands = (
                ~arrays[f"fooled_{part}__{key}"] if how == "bounded" else arrays[f"distance_{part}__{key}"] > radius
            )
            return stands.astype(np.float64)
        return arrays[f"{name}_{part}__{key}"].astype(np.float64)


def readings(latent: Latent) -> Report:
    """Each claim held against the report."""
    report = latent.report
    keys = tuple(standard_first({str(row["model"]) for row in report.rows}))
    zoo = _Zoo(latent, keys)
    rows = (*_over_zoo(zoo), *_pairs(zoo))
    settings = {"report": report.report, **report.settings, "networks": list(keys)}
    return Report(report.task, NAME, settings, report.provenance, inherited(report, rows))


def _over_zoo(zoo: _Zoo) -> Iterator[Row]:
    """Rank correlations over all networks."""
    accuracy = zoo.figure("accuracy")
    severities = {name: zoo.figure(name) for name in ("severity-l2", "severity-linf")}
    for kind in KINDS:
        for figure in (f"LA{LETTER[kind]}S", f"LA{LETTER[kind]}A"):
            latent = zoo.figure(figure, kind)
            yield from _zoo_row(zoo, FOLLOWS, kind, figure, "accuracy", [latent, accuracy], _correlation)
            for name, severity in severities.items():
                all_three = [latent, accuracy, severity]
                yield from _zoo_row(zoo, RATHER, kind, figure, f"accuracy, {name}", all_three, _advantage)
        for name, severity in severities.items():
            yield from _zoo_row(zoo, SHOWS, kind, "l2", name, [zoo.figure("l2", kind), severity], _correlation)


def _pairs(zoo: _Zoo) -> Iterator[Row]:
    """Each network against the standard one."""
    if "standard" not in zoo.keys:
        return
    sides = ((FOLLOWS, "accuracy", "S"), (FOLLOWS, "accuracy", "A"), (SHOWS, "severity-l2", "l2"))
    for key, kind, (claim, by, figure) in product(zoo.keys, KINDS, sides):
        mine, standards = zoo.one(by, "", key), zoo.one(by, "", "standard")
        if key == "standard" or np.isnan(mine).any() or np.isnan(standards).any():
            continue
        differ = paired_shares if by == "accuracy" else paired_difference
        _, low, high = differ(mine, standards)
        if low <= 0 <= high:
            continue
        name = figure if figure == "l2" else f"LA{LETTER[kind]}{figure}"
        one, other = zoo.one(name, kind, key), zoo.one(name, kind, "standard")
        both = ~np.isnan(one) & ~np.isnan(other)
        if not both.any():
            continue
        one, other = (one, other) if low > 0 else (other, one)
        subject = {"way": "pair", "model": key, "against": "standard"}
        differ = paired_shares if figure == "A" else paired_difference
        yield _row(zoo, claim, kind, name, by, subject, *differ(one[both], other[both]), int(both.sum()))


def _zoo_row(
    zoo: _Zoo,
    claim: str,
    kind: str,
    figure: str,
    by: str,
    values: list[Array],
    statistic: Callable[[list[Array]], float],
) -> Iterator[Row]:
    """A statistic of the networks' means (M,) of each of the values (M, n), with its interval.

    Networks of which one of the figures is not known are left out; of fewer than `FEWEST` there is no row.
    """
    known = np.all([~np.isnan(each).all(1) for each in values], 0)
    values, n = [each[known] for each in values], int(known.sum())
    if n < FEWEST:
        return
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(RESAMPLES):
        networks = rng.integers(0, n, n)
        images = [rng.integers(0, each.shape[1], each.shape[1]) for each in values]
        drawn.append(statistic([_means(each[:, i])[networks] for each, i in zip(values, images, strict=True)]))
    low, high = (float(end) for end in np.quantile(drawn, [0.025, 0.975]))
    value = statistic([_means(each) for each in values])
    subject = {"way": "zoo", "model": "", "against": ""}
    yield _row(zoo, claim, kind, figure, by, subject, value, low, high, n)


def _row(zoo: _Zoo, claim: str, kind: str, figure: str, by: str, subject: dict[str, str], *number: float) -> Row:
    value, low, high, n = number
    return {
        "claim": claim,
        "task": zoo.latent.report.task,
        **subject,
        "codes": kind,
        "epsilon": zoo.epsilon,
        "rho": zoo.within[1] if figure.endswith("A") else None,
        "figure": figure,
        "by": by,
        "value": value,
        "value_low": low,
        "value_high": high,
        "value_n": int(n),
        "verdict": "held" if low > 0 else "reversed" if high < 0 else "unclear",
    }


def _means(values: Array) -> Array:
    """Means over images (M,) of values (M, n), NaN left out."""
    known = ~np.isnan(values)
    means: Array = np.where(known, values, 0.0).sum(1) / np.maximum(known.sum(1), 1)
    return means


def _correlation(means: list[Array]) -> float:
    """Spearman's rank correlation of two figures; 0 where one of them is constant."""
    ranks = [rankdata(each) for each in means]
    if any(np.ptp(each) == 0 for each in ranks):
        return 0.0
    return float(np.corrcoef(ranks)[0, 1])


def _advantage(means: list[Array]) -> float:
    """The first figure's rank correlation with the second, or its lead over that with the third, if that is less."""
    latent, one, other = means
    follows = _correlation([latent, one])
    return min(follows, follows - _correlation([latent, other]))


def line(row: Row) -> str:
    """A row in words."""
    pair = f"{row['model']} against {row['against']}" if row["way"] == "pair" else f"{row['value_n']} networks"
    interval = f"{row['value']:+.3f} ({row['value_low']:+.3f} to {row['value_high']:+.3f})"
    return f"{row['verdict']:9} {interval:28} {pair}, {row['codes']}, {row['figure']} by {row['by']}: {row['claim']}"
