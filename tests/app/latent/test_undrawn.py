"""What speaks against a drawing: how far off it is beside what is usual."""

from types import SimpleNamespace

import numpy as np
import pytest

from app.latent import explorer
from app.latent.explorer import FAR, Start, usual_distance, why_undrawn
from app.state.reconstructions import Reconstruction
from core.data.tasks import task_named

TASK = task_named("cifar10")
MSE = {"metric": "mse", "of": "reconstructions", "value": 0.01}


def of_card(monkeypatch, *figures: dict) -> None:
    """A generator whose card has these figures."""
    card = SimpleNamespace(figures=figures)
    monkeypatch.setattr(explorer.autoencoders, "autoencoder", lambda task: SimpleNamespace(card=card))


def start(distance: float) -> Start:
    """A picture whose drawing is so far off as the class that it is taken as."""
    x = np.zeros((3, 32, 32), np.float32)
    picture = Reconstruction(("",) * 10, x, np.zeros((10, 3, 32, 32), np.float32), np.full(10, distance, np.float32))
    return Start(picture, 3, "", own=True)


@pytest.mark.parametrize(("distance", "said"), [(0.1 * FAR - 0.001, False), (0.1 * FAR + 0.001, True)])
def test_a_drawing_far_from_the_picture_is_none_though_every_network_keeps_its_answer(monkeypatch, distance, said):
    of_card(monkeypatch, {"metric": "ssim", "of": "reconstructions", "value": 0.7}, MSE)
    monkeypatch.setattr(explorer.predictions, "predictions_of", lambda *of: [SimpleNamespace(target=0)])
    monkeypatch.setattr(explorer, "replace", lambda shown, **new: shown)
    found = why_undrawn(TASK, start(distance), SimpleNamespace(digest=""), ["standard"])
    assert bool(found) is said
    if said:
        assert found == "the drawing is 0.151 off (RMSE), where test images are 0.100 off on average"


def test_where_the_card_does_not_say_what_is_usual_nothing_is_far(monkeypatch):
    of_card(monkeypatch, {"metric": "mse", "of": "samples", "value": 0.01})
    assert usual_distance(TASK) == float("inf")


@pytest.mark.parametrize(("true", "taken"), [(None, 2), (7, 7)])
def test_a_picture_is_taken_as_its_own_class_where_that_is_known(true, taken):
    distances = np.full(10, 0.2, np.float32)
    distances[2] = 0.1
    assert Reconstruction((), np.zeros(1), np.zeros(1), distances).taken_as(true) == taken
