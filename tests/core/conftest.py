"""A tiny zoo, a tiny network with its detectors, and a home for Ray."""

import pytest
import torch

from core.anomaly.calibrate import fit_calibration
from core.models import zoo
from core.models.resnet import PreActResNet
from core.reports.form import parts_cache, provenance
from core.reports.form.provenance import Code
from tests.helpers import resamples
from tests.helpers.networks import TINY_GREY
from tests.helpers.pictures import columns


@pytest.fixture(autouse=True)
def committed(monkeypatch):
    """The code counts as committed, whatever state the checkout is in."""
    for module in (provenance, parts_cache):
        monkeypatch.setattr(module, "code", lambda: Code("0.1.0 (0123456789)", uncommitted=False))


@pytest.fixture
def few_resamples():
    """A twentieth of a report's resamples, for tests to which the last digit of an interval does not matter."""
    with resamples.few_resamples():
        yield


@pytest.fixture
def zoo_folder(tmp_path):
    """A folder with two tiny Fashion-MNIST classifiers, `standard` and `pgd-linf`, with fresh weights."""
    folder = tmp_path / "models"
    for seed, key in enumerate(("standard", "pgd-linf")):
        card = zoo.Card("fashion-mnist", key, TINY_GREY, "recipe", {}, seed, "command", {}, sha256="", parameters=0)
        zoo.save(PreActResNet(TINY_GREY, torch.Generator().manual_seed(seed)), card, folder)
    return folder


@pytest.fixture(scope="session")
def network():
    """A network whose head was fitted to the pictures, so that it is mostly right."""
    net = PreActResNet(TINY_GREY, torch.Generator().manual_seed(0))
    net.eval()
    some = columns(300, 1)
    with torch.no_grad():
        h = net.features(some.images()).mean((2, 3))
        wanted = 8.0 * torch.nn.functional.one_hot(some.labels, 10).float()
        found = torch.linalg.lstsq(torch.cat([h, torch.ones(len(h), 1)], 1), wanted).solution
        net.head.weight.copy_(found[:-1].T)
        net.head.bias.copy_(found[-1])
    card = zoo.Card("fashion-mnist", "standard", TINY_GREY, "recipe", {}, 0, "command", {}, "a" * 64, 0)
    return zoo.assemble(card, net.state_dict())


@pytest.fixture(scope="session")
def calibration():
    """150 pictures that the network did not see."""
    return columns(150, 2)


@pytest.fixture(scope="session")
def screen(network, calibration):
    """The network's detectors."""
    return fit_calibration(network, columns(300, 1), calibration)


@pytest.fixture
def ray_home(tmp_path_factory, monkeypatch):
    """A home where Ray leaves the token of its clusters: one for all tests of a process, which reads it once."""
    monkeypatch.setenv("HOME", str(tmp_path_factory.getbasetemp() / "ray-home"))
