"""Attacked images: those that the attack turned, as far from what they were as it may go."""

from functools import partial

import numpy as np
import pytest
import torch

from core.anomaly import attacked as attacks
from core.anomaly.attacked import ATTACKS, attacked
from core.attacks.ddn import Ddn
from tests.helpers.pictures import columns


@pytest.mark.slow
def test_attacks_leave_only_images_that_were_right_and_are_wrong(network, monkeypatch):
    monkeypatch.setattr(attacks, "STEPS", 4)
    monkeypatch.setattr(attacks, "Ddn", partial(Ddn, 20))
    data = columns(64, 3)
    x, labels = data.images(), data.labels
    radius = network.task.radii["linf"]
    for name in ATTACKS:
        x_adv, index = attacked(network, name, x, labels, 0)
        with torch.no_grad():
            assert (network.fast(x[index]).argmax(1) == labels[index]).all()
            assert (network.fast(x_adv).argmax(1) != labels[index]).all()
        share = {"pgd-quarter": 0.25, "pgd-half": 0.5, "ddn": np.inf}.get(name, 1.0)
        assert (x_adv - x[index]).abs().amax() <= share * radius + 1e-6 and x_adv.min() >= 0 and x_adv.max() <= 1
        assert name in ("pgd-quarter", "fgsm") or len(index) > 0
