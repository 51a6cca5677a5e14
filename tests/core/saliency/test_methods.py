"""Every method of the registry against exact answers, and what all of them promise."""

from concurrent.futures import ThreadPoolExecutor
from itertools import permutations

import pytest
import torch
from captum.attr import Deconvolution, DeepLift
from torch import nn
from torch.testing import assert_close

from core.data.tasks import TASKS
from core.errors import ConfigError, InputError
from core.models.activations import HalfHuberReLU
from core.models.fast import fast_form
from core.models.resnet import PreActResNet, ResNetConfig
from core.models.zoo import cards, load_zoo_model
from core.progress import StoppedError
from core.saliency.catalogue import SALIENCY_METHODS, attribute, resolve_targets
from core.saliency.coalitions import _shapley_draws, kernel_shap, lime
from core.saliency.deep_lift import deep_lift
from core.saliency.expected_gradients import expected_gradients, gradient_shap, plain_references
from core.saliency.grad_cam import grad_cam, grad_cam_plus_plus
from core.saliency.gradient import certainty_gradient, gradient, gradient_times_input
from core.saliency.guided_backprop import deconvolution, guided_backprop
from core.saliency.guided_grad_cam import guided_grad_cam_product
from core.saliency.integrated_gradients import integrated_gradients
from core.saliency.method import FAMILIES, AttributionRequest
from core.saliency.occlusion import feature_ablation, occlusion
from core.saliency.smooth_grad import smooth_grad, smooth_grad_squared, var_grad
from core.saliency.superpixels import superpixels
from core.saliency.target import Target
from tests.helpers.networks import WAYS, Functional, linear, seeded

SHIPPED = [(task, key) for task in TASKS for key in cards(task)]


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ask(model, x, target, seed=0):
    return AttributionRequest(model, x, target, rng(seed))


@pytest.fixture
def x():
    return torch.rand(4, 3, 8, 8, generator=rng())


@pytest.fixture(params=["relu", "hhrelu"])
def resnet(request):
    return fast_form(seeded(PreActResNet(ResNetConfig(widths=(4, 8), blocks=(1, 1), activation=request.param))))


@pytest.fixture
def target(resnet, x):
    return resnet(x).argmax(1)


# ---- on a linear network


@pytest.mark.parametrize("pair", [False, True], ids=["class", "contrast"])
def test_weights_or_weights_times_input_on_a_linear_network(pair):
    net = linear()
    images = torch.rand(2, 3, 2, 2, generator=rng(1))
    classes = torch.tensor([[0, 2], [1, 0]]) if pair else torch.tensor([0, 2])
    rows = net[1].weight.detach()
    weights = (rows[classes[:, 0]] - rows[classes[:, 1]] if pair else rows[classes]).view_as(images)
    grey = weights * (images - 0.5)
    square = grey.sum(1, keepdim=True)
    each = torch.arange(4).view(1, 2, 2).expand(2, -1, -1)
    found = {
        "gradient": (gradient(net, images, classes)[0], weights),
        "smooth": (smooth_grad(net, images, classes, rng()), weights),
        "squared": (smooth_grad_squared(net, images, classes, rng()), weights**2),
        "variance": (var_grad(net, images, classes, rng()), torch.zeros_like(weights)),
        "input": (gradient_times_input(net, images, classes), weights * images),
        "path": (integrated_gradients(net, images, classes, 8), weights * images),
        "deep": (deep_lift(net, images, classes), weights * images),
        "expected": (
            expected_gradients(net, images, classes, rng(), 8, torch.full((1, 3, 2, 2), 0.25)),
            weights * (images - 0.25),
        ),
        "occlusion": (occlusion(net, images, classes, 1, 1), square.expand_as(images)),
        "ablation": (feature_ablation(net, images, classes, each), square.expand_as(images)),
        "shap": (kernel_shap(net, images, classes, rng(), 16, each), square.expand_as(images)),
        "shap, drawn": (kernel_shap(net, images, classes, rng(), 12, each), square.expand_as(images)),
    }
    for name, (attributions, expected) in found.items():
        assert_close(attributions, expected, rtol=1e-4, atol=1e-5, msg=lambda text, name=name: f"{name}: {text}")


def test_the_certainty_gradient_of_a_linear_network():
    """`d/dz sum_k log p_k = 1 - K p`, so the map is `W^T (1 - K p)`."""
    net = linear()
    images = torch.rand(2, 3, 2, 2, generator=rng(1))
    probs = net(images).softmax(1)
    expected = ((1 - 3 * probs) @ net[1].weight).detach().view_as(images)
    assert_close(certainty_gradient(net, images), expected)


def test_lime_on_a_linear_network_is_ridge_regression_of_its_own_samples():
    """Few penalties and all pieces of equal size: coefficients near the exact ones, and shrunk, never grown."""
    net = linear(entries=192)
    image = torch.rand(1, 3, 8, 8, generator=rng(1))
    pieces = (torch.arange(64).view(1, 8, 8) // 16).long()
    exact = feature_ablation(net, image, torch.tensor([1]), pieces)
    many = lime(net, image, torch.tensor([1]), rng(), 4000, pieces)
    few = lime(net, image, torch.tensor([1]), rng(), 60, pieces)
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
    found = kernel_shap(resnet, image, label, rng(), 16, pieces)
    assert_close(found, shapley[pieces][:, None].expand_as(image), rtol=1e-3, atol=1e-4)


def test_sampled_kernel_shap_keeps_the_sum_and_comes_near(resnet, x):
    image, label = x[:1], resnet(x[:1]).argmax(1)
    pieces = (torch.arange(8)[:, None] // 2 * 4 + torch.arange(8) // 2)[None] // 2
    count = int(pieces.max()) + 1
    drawn, exact = (kernel_shap(resnet, image, label, rng(), n, pieces) for n in (120, 2**count))
    first = torch.stack([drawn[0, 0][pieces[0] == piece][0] for piece in range(count)]).sum()
    gain = (resnet(image) - resnet(torch.full_like(image, 0.5)))[0, label[0]]
    assert_close(first, gain, rtol=1e-3, atol=1e-4)
    assert torch.corrcoef(torch.stack([drawn.flatten(), exact.flatten()]))[0, 1] > 0.95


def test_coalitions_come_with_their_complement_and_by_the_shapley_kernel():
    """Of 30 pieces, the chance of size s goes with 1 / (s (30 - s))."""
    coalitions, weights = _shapley_draws(30, 40_000, rng())
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


def test_expected_gradients_sum_to_the_change_from_the_mean_reference(resnet, x, target):
    found = expected_gradients(resnet, x, target, rng(), 3000).sum((1, 2, 3))
    at_references = resnet(plain_references(x)).mean(0)[target]
    expected = (resnet(x).gather(1, target[:, None])[:, 0] - at_references).detach()
    assert_close(found, expected, rtol=0.05, atol=0.05)


def test_gradient_shap_without_noise_is_expected_gradients(resnet, x, target):
    assert_close(gradient_shap(resnet, x, target, rng(), noise=0.0), expected_gradients(resnet, x, target, rng()))
    assert not torch.allclose(gradient_shap(resnet, x, target, rng()), expected_gradients(resnet, x, target, rng()))


@pytest.mark.parametrize("act", [nn.ReLU(), HalfHuberReLU()], ids=["relu", "hhrelu"])
def test_deconvolution_sends_what_is_positive_through_every_unit(act):
    net = seeded(nn.Sequential(nn.Flatten(), nn.Linear(12, 30), act, nn.Linear(30, 3)))
    images = torch.rand(4, 3, 2, 2, generator=rng(1))
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
    for method in (guided_backprop, deconvolution, deep_lift, grad_cam):
        assert_close(method(net, x, classes), method(by_module, x, classes))
    assert not torch.allclose(guided_backprop(net, x, classes), gradient(net, x, classes)[0])


def test_a_rule_is_refused_where_it_would_not_act():
    net, image, classes = linear(entries=192), torch.rand(1, 3, 8, 8), torch.tensor([0])
    for method in (guided_backprop, deconvolution):
        with pytest.raises(ConfigError, match="ReLU"):
            method(net, image, classes)
    with pytest.raises(ConfigError, match="convolution"):
        grad_cam(net, image, classes)
    square = nn.Sequential(seeded(Functional("module")), nn.Softmax(1))
    with pytest.raises(ConfigError, match="DeepLIFT"):
        deep_lift(square, 3 * image, classes)


@pytest.mark.parametrize(("task", "key"), SHIPPED)
def test_guided_backprop_differs_from_the_gradient_on_every_shipped_model(task, key):
    model = load_zoo_model(task, key)
    coarse = torch.rand(2, model.task.shape[0], 7, 7, generator=rng(3))
    images = nn.functional.interpolate(coarse, model.task.shape[1:], mode="bilinear")
    top = torch.full((2,), -1)
    guided, plain = guided_backprop(model.fast, images, top), gradient(model.fast, images, top)[0]
    cosine = torch.cosine_similarity(guided.flatten(1), plain.flatten(1))
    assert bool((cosine < 0.9).all())


# ---- what all methods promise


@pytest.mark.parametrize("key", SALIENCY_METHODS)
def test_every_method_has_the_shape_it_says_and_leaves_the_network_alone(resnet, x, target, key):
    before = {name: value.clone() for name, value in resnet.state_dict().items()}
    untouched = x.clone()
    method = SALIENCY_METHODS[key]
    found = attribute(key, ask(resnet, x, target))
    assert found.shape == x.shape and found.dtype == x.dtype and not found.requires_grad
    assert method.signed or float(found.min()) >= 0
    assert bool((found == found[:, :1]).all()) == method.flat
    assert float(found.abs().sum()) > 0
    assert_close(resnet.state_dict(), before, rtol=0, atol=0)
    assert torch.equal(x, untouched) and not x.requires_grad
    assert not any(parameter.requires_grad for parameter in resnet.parameters())
    assert not any(module._forward_hooks or module._backward_hooks for module in resnet.modules())
    assert method.family in FAMILIES


@pytest.mark.parametrize("key", SALIENCY_METHODS)
def test_a_map_is_of_the_class_asked_for_and_images_do_not_mix(resnet, x, target, key):
    whole = attribute(key, ask(resnet, x, target))
    other = attribute(key, ask(resnet, x, (target + 1) % 10))
    assert torch.allclose(whole, other, rtol=1e-3, atol=1e-5) != SALIENCY_METHODS[key].of_class
    if not SALIENCY_METHODS[key].random:
        assert_close(attribute(key, ask(resnet, x[2:3], target[2:3])), whole[2:3], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("key", SALIENCY_METHODS)
def test_a_seed_decides_a_random_map(resnet, x, target, key):
    one, again, another = (attribute(key, ask(resnet, x, target, seed)) for seed in (0, 0, 1))
    assert torch.equal(one, again)
    # LIME and KernelSHAP may take all coalitions of a few pieces, which leaves nothing to draw.
    assert not torch.equal(one, another) or not SALIENCY_METHODS[key].random


LINEAR_IN_THE_SCORE = [
    key
    for key in SALIENCY_METHODS
    if SALIENCY_METHODS[key].of_class
    and SALIENCY_METHODS[key].family != "place"
    and key not in ("guided-backprop", "deconvolution", "smooth-grad-squared", "var-grad")
]


@pytest.mark.parametrize("key", LINEAR_IN_THE_SCORE)
def test_a_contrast_is_the_difference_of_two_maps(resnet, x, target, key):
    """Held by what is linear in the score; what takes positive parts is not."""
    other = (target + 3) % 10
    found = attribute(key, ask(resnet, x, torch.stack([target, other], 1)))
    expected = attribute(key, ask(resnet, x, target)) - attribute(key, ask(resnet, x, other))
    assert_close(found, expected, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("level", [0.0, 0.5])
@pytest.mark.parametrize("key", SALIENCY_METHODS)
def test_an_image_of_one_colour_gives_a_finite_map(resnet, key, level):
    plain = torch.full((1, 3, 8, 8), level)
    assert bool(attribute(key, ask(resnet, plain, torch.tensor([2]))).isfinite().all())


@pytest.mark.parametrize("key", SALIENCY_METHODS)
def test_a_network_that_answers_the_same_to_everything_gives_a_map_of_zeros(resnet, x, key):
    flat = fast_form(PreActResNet(resnet.config))
    with torch.no_grad():
        flat.head.weight.zero_()
    assert_close(attribute(key, ask(flat, x, torch.tensor([0, 1, 2, 3]))), torch.zeros_like(x))


@pytest.mark.parametrize("key", SALIENCY_METHODS)
def test_values_that_are_not_finite_are_refused(resnet, x, key):
    broken = fast_form(PreActResNet(resnet.config))
    with torch.no_grad():
        broken.stem.weight.fill_(torch.nan)
    with pytest.raises((InputError, ConfigError)):
        attribute(key, ask(broken, x, torch.tensor([0, 1, 2, 3])))


def test_sixteen_threads_on_one_network_get_the_maps_of_one_alone(resnet, x, target):
    keys = ("guided-backprop", "deconvolution", "deep-lift", "grad-cam", "guided-grad-cam", "integrated-gradients")
    alone = {key: attribute(key, ask(resnet, x, target)) for key in keys}
    work = [keys[index % len(keys)] for index in range(96)]
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda key: attribute(key, ask(resnet, x, target)), work))
    for key, attributions in zip(work, found, strict=True):
        assert torch.equal(attributions, alone[key])


@pytest.mark.parametrize("key", [key for key in SALIENCY_METHODS if SALIENCY_METHODS[key].long])
def test_long_methods_tell_how_far_they_are_and_can_be_stopped(resnet, x, target, key):
    seen = []
    attribute(key, AttributionRequest(resnet, x, target, rng(), lambda done, of: seen.append((done, of))))
    assert len(seen) >= 2 and seen == sorted(seen) and seen[-1][0] == seen[-1][1]
    with pytest.raises(StoppedError):
        attribute(key, AttributionRequest(resnet, x, target, rng(), should_stop=lambda: len(seen) > 0))


# ---- superpixels and targets


def test_superpixels_follow_colour_and_cover_everything():
    image = torch.zeros(1, 3, 32, 32)
    image[:, 0, :, :11] = 1.0
    image[:, 1, :, 11:] = 1.0
    pieces = superpixels(image)
    left, right = set(pieces[0, :, :11].flatten().tolist()), set(pieces[0, :, 11:].flatten().tolist())
    assert not left & right and left | right == set(range(int(pieces.max()) + 1))
    assert 12 <= int(pieces.max()) + 1 <= 36


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28)])
def test_an_image_without_colours_that_hang_together_falls_into_a_grid(shape):
    assert int(superpixels(torch.rand(1, *shape, generator=rng())).max()) + 1 >= 6
    assert int(superpixels(torch.full((1, *shape), 0.3)).max()) + 1 >= 6


def test_targets_say_classes_by_the_logits():
    logits = torch.tensor([[1.0, 3.0, 2.0], [5.0, 0.0, 1.0]])
    labels = torch.tensor([2, 0])
    assert Target().classes(logits).tolist() == [1, 0]
    assert Target(2).classes(logits).tolist() == [2, 2]
    assert Target("true").classes(logits, labels).tolist() == [2, 0]
    assert Target("true", "other").classes(logits, labels).tolist() == [[2, 1], [0, 2]]
    assert Target("top", "other").classes(logits).tolist() == [[1, 2], [0, 2]]
    assert Target(0, 2).classes(logits).tolist() == [[0, 2], [0, 2]]


@pytest.mark.parametrize(("of", "against"), [(-1, None), ("best", None), (1, 1), ("top", -2), (0, "true")])
def test_impossible_targets_are_refused(of, against):
    with pytest.raises(ConfigError):
        Target(of, against)


def test_targets_that_this_network_or_image_does_not_have_are_refused():
    logits = torch.tensor([[1.0, 3.0, 2.0]])
    with pytest.raises(ConfigError, match="0 to 2"):
        Target(3).classes(logits)
    with pytest.raises(ConfigError, match="true"):
        Target("true").classes(logits)
    with pytest.raises(InputError, match="nothing to hold"):
        Target("top", 1).classes(logits)


def test_impossible_settings_are_refused(resnet, x, target):
    for call in (
        lambda: attribute("x-ray", ask(resnet, x, target)),
        lambda: occlusion(resnet, x, target, 3, 4),
        lambda: occlusion(resnet, x, target, 0),
        lambda: expected_gradients(resnet, x, target, rng(), 0),
        lambda: kernel_shap(resnet, x, target, rng(), 1),
        lambda: integrated_gradients(resnet, x, torch.zeros(4, 2, dtype=torch.int64), of="loss"),
    ):
        with pytest.raises(ConfigError):
            call()
    with pytest.raises(InputError):
        occlusion(resnet, x, target, 9)
    with pytest.raises(InputError):
        expected_gradients(resnet, x, target, rng(), references=torch.zeros(0, 3, 8, 8))
    assert resolve_targets(resnet, x, Target()).tolist() == target.tolist()
