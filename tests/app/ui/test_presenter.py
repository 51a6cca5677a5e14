"""What a slide holds: a network under its own name and colour, its answer, its likeliest classes first."""

import numpy as np

from app.ui.colours import model_colour
from app.ui.presenter import answered, network


def test_an_answer_is_the_likeliest_class_and_the_bars_fall():
    face = answered(("cat", "dog", "owl", "fox"), np.float32([0.1, 0.2, 0.65, 0.05]), "now", verdict="kept")
    assert (face.answer, face.verdict, face.name) == ("owl", "kept", "now")
    assert [(bar.name, bar.words) for bar in face.bars] == [("owl", "65.0 %"), ("dog", "20.0 %"), ("cat", "10.0 %")]


def test_a_task_of_two_classes_has_two_bars():
    assert len(answered(("lying", "standing"), np.float32([0.4, 0.6])).bars) == 2


def test_a_network_has_the_colour_that_it_has_on_every_page():
    panel = network("pgd-linf")
    assert panel.colour == model_colour("pgd-linf") and panel.title != "pgd-linf" and panel.faces == ()
