"""Every method of the registry against exact answers, and what all of them promise."""

from functools import partial
from itertools import permutations

import pytest
import torch
from captum.attr import Deconvolution, DeepLift
from torch import nn
from torch.nn import functional
from torch.testing import assert_close

from core.data.tasks import TASKS
from core.errors import ConfigError, InputError
from core.models.activations import HalfHuberReLU
from core.models.resnet import PreActResNet, ResNetConfig
from core.models.zoo import cards, load_zoo_model
from core.saliency.catalogue import attribute, resolve_targets
from core.saliency.coalitions import _shapley_draws, kernel_shap, lime
from core.saliency.deep_lift import deep_lift
from core.saliency.expected_gradients import SHAP_NOISE, expected_gradients, plain_references
from core.saliency.grad_cam import grad_cam, grad_cam_plus_plus
from core.saliency.gradient import certainty_gradient, gradient, gradient_times_input
from core.saliency.guided_backprop import deconvolution, guided_backprop
from core.saliency.guided_grad_cam import guided_grad_cam_product
from core.saliency.integrated_gradients import integrated_gradients
from core.saliency.method import STEPS
from core.saliency.occlusion import feature_ablation, occlusion
from core.saliency.smooth_grad import smooth_grad, smooth_grad_squared, var_grad
from core.saliency.target import Target
from tests.helpers.attribution import ask, generator
from tests.helpers.networks import WAYS, Functional, linear, seeded

SHIPPED = [(task, key) for task in TASKS for key in cards(task)]


# ---- on a linear network


@pytest.mark.parametrize("pair", [False, True], ids=["class", "contrast"])
def test_weights_or_weights_times_input_on_a_linear_network(pair):
    net = linear()
    images = torch.rand(2, 3, 2, 2, generator=generator(1))
    classes = torch.tensor([[0, 2], [1, 0]]) if pair else torch.tensor([0, 2])
    rows = net[1].weight.detach()
    weights = (rows[classes[:, 0]] - rows[classes[:, 1]] if pair else rows[classes]).view_as(images)
    grey = weights * (images - 0.5)
    square = grey.sum(1, keepdim=True)
    each = torch.arange(4).view(1, 2, 2).expand(2, -1, -1)
    found = {
        "gradient": (gradient(net, images, classes)[0], weights),
        "smooth": (smooth_grad(net, images, classes, generator()), weights),
        "squared": (smooth_grad_squared(net, images, classes, generator()), weights**2),
        "variance": (var_grad(net, images, classes, generator()), torch.zeros_like(weights)),
        "input": (gradient_times_input(net, images, classes), weights * images),
        "path": (integrated_gradients(net, images, classes, 8), weights * images),
        "deep": (deep_lift(net, images, classes), weights * images),
        "expected": (
            expected_gradients(net, images, classes, generator(), 8, torch.full((1, 3, 2, 2), 0.25)),
            weights * (images - 0.25),
        ),
        "occlusion": (occlusion(ask(net, images, classes), 1, 1), square.expand_as(images)),
        "ablation": (feature_ablation(ask(net, images, classes), each), square.expand_as(images)),
        "shap": (kernel_shap(ask(net, images, classes), 16, each), square.expand_as(images)),
        "shap, drawn": (kernel_shap(ask(net, images, classes), 12, each), square.expand_as(images)),
    }
    for name, (attributions, expected) in found.items():
        assert_close(attributions, expected, rtol=1e-4, atol=1e-5, msg=lambda text, name=name: f"{name}: {text}")


def test_the_certainty_gradient_of_a_linear_network():
    """`d/dz sum_k log p_k = 1 - K p`, so the map is `W^T (1 - K p)`."""
    net = linear()
    images = torch.rand(2, 3, 2, 2, generator=generator(1))
    probs = net(images).softmax(1)
    expected = ((1 - 3 * probs) @ net[1].weight).detach().view_as(images)
    assert_close(certainty_gradient(net, images), expected)


def test_lime_on_a_linear_network_is_ridge_regression_of_its_own_samples():
    """Few penalties and all pieces of equal size: coefficients near the exact ones, and shrunk, never grown."""
    net = linear(entries=192)
    image = torch.rand(1, 3, 8, 8, generator=generator(1))
    pieces = (torch.arange(64).view(1, 8, 8) // 16).long()
    exact = feature_ablation(ask(net, image, torch.tensor([1])), pieces)
    many = lime(ask(net, image, torch.tensor([1])), 4000, pieces)
    few = lime(ask(net, image, torch.tensor([1])), 60, pieces)
    assert_close(many, exact, rtol=0.05, atol=0.02)
    assert (few - exact).abs().sum() > 3 * (many - exact).abs().sum()


# ---- worked by hand, and sums


def test_kernel_shap_is_the_shapley_value_by_its_definition(resnet, x):
    pieces = (torch.arange(8)[:, None] // 4 * 2 + torch.arange(8) // 4)[None]
    image, label = x[:1], resnet(x[:1]).argmax(1)

    def value(present):
        shown = torch.where(torch.isin(pieces, torch.tensor(sorted(present)))[:, None], image, 0.5)
        return float(resnet(shown)[0, label])

    shapley = torch.zeros(4)
    for order in permutations(range(4)):
        for place, piece in enumerate(order):
            shapley[piece] += (value(order[: place + 1]) - value(order[:place])) / 24
    found = kernel_shap(ask(resnet, image, label), 16, pieces)
    assert_close(found, shapley[pieces][:, None].expand_as(image), rtol=1e-3, atol=1e-4)


def test_sampled_kernel_shap_keeps_the_sum_and_comes_near(resnet, x):
    image, label = x[:1], resnet(x[:1]).argmax(1)
    pieces = (torch.arange(8)[:, None] // 2 * 4 + torch.arange(8) // 2)[None] // 2
    count = int(pieces.max()) + 1
    drawn, exact = (kernel_shap(ask(resnet, image, label), n, pieces) for n in (120, 2**count))
    first = torch.stack([drawn[0, 0][pieces[0] == piece][0] for piece in range(count)]).sum()
    gain = (resnet(image) - resnet(torch.full_like(image, 0.5)))[0, label[0]]
    assert_close(first, gain, rtol=1e-3, atol=1e-4)
    assert torch.corrcoef(torch.stack([drawn.flatten(), exact.flatten()]))[0, 1] > 0.95


def test_coalitions_come_with_their_complement_and_by_the_shapley_kernel():
    """Of 30 pieces, the chance of size s goes with 1 / (s (30 - s))."""
    coalitions, weights = _shapley_draws(30, 40_000, generator())
    assert torch.equal(coalitions[:20_000], ~coalitions[20_000:]) and bool((weights == 1).all())
    sizes = torch.arange(1, 30).double()
    expected = 1 / (sizes * (30 - sizes))
    found = torch.bincount(coalitions.sum(1), minlength=30)[1:].double()
    assert_close(found / found.sum(), expected / expected.sum(), atol=0.006, rtol=0)
    assert_close(coalitions[:20_000].double().mean(0), torch.full((30,), 0.5, dtype=torch.float64), atol=0.02, rtol=0)


def test_grad_cam_worked_by_hand():
    """One convolution of ones by 2, a head of (1, -3): class 0's map is the image's brightness, class 1's is zero."""
    net = nn.Sequential(
        nn.Conv2d(1, 1, 1, bias=False), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 2)
    )
    with torch.no_grad():
        net[0].weight.fill_(2.0)
        net[4].weight.copy_(torch.tensor([[1.0], [-3.0]]))
    image = torch.tensor([[[[0.1, 0.2], [0.4, 0.8]]]])
    # A = 2x; dS/dA = 1/4 at each place, so the weight is 1/4 and the map A / 4 = x / 2.
    assert_close(grad_cam(net, image, torch.tensor([0])), image / 2)
    assert_close(grad_cam(net, image, torch.tensor([1])), torch.zeros_like(image))
    assert_close(grad_cam(net, image, torch.tensor([[0, 1]])), 2 * image)
    # Grad-CAM++: alpha = g^2 / (2 g^2 + g^3 sum A), four places with weight alpha g.
    alpha = 0.0625 / (0.125 + 3.0 / 64 + 1e-7)
    assert_close(grad_cam_plus_plus(net, image, torch.tensor([0])), 4 * alpha * 0.25 * 2 * image)


def test_guided_grad_cam_is_the_product(resnet, x, target):
    expected = guided_backprop(resnet, x, target) * grad_cam(resnet, x, target)
    assert_close(guided_grad_cam_product(resnet, x, target), expected)
    assert float(expected.abs().sum()) > 0


@pytest.mark.parametrize("pair", [False, True], ids=["class", "contrast"])
def test_integrated_gradients_and_deep_lift_are_complete(resnet, x, target, pair):
    if pair:
        target = torch.stack([target, (target + 1) % 10], 1)

    def value(images):
        logits = resnet(images)
        return (
            logits.gather(1, target[:, :1])[:, 0] - logits.gather(1, target[:, 1:])[:, 0]
            if pair
            else (logits.gather(1, target[:, None])[:, 0])
        )

    change = (value(x) - value(torch.zeros_like(x))).detach()
    assert_close(deep_lift(resnet, x, target).sum((1, 2, 3)), change, rtol=1e-3, atol=1e-3)
    assert_close(integrated_gradients(resnet, x, target, 300).sum((1, 2, 3)), change, rtol=2e-2, atol=2e-2)


@pytest.mark.slow
def test_expected_gradients_sum_to_the_change_from_the_mean_reference(resnet, x, target):
    found = expected_gradients(resnet, x, target, generator(), 3000).sum((1, 2, 3))
    at_references = resnet(plain_references(x)).mean(0)[target]
    expected = (resnet(x).gather(1, target[:, None])[:, 0] - at_references).detach()
    assert_close(found, expected, rtol=0.05, atol=0.05)


def test_gradient_shap_is_expected_gradients_with_noise(resnet, x, target):
    plain, noisy = (
        expected_gradients(resnet, x, target, generator(), STEPS, noise=noise) for noise in (0.0, SHAP_NOISE)
    )
    assert torch.equal(attribute("expected-gradients", ask(resnet, x, target)), plain)
    assert torch.equal(attribute("gradient-shap", ask(resnet, x, target)), noisy)
    assert not torch.allclose(plain, noisy)


@pytest.mark.parametrize("act", [nn.ReLU(), HalfHuberReLU()], ids=["relu", "hhrelu"])
def test_deconvolution_sends_what_is_positive_through_every_unit(act):
    net = seeded(nn.Sequential(nn.Flatten(), nn.Linear(12, 30), act, nn.Linear(30, 3)))
    images = torch.rand(4, 3, 2, 2, generator=generator(1))
    classes = torch.tensor([0, 1, 2, 0])
    expected = net[3].weight[classes].relu() @ net[1].weight
    assert_close(deconvolution(net, images, classes), expected.detach().view_as(images))


@pytest.mark.filterwarnings("ignore:Setting")
def test_rules_agree_with_captum_on_relu(x):
    net = seeded(PreActResNet(ResNetConfig(widths=(4, 8), blocks=(1, 1))))
    classes = net(x).argmax(1)
    for ours, theirs in ((deconvolution, Deconvolution), (deep_lift, DeepLift)):
        expected = theirs(net).attribute(x.clone().requires_grad_(), target=classes)
        assert_close(ours(net, x, classes), expected.detach(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("way", WAYS)
def test_rules_find_activations_however_they_are_called(x, way):
    net, by_module = seeded(Functional(way)), seeded(Functional("module"))
    classes = by_module(x).argmax(1)
    for method in (guided_backprop, deconvolution, deep_lift, partial(grad_cam, layer="second")):
        assert_close(method(net, x, classes), method(by_module, x, classes))
    assert not torch.allclose(guided_backprop(net, x, classes), gradient(net, x, classes)[0])


def test_a_rule_is_refused_where_it_would_not_act():
    net, image, classes = linear(entries=192), torch.rand(1, 3, 8, 8), torch.tensor([0])
    for method in (guided_backprop, deconvolution):
        with pytest.raises(ConfigError, match="ReLU"):
            method(net, image, classes)
    with pytest.raises(ConfigError, match="a layer with places"):
        grad_cam(net, image, classes)
    square = nn.Sequential(seeded(Functional("module")), nn.Softmax(1))
    with pytest.raises(ConfigError, match="DeepLIFT"):
        deep_lift(square, 3 * image, classes)


@pytest.mark.slow
@pytest.mark.parametrize(("task", "key"), SHIPPED)
def test_guided_backprop_differs_from_the_gradient_on_every_shipped_model(task, key):
    model = load_zoo_model(task, key)
    coarse = torch.rand(2, model.task.shape[0], 7, 7, generator=generator(3))
    images = nn.functional.interpolate(coarse, model.task.shape[1:], mode="bilinear")
    top = torch.full((2,), -1)
    guided, plain = guided_backprop(model.fast, images, top), gradient(model.fast, images, top)[0]
    cosine = torch.cosine_similarity(guided.flatten(1), plain.flatten(1))
    assert bool((cosine < 0.9).all())


class _ByClamp(nn.Module):
    """A network whose ReLU is written in another way, and which looks at what it gave the ReLU again."""

    def __init__(self, act):
        super().__init__()
        self.first, self.second, self.act = nn.Conv2d(3, 5, 3, 1, 1), nn.Linear(5, 10), act
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(6)))

    def forward(self, images):
        h = self.first(images)
        return self.second((self.act(h) + 0.5 * h).mean((2, 3)))


def _statement(change):
    """An activation that changes what it is given, and hands it on."""

    def act(h):
        change(h)
        return h

    return act


@pytest.mark.parametrize("method", [guided_backprop, deconvolution, deep_lift])
@pytest.mark.parametrize(
    "change",
    [
        lambda h: h.clamp_(min=0),
        lambda h: h.clamp_min_(0),
        lambda h: torch.clamp_(h, 0),
        lambda h: h.relu_(),
        lambda h: functional.relu(h, inplace=True),
        lambda h: functional.relu(h, True),
    ],
    ids=["clamp_", "clamp_min_", "torch.clamp_", "relu_", "inplace", "inplace by place"],
)
def test_what_an_activation_changes_in_place_is_changed(x, target, method, change):
    """As without us: also where the network goes on with what it gave instead of what it got back."""

    def anew(h):
        kept = torch.relu(h)
        return kept + 0.5 * kept - 0.5 * h  # the network adds half of what it now takes for h

    expected = method(_ByClamp(anew), x, target)
    for act in (change, _statement(change)):
        assert_close(method(_ByClamp(act), x, target), expected, rtol=1e-4, atol=1e-5)


# ---- what all methods promise


def test_impossible_settings_are_refused(resnet, x, target):
    for call in (
        lambda: attribute("x-ray", ask(resnet, x, target)),
        lambda: occlusion(ask(resnet, x, target), 3, 4),
        lambda: occlusion(ask(resnet, x, target), 0),
        lambda: expected_gradients(resnet, x, target, generator(), 0),
        lambda: kernel_shap(ask(resnet, x, target), 1),
        lambda: integrated_gradients(resnet, x, torch.zeros(4, 2, dtype=torch.int64), of="loss"),
    ):
        with pytest.raises(ConfigError):
            call()
    with pytest.raises(InputError):
        occlusion(ask(resnet, x, target), 9)
    with pytest.raises(InputError):
        expected_gradients(resnet, x, target, generator(), references=torch.zeros(0, 3, 8, 8))
    assert resolve_targets(resnet, x, Target()).tolist() == target.tolist()
