"""The rules of the tour: each looks for one view among the pictures that ship, and says with figures what it found.

A rule that finds nothing gives no view; what it looks for is stated in its function's docstring.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core.anomaly.calibration import calibration_path, read_calibration
from core.anomaly.catalogue import DEFAULT, DETECTORS
from core.anomaly.verdict import judge, strengths
from core.data.galleries import Gallery, gallery
from core.data.tasks import Task, task_named
from core.explanations.manipulate_map import manipulate_map
from core.explanations.opening import read_openings
from core.explanations.picture_facts import FactSettings, PictureFacts, measure_pictures
from core.explanations.picture_rules import RULES as PICTURE_RULES
from core.images import fit
from core.metrics.localisation import area, mass_inside
from core.metrics.map_agreement import spearman
from core.models.zoo import ZooModel, load_zoo_model
from core.norms import radius_words
from core.saliency.gradient import gradient
from core.tour.view import View
from core.training.recipes.registry import name_of

STANDARD, ROBUST, PAIR = "standard", "pgd-linf", ("standard", "pgd-linf", "pgd-l2")
ALPHA = 0.05
CHANGE = "pgd"
FEW = 6  # generated pictures that the costly rule tries
NOWHERE = Path("nowhere")


_model = cache(load_zoo_model)


@dataclass(frozen=True)
class Shipped:
    """What ships for a task: the pictures of its gallery but test images, and its networks."""

    key: str

    @cached_property
    def task(self) -> Task:
        """The task."""
        return task_named(self.key)

    @cached_property
    def gallery(self) -> Gallery:
        """Its gallery, as it is where no data set is."""
        return gallery(self.task, NOWHERE)

    def model(self, key: str) -> ZooModel:
        """One of its networks."""
        return _model(self.key, key)

    def image(self, key: str) -> Tensor:
        """A picture as the networks get it (1, C, H, W)."""
        return fit(self.gallery.picture(key).pixels, self.task.shape, "crop", self.task.background)

    def labelled(self) -> Iterator[tuple[str, int, Tensor]]:
        """The pictures of a known class: key, class and image."""
        for key, item in self.gallery.items.items():
            if item.label is not None:
                yield key, item.label, self.image(key)

    def name(self, label: int) -> str:
        """A class's name."""
        return self.task.class_names[label]

    def facts(self, models: tuple[str, ...]) -> PictureFacts:
        """What some networks make of the labelled pictures."""
        return measure_pictures([self.model(key) for key in models], {}, self.labelled(), FactSettings())

    def view(self, key: str, page: str, models: tuple[str, ...], picture: str, sentence: str, **more: str) -> View:
        """A view of this task."""
        query = {"task": self.key, "models": ",".join(models), "image": picture, **more}
        return View(key, page, query, sentence, {one: self.model(one).card.sha256 for one in models})


def percent(share: float) -> str:
    """A share as a whole percentage."""
    return f"{share * 100:.0f}\N{NO-BREAK SPACE}%"


def fools_the_standard_network_alone(photographs: Shipped) -> View | None:
    """The picture that first visits open with: all networks are right, and 2/255 turns the standard one alone."""
    made = read_openings(photographs.key)
    found = made.chosen.get("ships") if made else None
    if made is None or found is None:
        return None
    level = round(made.settings.epsilon * 255)
    label = photographs.gallery.items[found.picture].label
    assert label is not None
    return photographs.view(
        "fooled", "compare", PAIR, found.picture,
        f"All three networks say {photographs.name(label)}. A change of {level}/255 a pixel, too small to see, turns "
        "the standard one and neither robust one.", epsilon=str(level),
    )  # fmt: skip


def the_robust_map_traces_the_object(pasted: Shipped) -> View | None:
    """The picture with a mask on whose object the robust network's gradient lies most above the standard one's."""
    best: tuple[float, str, tuple[float, float, float]] | None = None
    for key, _, x in pasted.labelled():
        mask = pasted.gallery.annotation(key)
        if mask is None:
            continue
        inside = mask[0] > 0
        shares = []
        for model in (STANDARD, ROBUST):
            slopes, _ = gradient(pasted.model(model).fast, x, torch.tensor([-1]))
            shares.append(mass_inside(slopes[0].abs().sum(0).cpu().numpy(), inside))
        if best is None or shares[1] - shares[0] > best[0]:
            best = (shares[1] - shares[0], key, (shares[0], shares[1], area(inside)))
    if best is None or best[0] <= 0:
        return None
    standard, robust, even = map(percent, best[2])
    return pasted.view(
        "traced", "saliency", (STANDARD, ROBUST), best[1],
        f"Of the robust network's gradient {robust} lies on the garment, of the standard one's {standard}; an even map "
        f"would have {even}.", rows="networks",
    )  # fmt: skip


def an_attack_that_no_detector_sees(photographs: Shipped) -> View | None:
    """The strongest attack on the standard network that turns its answer while no calibrated detector flags it."""
    model = photographs.model(STANDARD)
    calibration = read_calibration(model, calibration_path(photographs.key, STANDARD))
    best: tuple[tuple[int, float], str, int, int] | None = None
    for key, label, x in photographs.labelled():
        verdict = judge(model, calibration, x, CHANGE)
        answers = verdict.probs.argmax(1)
        for step in range(1, len(answers)):
            if answers[0] == label and answers[step] != label and not verdict.flags(ALPHA, step):
                score = (step, float(verdict.probs[step].max()))
                if best is None or score > best[0]:
                    best = (score, key, step, int(answers[step]))
    if best is None:
        return None
    (step, share), key, _, answer = best
    level = strengths(photographs.task, CHANGE)[step] * 255
    return photographs.view(
        "unseen", "anomaly", (STANDARD,), key,
        f"PGD at {level:g}/255 makes the standard network {percent(share)} sure of {photographs.name(answer)}, and "
        f"none of its {len(calibration.detectors)} detectors flags the picture at {percent(ALPHA)} false alarms.",
        push=CHANGE, step=str(step), open="push",
    )  # fmt: skip


def a_detector_that_misses_a_far_picture(photographs: Shipped) -> View | None:
    """The photograph of no known class, and the network, that the default detector finds most normal."""
    best: tuple[float, str, str, int] | None = None
    for network in PAIR:
        model = photographs.model(network)
        calibration = read_calibration(model, calibration_path(photographs.key, network))
        for key, item in photographs.gallery.items.items():
            if item.label is None and key != "photo:chelsea":  # a cat, which is one of the classes
                verdict = judge(model, calibration, photographs.image(key))
                p_value = float(verdict.p_values[DEFAULT][0])
                if best is None or p_value > best[0]:
                    best = (p_value, network, key, int(verdict.probs[0].argmax()))
    if best is None or best[0] <= ALPHA:
        return None
    p_value, network, key, answer = best
    return photographs.view(
        "missed", "anomaly", (network,), key,
        f"{photographs.gallery.items[key].title}: none of the {photographs.task.classes} classes. The network "
        f"{name_of(network)} says {photographs.name(answer)}, and {DETECTORS[DEFAULT].name} does not flag it: "
        f"{percent(p_value)} of normal pictures look as odd or odder.",
    )  # fmt: skip


def a_heat_map_led_astray(photographs: Shipped) -> View | None:
    """Of a few pictures the one whose gradient map moves furthest to the bottom right while the answer stays."""
    model = photographs.model(STANDARD)
    height, width = photographs.task.shape[1:]
    region = np.zeros((height, width), bool)
    region[height // 2 :, width // 2 :] = True
    epsilon = photographs.task.radii["linf"]
    best: tuple[float, str, float, float] | None = None
    for key, _, x in list(photographs.labelled())[:FEW]:
        found = manipulate_map(model, x, "gradient", region, epsilon)
        before = float(found.heatmap[region].sum())
        if found.succeeded and (best is None or found.mass_adv - before > best[0]):
            best = (found.mass_adv - before, key, before, found.mass_adv)
    if best is None:
        return None
    _, key, before, after = best
    return photographs.view(
        "astray", "adversarial", (STANDARD, ROBUST), key,
        f"Within {radius_words('linf', epsilon)} the standard network keeps its answer while its map goes to the "
        f"bottom right: {percent(before)} of it before, {percent(after)} after.", open="fooling",
    )  # fmt: skip


def a_latent_flip(photographs: Shipped) -> View | None:
    """One slider along a leading direction of the generator turns the standard network and no robust one."""
    made = read_openings(photographs.key)
    chosen = [made.chosen.get(kind) for kind in ("ships", "ships-latent")] if made else []
    found = next((one for one in chosen if one and one.direction), None)
    if found is None:
        return None
    moves = [0.0] * max(found.direction, 1)
    moves[found.direction - 1] = found.position
    return photographs.view(
        "flip", "latent", PAIR, found.picture,
        f"Moved {abs(found.position):g} along direction {found.direction} of what the generator knows, the picture is "
        "another class for the standard network alone.",
        moves=",".join(f"{move:g}" for move in (*moves, *[0.0] * (5 - len(moves)))),
    )  # fmt: skip


def two_networks_that_disagree(photographs: Shipped) -> View | None:
    """The picture on which the standard and the robust network are surest of different classes."""
    facts = photographs.facts((STANDARD, ROBUST))
    places = PICTURE_RULES["networks-disagree"].places(facts)
    if not len(places):
        return None
    place = int(places[0])
    said = [
        f"{photographs.name(int(facts.predicted[row, place]))} ({percent(facts.probability[row, place])})"
        for row in range(2)
    ]
    return photographs.view(
        "disagree", "compare", (STANDARD, ROBUST), facts.keys[place],
        f"The standard network says {said[0]}, the robust one {said[1]}.",
    )  # fmt: skip


def training_changes_what_is_looked_at(photographs: Shipped) -> View | None:
    """The picture whose gradient map after one epoch is least like that after the whole training."""
    early, late = "oneepoch", STANDARD
    best: tuple[float, str] | None = None
    for key, label, x in photographs.labelled():
        maps = [
            gradient(photographs.model(one).fast, x, torch.tensor([label]))[0][0].sum(0).cpu().numpy()
            for one in (early, late)
        ]
        alike = spearman(maps[0], maps[1])
        if best is None or alike < best[0]:
            best = (alike, key)
    if best is None:
        return None
    return photographs.view(
        "training", "saliency", (early, late), best[1],
        "A network of one epoch and one of many look at other pixels here: the rank correlation of their gradients is "
        f"{best[0]:.2f}.", open="training",
    )  # fmt: skip


Rule = Callable[[Shipped], View | None]
TITLES: Mapping[str, str] = {
    "fooled": "Fools the standard network alone",
    "traced": "The robust map traces the object",
    "unseen": "An attack that no detector sees",
    "missed": "A detector misses a far picture",
    "astray": "A heat map is led astray",
    "flip": "A natural change turns an answer",
    "disagree": "Two networks disagree",
    "training": "Training changes what is looked at",
}
"""What a view is called, by the key of its rule."""
RULES: tuple[tuple[Rule, str], ...] = (
    (fools_the_standard_network_alone, "cifar10"),
    (the_robust_map_traces_the_object, "pasted"),
    (an_attack_that_no_detector_sees, "cifar10"),
    (a_detector_that_misses_a_far_picture, "cifar10"),
    (a_heat_map_led_astray, "cifar10"),
    (a_latent_flip, "cifar10"),
    (two_networks_that_disagree, "cifar10"),
    (training_changes_what_is_looked_at, "cifar10"),
)
"""The rules, each with the task whose pictures and networks it looks at."""
