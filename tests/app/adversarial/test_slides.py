"""Explanations for a room, without an engine: of many classes each network stands where it has explained one."""

import numpy as np

from app.adversarial.results import UNSAID
from app.adversarial.slides import slides
from core.data.tasks import CIFAR10
from core.explanations.class_explanations import Explanations

X = np.zeros((3, 32, 32), np.float32)


def explanations(key: str, classes: list[int]) -> Explanations:
    probs, count = np.float32(np.eye(10)[0]), len(classes)
    x_adv = np.stack([X + 0.1 * (1 + at) for at in range(count)])
    shown = np.float32(np.eye(10)[classes])
    return Explanations("cifar10", key, {"rho": 0.1}, X, probs, x_adv, shown, shown, X, probs, np.array(classes))


def test_a_slide_a_class_holds_the_networks_that_explained_it():
    found, right = [explanations("standard", [0, 3]), explanations("pgd-linf", [3, 5])], {"pgd-linf": "81 % right"}
    made = slides(CIFAR10, found, [UNSAID] * 2, 0.1, right)
    assert [panel.note for panel in made[1].panels] == ["", "81 % right"]
    assert [[panel.key for panel in slide.panels] for slide in made] == [
        ["standard"],
        ["standard", "pgd-linf"],
        ["pgd-linf"],
    ]
    changed, clean = made[1].panels[1].faces
    assert (changed.answer, clean.answer) == (CIFAR10.class_names[3], CIFAR10.class_names[0])
    assert changed.picture != made[1].panels[0].faces[0].picture  # its own, not the other network's
