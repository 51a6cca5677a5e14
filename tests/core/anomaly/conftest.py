"""A tiny network with its screen, and pictures for both."""

import pytest
import torch

from core.anomaly.calibrate import fit_calibration
from core.data.datasets import LabelledImages
from core.models.resnet import PreActResNet
from core.models.zoo import Card, assemble
from tests.core.conftest import TINY_GREY


def pictures(count: int, seed: int) -> LabelledImages:
    """Pictures whose class is a bright column, with noise."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 10
    pixels = torch.randint(0, 60, (count, 1, 28, 28), generator=generator).to(torch.uint8)
    for index, label in enumerate(labels.tolist()):
        pixels[index, :, :, 2 * label + 3 : 2 * label + 6] += 150
    return LabelledImages(pixels, labels, f"columns {seed}")


@pytest.fixture(scope="session")
def network():
    """A network whose head was fitted to the pictures, so that it is mostly right."""
    net = PreActResNet(TINY_GREY, torch.Generator().manual_seed(0))
    net.eval()
    some = pictures(300, 1)
    with torch.no_grad():
        h = net.features(some.images()).mean((2, 3))
        wanted = 8.0 * torch.nn.functional.one_hot(some.labels, 10).float()
        found = torch.linalg.lstsq(torch.cat([h, torch.ones(len(h), 1)], 1), wanted).solution
        net.head.weight.copy_(found[:-1].T)
        net.head.bias.copy_(found[-1])
    card = Card("fashion-mnist", "standard", TINY_GREY, "recipe", {}, 0, "command", {}, sha256="a" * 64, parameters=0)
    return assemble(card, net.state_dict())


@pytest.fixture(scope="session")
def calibration():
    """150 pictures that the network did not see."""
    return pictures(150, 2)


@pytest.fixture(scope="session")
def screen(network, calibration):
    """The network's detectors."""
    return fit_calibration(network, pictures(300, 1), calibration)
