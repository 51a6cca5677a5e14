"""What a generator learns to see with: as it was published, fitted only where it is looked through."""

import pytest
import torch

from core.data.datasets import load
from core.data.tasks import FASHION_MNIST
from core.devices import CPU
from core.models import zoo
from core.training.autoencoder.eyes import eyes_of
from core.training.autoencoder.plan import PACKAGED, AutoencoderRecipe


@pytest.fixture
def images(fashion_root):
    return load(FASHION_MNIST, "train").first(64)


def test_the_packaged_network_sees_grey_pictures_in_float32_and_tells_what_it_was_fitted_on(images):
    data = images.first(48)
    eyes = eyes_of("fashion-mnist", AutoencoderRecipe(features=1.0, classifier=PACKAGED), data, CPU)
    network, x = eyes.network, data.images().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        maps = network.stage_maps(x)
    assert tuple(h.shape[1] for h in maps) == network.widths and {h.dtype for h in maps} == {torch.float32}
    assert [h.shape[2] for h in maps] == [24, 12, 6, 3]
    assert float((network(x).argmax(1) == data.labels).float().mean()) > 0.95
    assert torch.autograd.grad(maps[-1].sum(), x)[0].any()
    assert not any(parameter.requires_grad for parameter in network.parameters())
    published = zoo.load_zoo_model("imagenet", "standard").fast
    same = published.network.forward_features(published.preprocess(torch.rand(1, 3, 96, 96)))
    assert same.shape[1] == 1280  # the shared network is whole


@pytest.mark.parametrize(
    ("weights", "fitted"),
    [({}, 0), ({"features": 1.0}, 1), ({"critic": 1.0}, 1), ({"agreement": 1.0}, 1), ({"polish": 1.0}, 1)],
)
def test_a_last_layer_is_fitted_for_a_design_that_looks_and_for_no_other(images, monkeypatch, weights, fitted):
    fits = []
    monkeypatch.setattr("core.training.autoencoder.eyes._fitted", lambda *given: fits.append(given))
    eyes = eyes_of("fashion-mnist", AutoencoderRecipe(classifier=PACKAGED, **weights), images.first(4), CPU)
    assert len(fits) == fitted and eyes.sha256 == zoo.load_zoo_model("imagenet", "standard").card.sha256


def test_eyes_of_the_zoo_are_its_fast_form(images):
    theirs = eyes_of("cifar10", AutoencoderRecipe(classifier="pgd-l2"), images, CPU)
    model = zoo.load_zoo_model("cifar10", "pgd-l2")
    x = torch.rand(2, 3, 32, 32)
    assert torch.equal(theirs.network(x), model.fast(x)) and theirs.sha256 == model.card.sha256
