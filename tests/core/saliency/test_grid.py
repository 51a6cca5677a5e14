"""Maps side by side: in the order of their cost, and a sentence where there is none."""

import numpy as np
import pytest
import torch

from core.errors import ConfigError, InputError
from core.models.zoo import load_zoo_model
from core.progress import StoppedError
from core.saliency.catalogue import SALIENCY_METHODS
from core.saliency.gradient import gradient
from core.saliency.grid import saliency_grid, saliency_map
from core.saliency.target import Target


@pytest.fixture
def models(zoo_folder):
    return [load_zoo_model("fashion-mnist", key, zoo_folder) for key in ("standard", "pgd-linf")]


@pytest.fixture
def x():
    return torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def test_a_map_carries_what_it_was_made_of(models, x):
    found = saliency_map(models[0], x, "gradient", Target("true", 3), label=5, seed=2)
    expected = gradient(models[0].fast, x, torch.tensor([[5, 3]]))[0][0].numpy()
    assert np.allclose(found.attributions, expected, atol=1e-6) and np.array_equal(found.x, x[0].numpy())
    assert (found.task, found.model, found.method, found.target) == ("fashion-mnist", "standard", "gradient", (5, 3))
    assert found.settings == {"of": "true", "against": 3, "seed": 2, "precision": "float32"}
    assert found.problem == ""
    assert np.array_equal(found.heatmap, found.attributions.sum(0))
    with pytest.raises(InputError):
        saliency_map(models[0], x[:, :, :20], "gradient")
    with pytest.raises(ConfigError):
        saliency_map(models[0], x, "x-ray")


def test_the_grid_has_every_pair_cheap_methods_first_and_says_how_far_it_is(models, x):
    seen = []
    cells = list(
        saliency_grid(models, x, ("smooth-grad", "gradient"), on_progress=lambda done, of: seen.append((done, of)))
    )
    assert [(cell.method, cell.model) for cell in cells] == [
        ("gradient", "standard"),
        ("gradient", "pgd-linf"),
        ("smooth-grad", "standard"),
        ("smooth-grad", "pgd-linf"),
    ]
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert SALIENCY_METHODS["gradient"].cost < SALIENCY_METHODS["smooth-grad"].cost


def test_a_cell_without_a_map_says_why_and_the_others_stand(models, x):
    top = int(models[0].fast(x).argmax())
    assert int(models[1].fast(x).argmax()) != top
    refused, found = saliency_grid(models, x, ("gradient",), Target("top", top))
    assert "nothing to hold it against" in refused.problem and not refused.attributions.any()
    assert refused.attributions.shape == (1, 28, 28) and found.problem == "" and found.attributions.any()


def test_a_grid_can_be_stopped(models, x):
    with pytest.raises(StoppedError):
        list(saliency_grid(models, x, ("gradient",), should_stop=lambda: True))
