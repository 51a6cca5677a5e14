"""The report `transfer-readings`: what Ross, Doshi-Velez 2018 (arXiv:1711.09404) read off their matrices, held here.

Their readings, of the networks standard, distilled, adversarial, insensitive and double-backprop, as far as these are
there; other networks of the task take no part. "Others' images" are those made against a third of these networks,
neither of the two compared; "large" radii are 0.2 and 0.4 on Fashion-MNIST, as in the paper's tables, and the largest
two elsewhere; the adversarial network was trained at the task's radius. FGSM and TGSM are looked at, as there.

- a: double backpropagation keeps the most accuracy on others' images at large epsilon;
- b: images made against gradient-regularised networks hurt every network (accuracy on clean images minus that on
  those); b2: and more than those made against the standard network do;
- c: distillation's robustness to FGSM is vanished gradients: most of its own FGSM images are unchanged, its own TGSM
  images are worse for it, and it is the weakest network on others' images;
- d: adversarial training wins up to its own epsilon, at every radius above zero, on others' images and on its own
  (without the distilled network on its own FGSM images, of which reading c tells); d2: then it falls faster than
  gradient-regularised networks do.

Rows, one for each comparison of two networks: `reading`, `claim`, `task`, `model`, `against`, `measure`, `at` (attack
and radius), `pooled`, then `difference` with `difference_low` and `difference_high`: the mean over the same `n` images
of what the claim says is larger minus what it says is smaller (a share in [0, 1]), with its paired 95 % interval
(Newcombe's, or the bootstrap's where an image has a share of its own); and `verdict`: "held" where the interval lies
above zero, "reversed" where below, else "unclear". Where a comparison is made at several attacks and radii, `pooled` is
true for their mean (of d that over the attacks at one radius), which the reading as a whole rests on (see `verdicts`),
and false for each of them: at the largest radii hardly any network is right more often than by guessing. Each network
is one training: intervals are over images.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.tasks import task_named
from core.reports.masking import paired_shares
from core.reports.provenance import inherited
from core.reports.report import Report, Row
from core.reports.transfer import Attack, Transfer

NAME = "transfer-readings"

NETWORKS = ("standard", "distilled", "adversarial", "insensitive", "double-backprop")
REGULARISED = ("double-backprop", "insensitive")
LOOKED_AT: tuple[Attack, ...] = ("fgsm", "tgsm")
LARGE = {"fashion-mnist": (0.2, 0.4)}
OTHERS = "accuracy on others' images"

CLAIMS = {
    "a": "double backpropagation keeps the most accuracy on others' images at large epsilon",
    "b": "images made against gradient-regularised networks hurt every network",
    "b2": "images made against gradient-regularised networks hurt more than those made against the standard one",
    "c": "distillation's robustness to FGSM is vanished gradients",
    "d": "adversarial training wins up to its own epsilon",
    "d2": "beyond its own epsilon, adversarial training falls faster than gradient regularisation",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a reading as a whole: every pooled comparison that belongs to it taken together.

    Attributes:
        reading: its letter.
        claim: what it says.
        verdict: "held" if all comparisons held, "reversed" if all are reversed, "mixed" if only some are reversed (the
            reading then does not hold as a whole), "unclear" otherwise.
        held: how many held.
        reversed: how many are reversed.
        of: how many there are.
    """

    reading: str
    claim: str
    verdict: str
    held: int
    reversed: int
    of: int


def readings(transfer: Transfer) -> Report:
    """Each reading held against the matrices; comparisons with absent networks are left out."""
    report = transfer.report
    matrices = _Matrices(transfer)
    together: dict[tuple[str, ...], list[_Comparison]] = {}
    for comparison in _comparisons(matrices):
        together.setdefault(comparison.subject, []).append(comparison)
    rows = tuple(row for each in together.values() for row in _rows(matrices.task, each))
    settings = {"report": report.report, **report.settings, "networks": list(NETWORKS)}
    return Report(report.task, NAME, settings, report.provenance, inherited(report, rows))


def verdicts(rows: Iterable[Row]) -> tuple[Verdict, ...]:
    """The rows of the report taken together, a verdict a reading; those without any comparison are left out."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if row["pooled"]:
            found.setdefault(str(row["reading"]), []).append(str(row["verdict"]))
    return tuple(_verdict(reading, each) for reading, each in found.items())


def _verdict(reading: str, each: Sequence[str]) -> Verdict:
    held, turned = each.count("held"), each.count("reversed")
    whole = {held: "held", turned: "reversed"}.get(len(each), "mixed" if turned else "unclear")
    return Verdict(reading, CLAIMS[reading], whole, held, turned, len(each))


@dataclass(frozen=True, slots=True)
class _Matrices:
    """The matrices, by attack and radius."""

    transfer: Transfer

    @property
    def task(self) -> str:
        return self.transfer.report.task

    @property
    def radii(self) -> list[float]:
        return [float(radius) for radius in self.transfer.report.settings["epsilons"]]

    @property
    def keys(self) -> list[str]:
        """The paper's networks that are there."""
        there = {str(row["model"]) for row in self.transfer.report.rows}
        return [key for key in NETWORKS if key in there]

    @property
    def large(self) -> list[int]:
        """Where the large radii are."""
        given = [radius for radius in LARGE.get(self.task, ()) if radius in self.radii]
        return [self.radii.index(radius) for radius in given or self.radii[-2:]]

    @property
    def own(self) -> int:
        """Where the radius is that the adversarial network was trained at."""
        return int(np.abs(np.array(self.radii) - task_named(self.task).radii["linf"]).argmin())

    @property
    def up_to_own(self) -> list[int]:
        """Where the radii above zero are that are no larger."""
        return [index for index, radius in enumerate(self.radii) if radius > 0 and index <= self.own]

    def right(self, attack: Attack, source: str, model: str, index: int) -> NDArray[np.bool_]:
        """Whether the model is right on each image (n,) made against the source."""
        return np.asarray(self.transfer.arrays[f"right_{attack}__{source}__{model}"][index])

    def unchanged(self, attack: Attack, source: str, index: int) -> NDArray[np.bool_]:
        return np.asarray(self.transfer.arrays[f"unchanged_{attack}__{source}"][index])

    def on_others(self, attack: Attack, model: str, rival: str, index: int) -> NDArray[np.floating] | None:
        """The share of third networks on whose image the model is right, per image; None without a third one."""
        sources = [key for key in self.keys if key not in (model, rival)]
        return np.mean([self.right(attack, source, model, index) for source in sources], axis=0) if sources else None

    def radius(self, index: int) -> str:
        """A radius in words."""
        radius = self.radii[index]
        return f"epsilon {radius:g}" if self.task in LARGE else f"epsilon {radius * 255:.3g}/255"

    def words(self, attack: Attack, index: int) -> str:
        """An attack and radius in words."""
        return f"{attack.upper()}, {self.radius(index)}"


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Two figures of the same images (n,), of which the claim says that the first is larger."""

    reading: str
    model: str
    against: str
    measure: str
    at: str
    larger: NDArray[Any]
    smaller: NDArray[Any]

    @property
    def subject(self) -> tuple[str, ...]:
        """What comparisons at other attacks and radii share with this one."""
        return self.reading, self.model, self.against, self.measure


def _rows(task: str, comparisons: Sequence[_Comparison]) -> Iterator[Row]:
    """The rows of comparisons that differ in attack and radius alone: their mean, then, if there are several, each."""
    larger = np.mean([each.larger for each in comparisons], axis=0)
    smaller = np.mean([each.smaller for each in comparisons], axis=0)
    at = "; ".join(each.at for each in comparisons)
    yield _row(task, replace(comparisons[0], at=at, larger=larger, smaller=smaller), pooled=True)
    if len(comparisons) > 1:
        yield from (_row(task, each, pooled=False) for each in comparisons)


def _row(task: str, comparison: _Comparison, pooled: bool) -> Row:
    difference, low, high = paired_shares(comparison.larger, comparison.smaller)
    return {
        "reading": comparison.reading,
        "claim": CLAIMS[comparison.reading],
        "task": task,
        "model": comparison.model,
        "against": comparison.against,
        "measure": comparison.measure,
        "at": comparison.at,
        "pooled": pooled,
        "difference": difference,
        "difference_low": low,
        "difference_high": high,
        "n": len(comparison.larger),
        "verdict": "held" if low > 0 else "reversed" if high < 0 else "unclear",
    }


def _comparisons(matrices: _Matrices) -> Iterator[_Comparison]:
    """All that the readings rest on."""
    if "double-backprop" in matrices.keys:
        for attack in LOOKED_AT:
            for index in matrices.large:
                yield from _more_than_rivals(matrices, "a", "double-backprop", attack, index)
    yield from _hurt(matrices)
    if "distilled" in matrices.keys:
        yield from _distilled(matrices)
    if "adversarial" in matrices.keys:
        yield from _adversarial(matrices)


def _more_than_rivals(
    matrices: _Matrices, reading: str, key: str, attack: Attack, index: int, weaker: bool = False
) -> Iterator[_Comparison]:
    """The network's accuracy on others' images minus each rival's; turned round if the claim is that it is weaker."""
    for rival in matrices.keys:
        ours = matrices.on_others(attack, key, rival, index)
        theirs = matrices.on_others(attack, rival, key, index)
        if rival == key or ours is None or theirs is None:
            continue
        pair = (theirs, ours) if weaker else (ours, theirs)
        yield _Comparison(reading, key, rival, OTHERS, matrices.words(attack, index), *pair)


def _hurt(matrices: _Matrices) -> Iterator[_Comparison]:
    """What the images of gradient-regularised networks do to each other network."""
    for source in (key for key in REGULARISED if key in matrices.keys):
        for model in (key for key in matrices.keys if key != source):
            for attack in LOOKED_AT:
                for index in matrices.large:
                    words = matrices.words(attack, index)
                    hit = matrices.right(attack, source, model, index)
                    clean = matrices.right(attack, source, model, 0)
                    yield _Comparison("b", model, source, "accuracy lost on its images", words, clean, hit)
                    if "standard" in matrices.keys and model != "standard":
                        spared = matrices.right(attack, "standard", model, index)
                        measure = "accuracy on the standard network's images minus on its"
                        yield _Comparison("b2", model, source, measure, words, spared, hit)


def _distilled(matrices: _Matrices) -> Iterator[_Comparison]:
    """What stands behind distillation's figures under FGSM."""
    key = "distilled"
    for index in matrices.large:
        words = matrices.words("fgsm", index)
        unchanged = matrices.unchanged("fgsm", key, index)
        half = np.full(len(unchanged), 0.5)
        yield _Comparison("c", key, key, "share of own images unchanged minus a half", words, unchanged, half)
        one, other = (matrices.right(attack, key, key, index) for attack in LOOKED_AT)
        yield _Comparison("c", key, key, "accuracy on own images minus on own TGSM ones", words, one, other)
    for attack in LOOKED_AT:
        for index in matrices.large:
            yield from _more_than_rivals(matrices, "c", key, attack, index, weaker=True)


def _adversarial(matrices: _Matrices) -> Iterator[_Comparison]:
    """Adversarial training up to its own radius, and beyond."""
    key, own = "adversarial", matrices.own
    for attack, index in product(LOOKED_AT, matrices.up_to_own):
        at = f", {matrices.radius(index)}"  # each radius by itself: to win on average is not to win up to there
        yield from (
            replace(each, measure=each.measure + at) for each in _more_than_rivals(matrices, "d", key, attack, index)
        )
        for rival in matrices.keys:
            if rival != key and (rival, attack) != ("distilled", "fgsm"):
                pair = (matrices.right(attack, name, name, index) for name in (key, rival))
                words = matrices.words(attack, index)
                yield _Comparison("d", key, rival, f"accuracy on own images{at}", words, *pair)
    for attack in LOOKED_AT:
        for rival in (name for name in REGULARISED if name in matrices.keys):
            for index in (index for index in matrices.large if index > own):
                falls = []
                for name, other in ((key, rival), (rival, key)):
                    near, far = (matrices.on_others(attack, name, other, at) for at in (own, index))
                    if near is not None and far is not None:
                        falls.append(near - far)
                if len(falls) == 2:
                    measure = f"accuracy lost on others' images beyond {matrices.radius(own)}"
                    yield _Comparison("d2", key, rival, measure, matrices.words(attack, index), *falls)
