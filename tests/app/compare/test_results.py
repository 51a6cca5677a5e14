"""Attacks that the page Compare keeps: other ones for other precisions of their steps, and none mixed up."""

import numpy as np

from app.compare.results import attack_results
from app.state.pictures import model_input
from core.attacks.pgd import Pgd
from core.data.tasks import CIFAR10


def test_what_is_kept_hangs_on_the_precision_of_the_steps(zoo, monkeypatch):
    shown, attack, found = model_input("cifar10", "photo:chelsea", "crop", False), Pgd(8 / 255, steps=3), {}
    for precision in ("bfloat16", "float32", "bfloat16"):
        monkeypatch.setattr("app.state.device.step_precision", lambda precision=precision: precision)
        (found[precision],) = attack_results(CIFAR10, ["standard"], shown, attack)
        assert found[precision].settings["precision"] == precision
    assert not np.array_equal(found["bfloat16"].x_adv, found["float32"].x_adv)
