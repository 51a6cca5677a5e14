"""Methods that average gradients in bfloat16: near the map in float64, and in float32 unless they are asked."""

import copy

import pytest
import torch
from torch import nn

from core.data.galleries import gallery
from core.data.tasks import CIFAR10
from core.explanations.catalogue import ATTRIBUTION_METHODS
from core.images import fit
from core.metrics.map_agreement import spearman
from core.models.zoo import load_zoo_model
from core.saliency.catalogue import attribute
from core.saliency.grid import saliency_grid
from core.saliency.method import AttributionRequest

AVERAGING = [key for key, method in ATTRIBUTION_METHODS.items() if method.averages]
MOST_OFF = 0.25  # of a map's length; `benchmarks.map_precision` says how far maps are off


class InFloat64(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).double()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network(x.double())


@pytest.fixture(scope="module")
def photo():
    return fit(gallery(CIFAR10).picture("photo:chelsea").pixels, CIFAR10.shape)


def made(method, network, x):
    target = torch.tensor([3])
    return attribute(method, AttributionRequest(network, x, target, torch.Generator().manual_seed(0)))


@pytest.mark.parametrize("key", AVERAGING)
@pytest.mark.parametrize("network", ["standard", "pgd-linf"])
def test_a_map_in_bfloat16_is_near_the_one_in_float64(key, network, photo):
    model, method = load_zoo_model("cifar10", network).fast, ATTRIBUTION_METHODS[key]
    exact = made(method, InFloat64(model), photo)
    whole, low = made(method, model, photo), made(method.averaged_in("bfloat16"), model, photo)
    off = [float((found - exact).norm() / exact.norm()) for found in (whole, low)]
    assert off[0] < 1e-3 < off[1] < MOST_OFF
    assert spearman(low[0].sum(0).numpy(), exact[0].sum(0).numpy()) > 0.95


def test_float32_is_what_a_method_averages_in_unless_it_is_asked_otherwise(photo):
    model = load_zoo_model("cifar10", "pgd-linf")
    method = ATTRIBUTION_METHODS["integrated-gradients"]
    assert method.precision == "float32" and method.averaged_in("float32") is method
    low = method.averaged_in("bfloat16")
    assert not torch.equal(made(low, model.fast, photo), made(method, model.fast, photo))
    assert [found.settings["precision"] for found in saliency_grid([model], photo, [low, method, "gradient"])] == [
        "float32", "bfloat16", "float32",
    ]  # fmt: skip


def test_methods_that_average_no_gradients_stay_as_they_are():
    rest = [method for key, method in ATTRIBUTION_METHODS.items() if key not in AVERAGING]
    assert len(AVERAGING) == 6 and all(method.averaged_in("bfloat16") is method for method in rest)
