"""The maps of saliency-based training: exact on tiny networks, and leaving the network as it was."""

import pytest
import torch
from captum.attr import GuidedBackprop, LayerGradCam
from torch import nn
from torch.testing import assert_close

from core.errors import ConfigError
from core.models.activations import HalfHuberReLU
from core.models.fast import fast_form
from core.models.resnet import PreActResNet, ResNetConfig
from core.saliency.grad_cam import grad_cam, grad_cam_plus_plus
from core.saliency.gradient import gradient
from core.saliency.guided_backprop import guided_backprop
from core.saliency.guided_grad_cam import guided_grad_cam
from core.saliency.integrated_gradients import integrated_gradients
from core.saliency.scaling import min_max
from core.saliency.smooth_grad import NoisyCopies, smooth_grad
from tests.helpers.networks import seeded

PREDICTED = torch.full((4,), -1)


@pytest.fixture
def x():
    return torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture(params=["relu", "hhrelu"])
def resnet(request):
    net = PreActResNet(ResNetConfig(widths=(4, 8), blocks=(1, 1), activation=request.param))
    return seeded(net)


MAPS = {
    "guided_backprop": guided_backprop,
    "smooth_grad": lambda m, x, t: smooth_grad(m, x, t, torch.Generator().manual_seed(0)),
    "grad_cam": grad_cam,
    "grad_cam_plus_plus": grad_cam_plus_plus,
    "guided_grad_cam": guided_grad_cam,
    "integrated_gradients": integrated_gradients,
}


@pytest.mark.parametrize("name", MAPS)
def test_a_map_leaves_the_network_and_the_image_alone(resnet, x, name):
    before = {key: value.clone() for key, value in resnet.state_dict().items()}
    untouched, kinds = x.clone(), [type(module) for module in resnet.modules()]
    assert MAPS[name](resnet, x, PREDICTED).shape == x.shape
    assert kinds == [type(module) for module in resnet.modules()]
    assert_close(resnet.state_dict(), before, rtol=0, atol=0)
    assert torch.equal(x, untouched) and not x.requires_grad
    assert all(parameter.grad is None for parameter in resnet.parameters())
    assert not any(module._forward_hooks or module._backward_hooks for module in resnet.modules())


@pytest.mark.parametrize("name", MAPS)
def test_a_negative_target_means_the_prediction_and_another_class_another_map(resnet, x, name):
    predicted = resnet(x).argmax(1)
    explained = MAPS[name](resnet, x, PREDICTED)
    assert_close(explained, MAPS[name](resnet, x, predicted))
    assert not torch.allclose(explained, MAPS[name](resnet, x, (predicted + 1) % 10))


@pytest.mark.parametrize("name", MAPS)
def test_the_fast_form_gives_the_same_map(resnet, x, name):
    assert_close(MAPS[name](fast_form(resnet), x, PREDICTED), MAPS[name](resnet, x, PREDICTED), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("act", "slope"),
    [(nn.ReLU(), lambda u: (u > 0).float()), (HalfHuberReLU(), lambda u: u.clamp(0, 0.5) / 0.5)],
    ids=["relu", "hhrelu"],
)
def test_guided_backprop_drops_what_arrives_negative(act, slope):
    """With one hidden layer the map is W1^T (act'(u) * relu(w2)); the plain gradient keeps the negative part of w2."""
    net = seeded(nn.Sequential(nn.Flatten(), nn.Linear(12, 30), act, nn.Linear(30, 3)))
    x = torch.rand(4, 3, 2, 2, generator=torch.Generator().manual_seed(1))
    target = torch.tensor([0, 1, 2, 0])
    arriving = net[3].weight[target]
    expected = (slope(net[1](x.flatten(1))) * arriving.relu()) @ net[1].weight
    assert_close(guided_backprop(net, x, target), expected.detach().view_as(x))
    assert not torch.allclose(guided_backprop(net, x, target), gradient(net, x, target)[0])


@pytest.mark.filterwarnings("ignore:Setting backward hooks")
def test_guided_backprop_agrees_with_captum_on_relu(x):
    net = seeded(PreActResNet(ResNetConfig(widths=(4, 8), blocks=(1, 1))))
    target = net(x).argmax(1)
    expected = GuidedBackprop(net).attribute(x.clone().requires_grad_(), target)
    assert_close(guided_backprop(net, x, target), expected.detach())


def test_guided_backprop_refuses_a_network_that_it_would_not_guide(x):
    with pytest.raises(ConfigError, match="ReLU"):
        guided_backprop(nn.Sequential(nn.Flatten(), nn.Linear(192, 3)), x, PREDICTED)


def test_grad_cam_agrees_with_captum(resnet, x):
    target = resnet(x).argmax(1)
    coarse = LayerGradCam(resnet, resnet.act).attribute(x, target, relu_attributions=True)
    expected = nn.functional.interpolate(coarse, (8, 8), mode="bilinear").expand_as(x)
    assert_close(grad_cam(resnet, x, target), expected.detach())


def test_grad_cam_plus_plus_is_the_papers_formula(resnet, x):
    """Image by image, channel by channel, with exp(S) in place, both scaled to [0, 1]."""
    target = resnet(x).argmax(1)
    maps = []
    for image, label in zip(x, target.tolist(), strict=True):
        features = resnet.features(image[None]).detach().double().requires_grad_()
        score = (features.mean((2, 3)) @ resnet.head.weight.double().T + resnet.head.bias.double())[0, label]
        (slope,) = torch.autograd.grad(score, features)
        total = torch.zeros(features.shape[2:], dtype=torch.float64)
        for a, g in zip(features[0].detach(), slope[0], strict=True):
            alpha = g**2 / (2 * g**2 + (a * g**3).sum() + 1e-7)
            total += (alpha * (score.detach().exp() * g).relu()).sum() * a
        maps.append(nn.functional.interpolate(total[None, None], (8, 8), mode="bilinear")[0])
    expected = min_max(torch.stack(maps)).float().expand_as(x)
    assert_close(min_max(grad_cam_plus_plus(resnet, x, target)), expected, rtol=1e-3, atol=1e-4)


def test_guided_grad_cam_is_minus_one_or_the_place(resnet, x):
    for guided in (True, False):
        slope = guided_backprop(resnet, x, PREDICTED) if guided else gradient(resnet, x, PREDICTED)[0]
        place = min_max(grad_cam_plus_plus(resnet, x, PREDICTED))
        found = guided_grad_cam(resnet, x, PREDICTED, guided)
        assert_close(found[slope > 0], place[slope > 0])
        assert bool((found[slope < 0] == -1).all())


def test_smooth_grad_is_the_mean_over_copies_with_noise_by_each_images_range(resnet, x):
    x = x * torch.tensor([0.1, 0.4, 0.7, 1.0])[:, None, None, None]
    target = resnet(x).argmax(1)
    found = smooth_grad(resnet, x, target, torch.Generator().manual_seed(3), NoisyCopies(4, 0.2))
    generator = torch.Generator().manual_seed(3)
    expected = torch.zeros_like(x)
    for _ in range(4):
        draw = torch.randn(x.shape, generator=generator)
        for index in range(4):
            image = x[index] + 0.2 * (x[index].max() - x[index].min()) * draw[index]
            expected[index] += gradient(resnet, image[None], target[index : index + 1])[0][0] / 4
    assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_smooth_grad_without_noise_is_the_gradient(resnet, x):
    found = smooth_grad(resnet, x, PREDICTED, torch.Generator(), NoisyCopies(2, 0.0))
    assert_close(found, gradient(resnet, x, PREDICTED)[0])


@pytest.mark.parametrize("of", ["logit", "loss"])
def test_integrated_gradients_sum_to_what_the_image_adds(x, of):
    net = seeded(nn.Sequential(nn.Flatten(), nn.Linear(192, 8), nn.Tanh(), nn.Linear(8, 3)))
    target = torch.tensor([0, 1, 2, 0])

    def value(images):
        logits = net(images)
        if of == "loss":
            return nn.functional.cross_entropy(logits, target, reduction="none")
        return logits.gather(1, target[:, None])[:, 0]

    found = integrated_gradients(net, x, target, of=of).sum((1, 2, 3))
    assert_close(found, (value(x) - value(torch.zeros_like(x))).detach(), rtol=1e-3, atol=1e-3)


def test_scaling_reaches_both_ends_and_a_constant_map_is_zero():
    a = torch.tensor([[3.0, 5.0, 4.0], [2.0, 2.0, 2.0]])
    assert_close(min_max(a), torch.tensor([[0.0, 1.0, 0.5], [0.0, 0.0, 0.0]]))


@pytest.mark.parametrize(
    "call",
    [
        lambda m, x: NoisyCopies(samples=0),
        lambda m, x: NoisyCopies(noise=-1.0),
        lambda m, x: integrated_gradients(m, x, PREDICTED, steps=0),
        lambda m, x: integrated_gradients(m, x, PREDICTED, of="other"),
    ],
)
def test_impossible_settings_are_refused(resnet, x, call):
    with pytest.raises(ConfigError):
        call(resnet, x)
