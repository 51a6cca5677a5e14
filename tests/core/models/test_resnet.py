"""The network: its size, its normalisation, and how its activations behave."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck
from torch.testing import assert_close

from core.data.tasks import TASKS
from core.errors import ConfigError
from core.models.activations import HalfHuberReLU
from core.models.resnet import MirroredConfig, PreActResNet, ResNetConfig, network_of
from core.training.plan import network_for


def test_default_network_has_two_thirds_of_a_million_parameters():
    count = sum(p.numel() for p in PreActResNet(ResNetConfig()).parameters())
    assert 600_000 < count < 750_000


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.key)
def test_shipped_networks_stay_under_a_million_parameters(task):
    model = PreActResNet(network_for(task))
    assert sum(p.numel() for p in model.parameters()) <= 1_000_000
    assert model(torch.rand(2, *task.shape)).shape == (2, task.classes)


@given(
    st.integers(1, 20),
    st.sampled_from([1, 3]),
    st.lists(st.tuples(st.integers(1, 20), st.integers(1, 3)), min_size=1, max_size=4),
)
@pytest.mark.slow
def test_parameters_are_counted_without_a_network(classes, channels, stages):
    widths, blocks = zip(*stages, strict=True)
    config = ResNetConfig(classes, (0.5,) * channels, (0.5,) * channels, widths, blocks)
    with torch.device("meta"):
        built = PreActResNet(config)
    assert config.parameters == sum(parameter.numel() for parameter in built.parameters())


def test_normalisation_is_inside():
    """Shifting the mean and the image together changes nothing."""
    generator = torch.Generator().manual_seed(0)
    model = PreActResNet(ResNetConfig(widths=(4,), blocks=(1,)), generator).eval()
    shifted = PreActResNet(ResNetConfig(widths=(4,), blocks=(1,), mean=(0.4, 0.4, 0.4))).eval()
    weights = {name: value for name, value in model.state_dict().items() if name != "normalise.mean"}
    shifted.load_state_dict(weights | {"normalise.mean": shifted.normalise.mean})
    x = torch.rand(3, 3, 8, 8, generator=generator)
    assert_close(shifted(x - 0.1), model(x))


def test_a_mirrored_network_answers_by_the_mean_of_what_it_says_of_an_image_and_of_its_mirror_image():
    plain, mirrored = (
        network_of(kind(widths=(4, 6), blocks=(1, 1)), torch.Generator().manual_seed(2)).eval()
        for kind in (ResNetConfig, MirroredConfig)
    )
    x = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    assert_close(mirrored(x), (plain(x) + plain(x.flip(-1))) / 2)
    assert_close(mirrored(x.flip(-1)), mirrored(x))
    assert_close(mirrored.features(x.flip(-1)), mirrored.features(x).flip(-1))
    assert not torch.allclose(plain(x.flip(-1)), plain(x), atol=1e-3)


def test_same_generator_same_weights():
    first, second = (PreActResNet(ResNetConfig(), torch.Generator().manual_seed(3)) for _ in range(2))
    other = PreActResNet(ResNetConfig(), torch.Generator().manual_seed(4))
    assert_close(first.state_dict(), second.state_dict())
    assert not torch.equal(first.stem.weight, other.stem.weight)


def test_hhrelu_follows_its_definition():
    u = torch.tensor([-1.0, 0.0, 0.2, 0.5, 2.0], dtype=torch.float64)
    assert_close(HalfHuberReLU(0.5)(u), torch.tensor([0.0, 0.0, 0.04, 0.25, 1.75], dtype=torch.float64))


@pytest.mark.parametrize("delta", [0.5, 0.3])
def test_hhrelu_is_continuous_with_its_derivative_at_both_joints(delta):
    joints = torch.tensor([0.0, delta], dtype=torch.float64)
    derivatives = []
    for offset in (-1e-9, 1e-9):
        u = (joints + offset).requires_grad_()
        value = HalfHuberReLU(delta)(u)
        assert_close(value, torch.tensor([0.0, delta / 2], dtype=torch.float64), atol=1e-8, rtol=0)
        derivatives.append(torch.autograd.grad(value.sum(), u)[0])
    assert_close(derivatives[0], derivatives[1], atol=1e-7, rtol=0)


def test_hhrelu_differentiates_twice():
    u = torch.tensor([-0.4, 0.1, 0.3, 0.9], dtype=torch.float64, requires_grad=True)
    assert gradcheck(HalfHuberReLU(), u) and gradgradcheck(HalfHuberReLU(), u)


@pytest.mark.parametrize(
    "bad",
    [
        {"classes": 0},
        {"std": (0.2, 0.2)},
        {"std": (0.2, 0.0, 0.2)},
        {"widths": (8, 16)},
        {"widths": (0,), "blocks": (1,)},
        {"widths": (8,), "blocks": (10_000,)},
        {"widths": (8, 8), "blocks": (33, 32)},
        {"widths": (1,) * 9, "blocks": (1,) * 9},
        {"widths": (1024,) * 8, "blocks": (8,) * 8},
        {"classes": 10**12},
        {"mean": (float("nan"),) * 3},
        {"std": (0.2, float("inf"), 0.2)},
    ],
)
def test_impossible_networks_are_refused(bad):
    with pytest.raises(ConfigError):
        ResNetConfig(**bad)


def test_unknown_activation_is_refused():
    with pytest.raises(ConfigError, match="swish"):
        PreActResNet(ResNetConfig(activation="swish"))
