"""Comparisons with other libraries: what is not the same work is said, gets no verdict, and stops nothing."""

import ast

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.gaia import gaia
from benchmarks.mahalanobis_steps import STEPS, layers, regressed, stepped
from benchmarks.timing import OURS, differs, print_table
from core.anomaly import class_gaussians
from core.models.resnet import PreActResNet, ResNetConfig
from tests.helpers.pages import ROOT

SECONDS = {OURS: (1.0, 1.0), "captum": (2.0, 2.0)}


def test_a_row_of_equal_work_has_a_verdict(capsys):
    assert not differs(False, "maps are 1.0e-12 apart")
    assert print_table("gradient", SECONDS, 0.8) == pytest.approx(0.5)
    assert "met" in capsys.readouterr().out
    print_table("gradient", SECONDS, 0.4)
    assert "MISSED" in capsys.readouterr().out


def test_a_row_that_is_not_the_same_work_is_said_and_timed_without_one(capsys):
    """On another processor a map was 1.0e-3 of its largest entry off: the run ended there, and its table never came."""
    apart = differs(True, "maps are 1.0e-03 apart")
    assert "NOT THE SAME WORK" in capsys.readouterr().out
    assert print_table("gradient", SECONDS, 0.8, apart) == pytest.approx(0.5)
    said = capsys.readouterr().out
    assert "no verdict" in said and "1.0e-03 apart" in said and "met" not in said and "captum" in said


@pytest.mark.parametrize("name", ["pgd", "curve", "saliency", "timing"])
def test_no_comparison_ends_the_run(name):
    tree = ast.parse((ROOT / "benchmarks" / f"{name}.py").read_text())
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Raise | ast.Assert)]


def small_network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return PreActResNet(ResNetConfig(3, widths=(4, 6), blocks=(1, 1))).eval()


class Probed(nn.Module):
    """A layer to whose output a tensor of zeros is added, whose gradient is the output's."""

    def __init__(self, layer):
        super().__init__()
        self.layer, self.probe = layer, None

    def forward(self, x):
        out = self.layer(x)
        self.probe = torch.zeros_like(out, requires_grad=True)
        return out + self.probe


def of_one(model, image):
    """GAIA-Z and GAIA-A of one image, channel by channel."""
    probed = [module for module in model.modules() if isinstance(module, Probed)]

    def by_channel(ask):
        """The gradient of what `ask` makes of the pooled features, on each channel of each BatchNorm."""
        pooled = model.features(image[None]).mean((2, 3))
        grads = torch.autograd.grad(ask(pooled), [layer.probe for layer in probed])
        return [channel for grad in grads for channel in grad[0]]

    answer = by_channel(lambda pooled: model.last_layer(pooled).max())
    shares = [sum(float(value != 0) for value in channel.flatten()) / channel.numel() for channel in answer]
    means = [float(channel.mean()) for channel in by_channel(lambda pooled: pooled.sum())]
    pooled = model.features(image[None]).mean((2, 3)).detach().requires_grad_()
    (outer,) = torch.autograd.grad(model.last_layer(pooled).log_softmax(1).sum(), pooled)
    size = sum(abs(float(value)) for value in outer[0]) / outer.shape[1]
    return sum(s * s for s in shares) / len(shares), sum((m / size**0.5) ** 2 for m in means) / len(means)


def test_gaia_of_a_batch_is_that_of_each_image_channel_by_channel():
    model = small_network().double()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean += 0.1
    x = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    zero, average = gaia(model, x)
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.BatchNorm2d):
            model.set_submodule(name, Probed(module))
    expected = torch.tensor([of_one(model, image) for image in x], dtype=torch.float64)
    torch.testing.assert_close(torch.stack([zero, average], 1), expected)
    assert (zero < 1).all() and expected.std(0).min() > 0


def test_a_step_of_mahalanobis_goes_down_the_distance_of_its_own_layer_alone():
    """Step zero is the plain distance; each layer's step is found by its own gradient, written out for one image."""
    model = small_network().requires_grad_(False)
    generator = torch.Generator().manual_seed(1)
    labels = np.arange(60) % 3
    train = torch.rand(60, 3, 8, 8, generator=generator)
    gaussians = [class_gaussians.fit(each.numpy(), labels) for each in layers(model, train)]
    x = torch.rand(4, 3, 8, 8, generator=generator)
    after = stepped(model, gaussians, x)
    assert after.shape == (len(STEPS), 4, len(gaussians)) and STEPS[0] == 0
    for layer, of in enumerate(gaussians):
        np.testing.assert_allclose(after[0, :, layer], of.distances(layers(model, x)[layer].numpy()).min(1), rtol=1e-4)
        image = x[:1].clone().requires_grad_()
        means, precision = torch.from_numpy(of.means), torch.from_numpy(of.precision)
        offsets = layers(model, image)[layer] - means
        nearest = torch.stack([offset @ precision @ offset for offset in offsets]).min()
        (gradient,) = torch.autograd.grad(nearest, image)
        moved = layers(model, x[:1] - STEPS[1] * gradient.sign())[layer].numpy()
        np.testing.assert_allclose(after[1, :1, layer], of.distances(moved).min(1), rtol=1e-4)
    assert (after[1] < after[0]).all()


def test_a_regression_is_judged_on_other_images_than_it_is_fitted_to():
    generator = np.random.default_rng(0)
    clean, noisy = generator.normal(size=(2, 120, 2))
    changed = generator.normal(size=(120, 2))
    changed[:80, 0] += 6.0
    apart, alike = regressed([clean, noisy, changed], [slice(0, 40), slice(40, 80), slice(80, 120)])
    assert apart > 0.99 and 0.3 < alike < 0.7
