"""Measures that ask the network, on networks whose answer is known."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from core.errors import ConfigError, InputError
from core.metrics.alignment import alignment
from core.models.fast import fast_form
from core.models.resnet import PreActResNet, ResNetConfig
from core.progress import StoppedError
from core.saliency.catalogue import attribute
from core.saliency.curves import deletion, insertion
from core.saliency.faithfulness import floor, infidelity, max_sensitivity
from core.saliency.gradient import gradient
from core.saliency.linearised import linearised_robustness
from core.saliency.measures.catalogue import SALIENCY_MEASURES, run_measure
from core.saliency.measures.measure import Case, stability
from core.saliency.method import AttributionRequest
from core.saliency.randomisation import cascade, layers, without_weights
from tests.helpers.networks import linear, seeded


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def x():
    return torch.rand(3, 3, 8, 8, generator=generator())


@pytest.fixture(scope="module")
def resnet():
    return fast_form(seeded(PreActResNet(ResNetConfig(widths=(4, 8), blocks=(1, 1)))))


def case(net, x, key="gradient", seed=0, **more):
    target = net(x).argmax(1)
    return Case(
        key,
        AttributionRequest(net, x, target, generator()),
        attribute(key, AttributionRequest(net, x, target, generator())),
        seed,
        **more,
    )


def opposed(seed: int = 7) -> tuple[nn.Module, torch.Tensor]:
    """Logits (w.x, -w.x) without bias, and w."""
    net = linear(2)
    with torch.no_grad():
        net[1].weight[1] = -net[1].weight[0]
        net[1].bias.zero_()
    return net, net[1].weight[0].detach()


def test_alignment_robustness_and_its_linear_form_are_one_on_opposed_logits():
    """The sheet's identity: with logits (w.x, -w.x) all three are |w.x| / |w|; also when the logits are scaled."""
    net, w = opposed()
    images = torch.rand(5, 3, 2, 2, generator=generator(1))
    expected = ((images.flatten(1) @ w).abs() / w.norm()).detach()
    slopes = gradient(net, images, torch.full((5,), -1))[0]
    assert_close(torch.from_numpy(alignment(images.numpy(), slopes.numpy())).float(), expected)
    assert_close(linearised_robustness(net, images), expected)
    step = (net(images)[:, :1] > 0).float() * 2 - 1
    foot = images.flatten(1) - step * expected[:, None] * w / w.norm()
    assert_close((foot @ w).detach(), torch.zeros(5), atol=1e-5, rtol=0)  # the boundary is that far
    with torch.no_grad():
        net[1].weight.mul_(7.0)
    assert_close(linearised_robustness(net, images), expected)


def test_linearised_robustness_takes_the_nearest_of_several_classes(resnet, x):
    found = linearised_robustness(resnet, x)
    logits = resnet(x)
    for row in range(len(x)):
        top = int(logits[row].argmax())
        ways = []
        for other in set(range(10)) - {top}:
            slope = gradient(resnet, x[row : row + 1], torch.tensor([[top, other]]))[0]
            ways.append(float((logits[row, top] - logits[row, other]) / slope.norm()))
        assert float(found[row]) == pytest.approx(min(ways), rel=1e-4)
    flat = nn.Sequential(nn.Flatten(), nn.Linear(192, 2))
    nn.init.zeros_(flat[1].weight)
    assert bool(linearised_robustness(flat, x).isinf().all())


def test_curves_follow_the_order_of_the_map():
    """One pixel decides a two-pixel image: deletion falls at once where the map knows it, insertion rises at once."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False))
    with torch.no_grad():
        net[1].weight.copy_(torch.tensor([[20.0, 0.0], [-20.0, 0.0]]))
    image = torch.tensor([[[[1.0, 0.3]]]])
    classes = torch.tensor([0])
    knows, errs = torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[0.0, 1.0]]])
    gone, kept = (deletion(net, image, heatmap, classes, 2) for heatmap in (knows, errs))
    assert gone.shares.tolist() == [0.0, 0.5, 1.0]
    whole, grey = 1.0, 1 / (1 + math.exp(-20.0))
    assert gone.probs[0] == pytest.approx([whole, grey, grey])
    assert kept.probs[0] == pytest.approx([whole, whole, grey])
    assert gone.area[0] == pytest.approx((whole + 2 * grey + grey) / 4)
    here, away = (insertion(net, image, heatmap, classes, 2) for heatmap in (knows, errs))
    assert here.probs[0, -1] == pytest.approx(whole) and here.probs[0, 1] == pytest.approx(whole)
    assert away.probs[0, 1] == pytest.approx(away.probs[0, 0])


def test_a_map_that_knows_a_linear_network_beats_its_opposite_on_both_curves():
    net = linear(2, 192)
    images = torch.rand(2, 3, 8, 8, generator=generator(2))
    classes = net(images).argmax(1)
    score = (gradient(net, images, torch.stack([classes, 1 - classes], 1))[0] * (images - 0.5)).sum(1)
    good, bad = (deletion(net, images, sign * score, classes) for sign in (1.0, -1.0))
    assert (good.area < bad.area).all()
    back, wrong = (insertion(net, images, sign * score, classes) for sign in (1.0, -1.0))
    assert (back.area > wrong.area).all()
    assert good.probs.shape == (2, 17) and good.probs[:, 0] == pytest.approx(back.probs[:, -1])
    with pytest.raises(ConfigError):
        deletion(net, images, score, classes, 0)
    with pytest.raises(InputError):
        insertion(net, images, score[:, :4], classes)


def test_infidelity_is_nothing_for_a_linear_networks_gradient_and_everything_for_an_idle_map():
    net = linear(3, 192)
    images = torch.rand(3, 3, 8, 8, generator=generator(2))
    target = torch.tensor([0, 2, 1])
    slopes = gradient(net, images, target)[0]
    assert_close(infidelity(net, images, slopes, target), torch.zeros(3), atol=1e-4, rtol=0)
    assert_close(infidelity(net, images, 5 * slopes, target), torch.zeros(3), atol=1e-4, rtol=0)
    assert_close(infidelity(net, images, torch.zeros_like(images), target), torch.ones(3))


def test_a_map_of_the_wrong_sign_foretells_nothing():
    net = linear(3, 192)
    images = torch.rand(3, 3, 8, 8, generator=generator(2))
    target = torch.tensor([0, 2, 1])
    assert_close(infidelity(net, images, -gradient(net, images, target)[0], target), torch.ones(3))


@pytest.mark.slow
@pytest.mark.parametrize("samples", [16, 128])
def test_maps_that_know_nothing_have_one_on_average_and_the_floor_is_where_it_says(samples):
    """A linear answer to noise in 3,000 pixels, and 400 random maps; with 16 draws their mean was 0.97."""
    net = linear(3, 3072)
    image = torch.rand(1, 3, 32, 32, generator=generator(2))
    maps = torch.randn(400, 3, 32, 32, generator=generator(5))
    target = torch.zeros(1, dtype=torch.int64)
    found = torch.cat([infidelity(net, image, each[None], target, seed, samples) for seed, each in enumerate(maps)])
    assert float(found.mean()) == pytest.approx(1.0, abs=0.1 / samples**0.5)
    assert float((found > floor(samples)).float().mean()) == pytest.approx(0.95, abs=0.025)
    assert floor(16) < 0.9 and 0.98 < floor(128) < 1


@pytest.mark.slow
def test_a_map_that_knows_half_of_a_linear_network_has_a_half():
    net = linear(3, 3072)
    image, target = torch.rand(1, 3, 32, 32, generator=generator(2)), torch.zeros(1, dtype=torch.int64)
    slopes = gradient(net, image, target)[0]
    half = torch.where(torch.rand(slopes.shape, generator=generator(3)) < 0.5, slopes, 0.0)
    expected = 1 - half.square().sum() / slopes.square().sum()
    found = [float(infidelity(net, image, half, target, seed)[0]) for seed in range(200)]
    assert np.mean(found) == pytest.approx(float(expected), abs=0.02)


def test_infidelity_is_its_definition(resnet, x):
    """Written out: the best factor for the map that keeps its sign, what is left over one degree of freedom less."""
    target = resnet(x).argmax(1)
    maps = gradient(resnet, x, target)[0] * torch.tensor([1.0, 1.0, -1.0])[:, None, None, None]
    noise = 0.1 * torch.randn(8, 3, 3, 8, 8, generator=generator(4))
    answers = torch.stack([(resnet(x) - resnet(x - each)).gather(1, target[:, None])[:, 0] for each in noise])
    told = (noise * maps).sum((2, 3, 4))
    factor = ((told * answers).sum(0) / told.square().sum(0)).clamp_min(0)
    left = (factor * told - answers).square().sum(0) / torch.where(factor > 0, 7, 8)
    expected = left / answers.square().mean(0)
    assert float(factor[2]) == 0 < float(factor[:2].min())
    assert_close(infidelity(resnet, x, maps, target, 4, 8), expected.detach(), rtol=1e-3, atol=1e-3)


def test_max_sensitivity_is_nothing_where_the_map_never_changes_and_exact_where_it_follows_the_image(x):
    net = linear(3, 192)
    target = torch.tensor([0, 1, 2])
    assert_close(max_sensitivity(lambda images, t: gradient(net, images, t)[0], x, target), torch.zeros(3))
    found = max_sensitivity(lambda images, t: images, x, target, seed=3, samples=5)
    noise = (2 * torch.rand(15, 3, 8, 8, generator=generator(3)) - 1) * 0.02
    expected = noise.flatten(1).norm(dim=1).view(3, 5).amax(1) / x.flatten(1).norm(dim=1)
    assert_close(found, expected, rtol=1e-3, atol=1e-6)


def test_stability_is_one_for_a_linear_network_and_for_the_same_image(resnet, x):
    net = linear(3, 192)
    assert stability(case(net, x), torch.rand_like(x)) == pytest.approx(1.0)
    assert stability(case(resnet, x, "smooth-grad"), x) == pytest.approx(1.0)
    near, far = (stability(case(resnet, x), (x + size * torch.randn_like(x)).clamp(0, 1)) for size in (1e-3, 0.5))
    assert (near > far).all() and (near < 1).any()


def test_the_cascade_loses_layer_after_layer_of_a_copy(resnet, x):
    before = {name: value.clone() for name, value in resnet.state_dict().items()}
    target = resnet(x).argmax(1)
    names = layers(resnet)
    assert names[0] == "head" and names[-1] == "stem"
    steps = list(cascade("gradient", AttributionRequest(resnet, x, target, generator())))
    assert [step.layer for step in steps] == ["", *names]
    assert steps[0].similarity == pytest.approx(1.0)
    assert all((step.similarity < 0.999).all() for step in steps[1:])
    assert_close(resnet.state_dict(), before, rtol=0, atol=0)
    again = list(cascade("gradient", AttributionRequest(resnet, x, target, generator())))
    assert all(np.array_equal(one.heatmaps, two.heatmaps) for one, two in zip(steps, again, strict=True))
    assert not np.array_equal(
        steps[-1].heatmaps,
        list(cascade("gradient", AttributionRequest(resnet, x, target, generator()), 1))[-1].heatmaps,
    )
    last = without_weights("gradient", AttributionRequest(resnet, x, target, generator()), steps[0].heatmaps)
    assert last.layer == "stem" and np.array_equal(last.heatmaps, steps[-1].heatmaps)
    assert np.array_equal(last.similarity, steps[-1].similarity)
    with pytest.raises(StoppedError):
        list(cascade("gradient", AttributionRequest(resnet, x, target, generator(), should_stop=lambda: True)))


def test_a_method_that_draws_is_not_called_random_for_its_draws(x):
    """A network without weights has nothing to lose: SmoothGrad's maps must stay the same at each step."""
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Tanh(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    seeded(net)
    with torch.no_grad():
        net[0].weight.fill_(0.3)
        net[0].bias.fill_(0.1)
    steps = list(cascade("smooth-grad", AttributionRequest(net, x, torch.tensor([0, 1, 2]), generator())))
    assert steps[-1].layer == "0" and np.array_equal(steps[0].heatmaps, steps[-1].heatmaps)


@pytest.mark.parametrize("key", SALIENCY_MEASURES)
def test_every_measure_gives_one_number_an_image_in_its_range_and_again(resnet, x, key):
    inside = torch.zeros(3, 8, 8, dtype=torch.bool)
    inside[:, 2:5, 2:5] = True
    known = case(resnet, x, inside=inside, x_adv=(x + 0.03).clamp(0, 1))
    found = run_measure(key, known)
    low, high = SALIENCY_MEASURES[key].range
    assert found.shape == (3,) and found.dtype == np.float64
    assert (found >= low).all() and (found <= high).all()
    assert len(set(found.tolist())) > 1 or key == "pointing-game"
    assert np.array_equal(found, run_measure(key, known))


@pytest.mark.parametrize("key", ["infidelity", "max-sensitivity", "stability-noise", "randomisation"])
def test_a_measures_seed_counts(resnet, x, key):
    assert not np.array_equal(run_measure(key, case(resnet, x)), run_measure(key, case(resnet, x, seed=1)))


@pytest.mark.parametrize("key", [key for key, measure in SALIENCY_MEASURES.items() if measure.of == "map"])
def test_a_map_of_zeros_has_no_measure_and_the_others_of_its_batch_keep_theirs(resnet, x, key):
    inside = torch.zeros(3, 8, 8, dtype=torch.bool)
    inside[:, 2:5, 2:5] = True
    known = case(resnet, x, inside=inside, x_adv=(x + 0.03).clamp(0, 1))
    whole = run_measure(key, known)
    known.attributions[1] = 0
    found = run_measure(key, known)
    assert np.isnan(found[1]) and np.array_equal(found[[0, 2]], whole[[0, 2]])


def test_what_a_measure_needs_is_asked_for(resnet, x):
    for key, what in (("mass-inside", "place"), ("stability-attack", "attacked")):
        with pytest.raises(InputError, match=what):
            run_measure(key, case(resnet, x))
    with pytest.raises(ConfigError):
        run_measure("beauty", case(resnet, x))


def test_a_cases_seed_decides_what_is_drawn_when_it_is_explained_again(resnet, x):
    one, same, other = (attribute("smooth-grad", case(resnet, x, "smooth-grad", seed).again(x)) for seed in (0, 0, 1))
    assert torch.equal(one, same) and not torch.equal(one, other)
