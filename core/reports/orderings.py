"""The report `orderings`: what the papers claim of one way of training over another, as it came out here.

Rows: `claim`, `task`, `model`, `against`, `measure`, `unit`, then `difference` with `difference_low` and
`difference_high`: on the same `n` images, what the claim says is larger minus what it says is smaller, with its paired
95 % interval; and `holds`: "yes" where the interval lies above zero, "no" where below, else "undecided". The unit is
"share" (a mean of shares in [0, 1]; Newcombe's interval, or the bootstrap's where an image has a share of its own) or
"rmse" (an area, in [0, 1] pixel units; bootstrap).

A claim that a network is more than another is held against that other. One that names no other is held against what it
says: "breaks" against chance, which is all that may be left; "vanish" against a half of the images (Wilson). There
`model` and `against` are the same.

All but the areas are made of the report `robustness`; those of the report `adversarial`, where there is one, of the
networks that have an area in it. Each network is one training: an interval is over images, and says nothing of how far
another seed would lie.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.tasks import task_named
from core.metrics.ara import ara
from core.metrics.intervals import bootstrap, wilson
from core.norms import NORMS, Norm, radius_words
from core.reports.adversarial import Adversarial
from core.reports.masking import paired_shares, zero_gradients
from core.reports.provenance import inherited
from core.reports.report import Report, Row
from core.reports.robustness import Robustness
from core.training.shipped import CHOSEN_ON_TEST

NAME = "orderings"

TRANSFER = (
    "input gradient regularisation keeps more accuracy than standard training on images made against other networks "
    "(Ross, Doshi-Velez 2018)"
)
LOOKS = "distillation looks more robust to a single step than standard training (Ross, Doshi-Velez 2018)"
BREAKS = "distillation breaks under PGD and targeted attacks: at most chance is left (Ross, Doshi-Velez 2018)"
VANISHES = "distillation's gradients vanish on most images (Ross, Doshi-Velez 2018)"
NO_BETTER = "distillation is weaker than the standard network on other networks' images (Ross, Doshi-Velez 2018)"
SALIENCY = "saliency-based training withstands more than sign noise alone (Mangla et al. 2020)"
TEACHER = "a robust teacher's saliency serves better than a standard one's (Mangla et al. 2020)"
WITH_PGD = "saliency added to PGD training withstands more than PGD training (Mangla et al. 2020)"
ADVERSARIAL = "adversarial training raises the accuracy-robustness area (Woods, Chen, Teuscher 2019)"
AREA = (
    "the robust additions raise the accuracy-robustness area above that of adversarial training at the paper's radius "
    "(Woods, Chen, Teuscher 2019)"
)

ATTACKED = ("pgd-l2", "pgd-l2-large", "pgd-l2-radii")
"""Trained with attacks in L2 and nothing else; the first at about the paper's radius, an RMSE of 0.01."""
ADDITIONS = ("lipschitz", "lipschitz-l2", "lipschitz-all")
"""Trained with the penalty on logits and the activation that goes with it, alone or with attacks in L2."""
AGAINST_NOISE = ("sat-strong-robust", "sat-strong-standard", "sat-box", "sat-mask")
AGAINST_PGD = ("sat-pgd", "sat-box-pgd", "sat-mask-pgd")


@dataclass(frozen=True, slots=True)
class _Figures:
    """A report's figures per image, by network."""

    task: str
    keys: frozenset[str]
    robustness: Robustness

    def radius(self, norm: Norm) -> float:
        """The task's radius."""
        return float(self.robustness.report.settings["radii"][norm])

    def array(self, name: str) -> NDArray[Any]:
        return self.robustness.arrays[name]

    def pgd(self, key: str, norm: Norm, epsilon: np.float32) -> NDArray[np.bool_]:
        """Right under PGD at a radius of the grid."""
        return np.asarray(self.array(f"smallest_{norm}__{key}") > epsilon)

    def transferred(self, key: str, norm: Norm, sources: list[str]) -> NDArray[np.floating]:
        """The share of the sources on whose image the network is right, per image."""
        return np.mean([self.array(f"transfer_{norm}__{source}__{key}") for source in sources], axis=0)

    def row(self, claim: str, model: str, against: str, measure: str, *pair: NDArray[Any]) -> Row:
        """A row on the images that both of the pair have; the claim says that the first is larger."""
        n = min(len(pair[0]), len(pair[1]))
        found = paired_shares(pair[0][:n], pair[1][:n])
        return _row((claim, self.task, model, against, measure, "share"), *found, n)

    def beyond(self, claim: str, model: str, measure: str, which: NDArray[np.bool_], bound: float) -> Row:
        """A row on the share of images that a network has, less a bound that the claim says it is above."""
        low, high = wilson(int(which.sum()), len(which))
        found = (float(which.mean()) - bound, low - bound, high - bound)
        return _row((claim, self.task, model, model, measure, "share"), *found, len(which))


def orderings(robustness: Robustness, adversarial: Adversarial | None = None) -> Report:
    """The claims about the networks that the reports have; those about absent ones are left out.

    Args:
        robustness: the report of a task.
        adversarial: that of the same task.
    """
    report = robustness.report
    figures = _Figures(report.task, frozenset(row["model"] for row in report.rows), robustness)
    areas = () if adversarial is None else tuple(_areas(adversarial, robustness.weights))
    rows = inherited(report, (*_transfer(figures), *_distilled(figures), *_saliency(figures)))
    source = dict(report.provenance)
    settings = {"report": report.report, **report.settings}
    if areas and adversarial is not None:
        settings |= {"adversarial": dict(adversarial.report.settings)}
        theirs = adversarial.report.provenance
        rows += inherited(adversarial.report, areas)
        source["runs"] = {**source.get("runs", {}), **theirs.get("runs", {})}
    return Report(report.task, NAME, settings, source, rows)


def _row(words: tuple[str, ...], difference: float, low: float, high: float, n: int) -> Row:
    names = ("claim", "task", "model", "against", "measure", "unit")
    return {
        **dict(zip(names, words, strict=True)),
        "difference": difference,
        "difference_low": low,
        "difference_high": high,
        "n": n,
        "holds": "yes" if low > 0 else "no" if high < 0 else "undecided",
    }


def _areas(adversarial: Adversarial, weights: Mapping[str, str]) -> Iterator[Row]:
    """The area of each network that a claim is about less that of its control, on the same images.

    Networks whose weights were others than `weights` says are left out, and those that have no area.
    """
    has_area = {str(row["model"]) for row in adversarial.report.rows if row.get("ara") is not None}
    keys = {key for key, checksum in adversarial.weights.items() if weights.get(key, checksum) == checksum} & has_area
    pairs = [(ADVERSARIAL, key, "standard") for key in ATTACKED]
    pairs += [(AREA, key, ATTACKED[0]) for key in ADDITIONS]
    for claim, key, against in pairs:
        if {key, against} <= keys:
            yield _area_row(adversarial, claim, key, against)


def _area_row(adversarial: Adversarial, claim: str, key: str, against: str) -> Row:
    """The difference of two areas, with images drawn for both at once."""
    task, classes = adversarial.report.task, task_named(adversarial.report.task).classes

    def difference(pair: NDArray[np.floating]) -> float:
        return ara(pair[:, 0], classes).value - ara(pair[:, 1], classes).value

    distances = [adversarial.arrays[f"distance_attack__{name}"].astype(np.float64) for name in (key, against)]
    n = min(map(len, distances))
    both = np.stack([each[:n] for each in distances], axis=1)
    which = " on the images that chose the recipe" if (task, key) in CHOSEN_ON_TEST else ""
    words = (claim, task, key, against, f"accuracy-robustness area of the attack{which}", "rmse")
    return _row(words, difference(both), *bootstrap(both, difference), n)


def _transfer(figures: _Figures) -> Iterator[Row]:
    """Double backpropagation and its relatives against the standard network."""
    for key in ("double-backprop", "insensitive", "adversarial-double-backprop"):
        yield from _on_others_images(figures, TRANSFER, key, "standard")


def _distilled(figures: _Figures) -> Iterator[Row]:
    """Distillation against the standard network, and against what is left to chance under a stronger attack."""
    key, against = "distilled", "standard"
    if not {key, against} <= figures.keys:
        return
    for norm in NORMS:
        radius = _radius(norm, figures.radius(norm))
        one = figures.array(f"standing_single_step_{norm}__{key}")
        other = figures.array(f"standing_single_step_{norm}__{against}")
        yield figures.row(LOOKS, key, against, f"accuracy under a single step, {radius}", one, other)
        apgd = figures.array(f"standing_apgd_{norm}__{key}")
        pgd = figures.pgd(key, norm, np.float32(figures.radius(norm)))
        chance = 1 / task_named(figures.task).classes
        for attack, standing in (("APGD, then targeted", apgd), ("PGD", pgd)):
            measure = f"wrong under {attack}, {radius}, less the {1 - chance:.0%} that chance gets wrong"
            yield figures.beyond(BREAKS, key, measure.replace("%", " %"), ~standing, 1 - chance)
    zero = zero_gradients(figures.array(f"gradient_norm__{key}"))
    yield figures.beyond(VANISHES, key, "images with a numerically zero input gradient, less a half", zero, 0.5)
    yield from _on_others_images(figures, NO_BETTER, against, key)


def _saliency(figures: _Figures) -> Iterator[Row]:
    """Saliency-based training against its controls, under PGD at all radii of the curve, and under APGD."""
    pairs = [(SALIENCY, key, "noise-sign") for key in AGAINST_NOISE]
    pairs += [(TEACHER, "sat-strong-robust", "sat-strong-standard")]
    pairs += [(WITH_PGD, key, "pgd-linf") for key in AGAINST_PGD]
    norm: Norm = "linf"
    for claim, key, against in pairs:
        if not {key, against} <= figures.keys:
            continue
        for epsilon in figures.array(f"grid_{norm}"):
            one, other = (figures.pgd(name, norm, epsilon) for name in (key, against))
            yield figures.row(claim, key, against, f"accuracy under PGD, {_radius(norm, float(epsilon))}", one, other)
        one, other = (figures.array(f"standing_apgd_{norm}__{name}") for name in (key, against))
        radius = _radius(norm, figures.radius(norm))
        yield figures.row(claim, key, against, f"accuracy under APGD, {radius}", one, other)


def _on_others_images(figures: _Figures, claim: str, key: str, against: str) -> Iterator[Row]:
    """Mean accuracy on the images made against every third network."""
    if not {key, against} <= figures.keys:
        return
    for norm in NORMS:
        sources = [  # no network has images passed on to itself, so these are third ones
            source
            for source in sorted(figures.keys)
            if all(f"transfer_{norm}__{source}__{name}" in figures.robustness.arrays for name in (key, against))
        ]
        if sources:
            measure = f"accuracy on PGD images of {len(sources)} other networks, {_radius(norm, figures.radius(norm))}"
            pair = (figures.transferred(name, norm, sources) for name in (key, against))
            yield figures.row(claim, key, against, measure, *pair)


def _radius(norm: Norm, epsilon: float) -> str:
    """A radius in words."""
    return f"{'L-infinity' if norm == 'linf' else 'L2'} {radius_words(norm, epsilon)}"
