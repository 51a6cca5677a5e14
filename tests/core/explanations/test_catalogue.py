"""The adversarial explanation as a saliency method: exact on linear networks, and the same picture as elsewhere."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from core.data.tasks import FASHION_MNIST
from core.errors import ConfigError
from core.explanations.catalogue import ADVERSARIAL, ATTRIBUTION_METHODS, RHO, difference
from core.explanations.class_explanations import explain
from core.models.zoo import load_zoo_model
from core.norms import rmse
from core.progress import StoppedError
from core.saliency import catalogue
from core.saliency.catalogue import attribute
from core.saliency.grid import saliency_map
from core.saliency.method import AttributionRequest
from core.saliency.target import Target
from tests.helpers.networks import linear


def ask(net, x, target, **more):
    return AttributionRequest(net, x, torch.tensor(target), torch.Generator(), **more)


@pytest.fixture
def x():
    return torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def net():
    """Logits linear in the image, and so flat that probabilities hardly move."""
    net = linear(4, 192)
    with torch.no_grad():
        net[-1].weight.mul_(1e-4)
        net[-1].bias.zero_()
    return net


def test_a_class_alone_gets_its_direction_against_all_and_a_contrast_that_between_the_two(net, x):
    weight = net[-1].weight.detach().view(4, 3, 8, 8)
    alone = attribute(ADVERSARIAL, ask(net, x, [0, 2]))
    pair = attribute(ADVERSARIAL, ask(net, x, [[0, 3], [2, 1]]))
    for index, (of, against) in enumerate(((0, 3), (2, 1))):
        for found, exact in ((alone[index], weight[of] - weight.mean(0)), (pair[index], weight[of] - weight[against])):
            assert_close(found / rmse(found[None]), exact / rmse(exact[None]), rtol=1e-2, atol=1e-2)


def test_its_size_is_about_rho_and_rho_is_asked_for(net, x):
    for rho in (RHO, 0.02):
        sizes = rmse(difference(ask(net, x, [0, 2]), rho))
        assert ((sizes > 0.7 * rho) & (sizes < 1.5 * rho)).all()
    assert not difference(ask(net, x, [0, 2]), 0.0).any()
    with pytest.raises(ConfigError):
        difference(ask(net, x, [0, 2]), -0.1)


def test_it_is_the_change_that_the_page_of_explanations_shows(zoo_folder):
    model = load_zoo_model("fashion-mnist", "standard", zoo_folder)
    image = torch.rand(1, *FASHION_MNIST.shape, generator=torch.Generator().manual_seed(1))
    found = saliency_map(model, image, ADVERSARIAL, Target(3))
    assert (found.method, found.target) == ("adversarial-explanation", (3,))
    shown = explain(model, image, RHO).delta[3]
    cosine = np.vdot(found.attributions, shown) / np.linalg.norm(found.attributions) / np.linalg.norm(shown)
    assert cosine > 0.95  # another batch rounds otherwise, and a path bends at kinks
    assert np.array_equal(found.heatmap, found.attributions.sum(0))


def test_it_stands_beside_the_others_says_how_far_it_is_and_can_be_stopped(net, x):
    assert {*ATTRIBUTION_METHODS} == {*catalogue.SALIENCY_METHODS, "adversarial-explanation"}
    told = []
    attribute(ADVERSARIAL, ask(net, x, [0, 2], on_progress=lambda done, of: told.append((done, of))))
    assert told == [(step, 35) for step in range(36)]
    asked = iter([False, False, True])
    with pytest.raises(StoppedError):
        attribute(ADVERSARIAL, ask(net, x, [0, 2], should_stop=lambda: next(asked)))
