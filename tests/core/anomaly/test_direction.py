"""Mean gradients against the mean of single ones, and the angle to them."""

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.testing import assert_close

from core.anomaly.confounding import ConfoundingLabel
from core.anomaly.direction import mean_gradients, misalignment
from core.anomaly.gradients import Groups, weight_gradients
from core.errors import InputError
from core.models.resnet import PreActResNet, ResNetConfig

EVERYTHING = Groups(True, True)


@pytest.fixture
def net():
    net = PreActResNet(ResNetConfig(3, widths=(4, 8), blocks=(1, 1)), torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(7)
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.5, generator=generator)
    return net.eval()


@pytest.fixture
def x():
    return torch.rand(12, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def single(net, x, probe):
    found = []
    for image in x:
        values = {name: p.detach().clone().requires_grad_() for name, p in net.named_parameters()}
        grads = torch.autograd.grad(probe.loss(functional_call(net, values, (image[None],))).sum(), values.values())
        found.append(dict(zip(values, grads, strict=True)))
    return found


@pytest.mark.parametrize(
    "probe", [ConfoundingLabel(), ConfoundingLabel("predicted", "cross-entropy")], ids=lambda probe: probe.label
)
def test_the_mean_is_that_of_single_gradients(net, x, probe):
    rows = single(net, x, probe)
    common = mean_gradients(net, x, probe, EVERYTHING, chunk=5)
    for name, mean in common.items():
        assert_close(mean[0], torch.stack([row[name] for row in rows]).mean(0), rtol=1e-3, atol=1e-5)
    predicted = net(x).argmax(1)
    of_class = mean_gradients(net, x, probe, EVERYTHING, by_class=True, chunk=5)
    for name, mean in of_class.items():
        for index in range(3):
            own = [row[name] for row, label in zip(rows, predicted.tolist(), strict=True) if label == index]
            expected = torch.stack(own).mean(0) if own else torch.zeros_like(mean[index])
            assert_close(mean[index], expected, rtol=1e-3, atol=1e-5)
    assert all(parameter.grad is None and parameter.requires_grad for parameter in net.parameters())


def test_an_image_alone_lies_along_its_own_mean_and_against_its_opposite(net, x):
    directions = mean_gradients(net, x[:1], ConfoundingLabel(), EVERYTHING)
    found = weight_gradients(net, x[:1], ConfoundingLabel(), EVERYTHING, directions)
    assert_close(misalignment(found, directions), torch.zeros(1, len(found.names)), rtol=0, atol=1e-4)
    opposite = {name: -direction for name, direction in directions.items()}
    against = weight_gradients(net, x[:1], ConfoundingLabel(), EVERYTHING, opposite)
    assert_close(misalignment(against, opposite), torch.full((1, len(found.names)), 2.0), rtol=0, atol=1e-4)


def test_the_angle_is_that_to_the_mean_of_the_predicted_class(net, x):
    directions = mean_gradients(net, x[:6], ConfoundingLabel(), EVERYTHING, by_class=True)
    found = weight_gradients(net, x, ConfoundingLabel(), EVERYTHING, directions)
    shown = misalignment(found, directions)
    predicted = net(x).argmax(1).tolist()
    for row, (gradients, label) in enumerate(zip(single(net, x, ConfoundingLabel()), predicted, strict=True)):
        expected = [
            1 - torch.cosine_similarity(gradients[name].flatten(), directions[name][label].flatten(), dim=0)
            for name in found.names
        ]
        assert_close(shown[row], torch.stack(expected), rtol=1e-3, atol=1e-4)


def test_without_a_gradient_or_a_direction_the_cosine_is_zero(net, x):
    directions = {name: torch.zeros_like(mean) for name, mean in mean_gradients(net, x, ConfoundingLabel()).items()}
    found = weight_gradients(net, x, ConfoundingLabel(), directions=directions)
    assert bool((misalignment(found, directions) == 1).all())


def test_what_is_missing_is_refused(net, x):
    with pytest.raises(InputError, match="without directions"):
        misalignment(weight_gradients(net, x, ConfoundingLabel()), {})
    with pytest.raises(InputError, match="at least one"):
        mean_gradients(net, x[:0], ConfoundingLabel())
