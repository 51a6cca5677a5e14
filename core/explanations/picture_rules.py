"""What makes a picture worth a look: rules that pick and order pictures by what networks make of them.

The first network is the one under question, usually the standard one; the others are held against it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.explanations.picture_facts import PictureFacts

Order = Callable[[PictureFacts], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class PictureRule:
    """One rule.

    Attributes:
        key: its name in links.
        title: its name for people.
        sentence: what it picks and how it orders, for people.
        order: for each picture a figure (n,), the largest first; -infinity for those that it does not pick.
        networks: how many it needs at least.
        labels: whether it asks for the true class.
        flags: whether it asks for calibrated detectors.
        attacked: whether it asks for radii at which the first network's answers change.
        maps: whether it asks for maps of several networks.
    """

    key: str
    title: str
    sentence: str
    order: Order
    networks: int = 1
    labels: bool = False
    flags: bool = False
    attacked: bool = False
    maps: bool = False

    def places(self, facts: PictureFacts) -> NDArray[np.int64]:
        """The places of the pictures that it picks, in its order; equals in the order of the pictures."""
        order = self.order(facts)
        ranked = np.argsort(-order, kind="stable")
        return ranked[np.isfinite(order[ranked])]

    def lacks(self, facts: PictureFacts) -> str:
        """What the rule needs and the pictures or networks do not have, for people; "" where it has all."""
        if len(facts.models) < self.networks:
            return f"It compares networks: choose at least {self.networks}."
        if self.labels and (facts.labels < 0).all():
            return "It asks for the true class, which is not known of these pictures."
        if self.flags and np.isnan(facts.flagged).all():
            return "It asks for detectors, and none of these networks is calibrated."
        if self.attacked and np.isnan(facts.changed_at[0]).all():
            return "It asks for attacks by gradients, and the first network has none: it came as an ONNX file."
        if self.maps and np.isnan(facts.agreement).all():
            return "It compares maps of gradients, and fewer than two of these networks have any."
        return ""


def _picked(figure: NDArray[np.floating[Any]], among: NDArray[np.bool_]) -> NDArray[np.float64]:
    picked: NDArray[np.float64] = np.where(among & ~np.isnan(figure), figure, -np.inf)
    return picked


def _first_fails(facts: PictureFacts) -> NDArray[np.float64]:
    known, right = facts.labels >= 0, facts.right
    return _picked(facts.probability[0], known & ~right[0] & right[1:].all(0))


def _first_loses(facts: PictureFacts) -> NDArray[np.float64]:
    """How much further the weakest of the others' answers reaches than the first one's, as a ratio of radii."""
    others = np.fmin.reduce(facts.changed_at[1:], initial=np.inf)  # but for those that can't be attacked
    alike = (facts.predicted == facts.predicted[0]).all(0)
    capped = np.where(np.isinf(others), 1.0, others)
    return _picked(capped / facts.changed_at[0], alike & (facts.changed_at[0] < others))


def _networks_disagree(facts: PictureFacts) -> NDArray[np.float64]:
    return _picked(facts.probability.min(0), (facts.predicted != facts.predicted[0]).any(0))


def _maps_disagree(facts: PictureFacts) -> NDArray[np.float64]:
    return _picked(-facts.agreement, np.full(len(facts.keys), True))


def _detectors_disagree(facts: PictureFacts) -> NDArray[np.float64]:
    """Nearest to half of the first network's detectors; those of which all say the same are not picked."""
    share = facts.flagged[0]
    return _picked(-np.abs(share - 0.5), (share > 0) & (share < 1))


def _easily_changed(facts: PictureFacts) -> NDArray[np.float64]:
    radius = facts.changed_at[0]
    surest_first = 1e-6 * facts.probability[0]  # among equals: radii are few
    return _picked(-radius + surest_first, np.isfinite(radius))


def _unsure(facts: PictureFacts) -> NDArray[np.float64]:
    return _picked(-facts.probability[0], np.full(len(facts.keys), True))


def _sure_and_wrong(facts: PictureFacts) -> NDArray[np.float64]:
    return _picked(facts.probability[0], (facts.labels >= 0) & ~facts.right[0])


def _every(facts: PictureFacts) -> NDArray[np.float64]:
    return np.zeros(len(facts.keys))


RULES: dict[str, PictureRule] = {
    rule.key: rule
    for rule in (
        PictureRule(
            "networks-disagree", "Networks disagree",
            "At least two answers; where the least sure network is surest comes first.", _networks_disagree, networks=2,
        ),
        PictureRule(
            "first-loses", "An attack turns the first network alone",
            "All networks give one answer, and PGD changes the first one's at a smaller radius than any other's: the "
            "largest ratio of radii first.", _first_loses, networks=2, attacked=True,
        ),
        PictureRule(
            "first-fails", "The first network wrong, the others right",
            "Where the first network is surest of its mistake comes first.", _first_fails, networks=2, labels=True,
        ),
        PictureRule(
            "maps-disagree", "Maps agree least",
            "Rank correlation of the networks' input gradients (size, summed over channels), mean over pairs: the "
            "smallest first.", _maps_disagree, networks=2, maps=True,
        ),
        PictureRule(
            "detectors-disagree", "Detectors disagree",
            "Some of the first network's detectors flag the picture and some do not: nearest to half of them first.",
            _detectors_disagree, flags=True,
        ),
        PictureRule(
            "easily-changed", "Changed by the smallest epsilon",
            "PGD changes the first network's answer at the smallest radius tried; of equals the surest answer first.",
            _easily_changed, attacked=True,
        ),
        PictureRule("unsure", "Least sure", "The first network's smallest probability for its answer first.", _unsure),
        PictureRule(
            "sure-and-wrong", "Sure and wrong", "The first network's mistakes, the surest first.", _sure_and_wrong,
            labels=True,
        ),
        PictureRule("every", "Every picture", "All of them, one after the other.", _every),
    )
}  # fmt: skip
