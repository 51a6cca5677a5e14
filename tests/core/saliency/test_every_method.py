"""What every attribution method of the catalogue promises."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch.testing import assert_close

from core.errors import ConfigError, InputError
from core.models.fast import fast_form
from core.models.resnet import PreActResNet
from core.progress import StoppedError
from core.saliency.catalogue import SALIENCY_METHODS, attribute
from core.saliency.method import FAMILIES, AttributionRequest
from tests.helpers.attribution import ask, generator


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


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("key", LINEAR_IN_THE_SCORE)
def test_a_contrast_is_the_difference_of_two_maps(resnet, x, target, key):
    """Held by what is linear in the score; what takes positive parts is not."""
    other = (target + 3) % 10
    found = attribute(key, ask(resnet, x, torch.stack([target, other], 1)))
    expected = attribute(key, ask(resnet, x, target)) - attribute(key, ask(resnet, x, other))
    assert_close(found, expected, rtol=1e-2, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("level", [0.0, 0.5])
@pytest.mark.parametrize("key", SALIENCY_METHODS)
def test_an_image_of_one_colour_gives_a_finite_map(resnet, key, level):
    plain = torch.full((1, 3, 8, 8), level)
    assert bool(attribute(key, ask(resnet, plain, torch.tensor([2]))).isfinite().all())


@pytest.mark.slow
@pytest.mark.parametrize("key", SALIENCY_METHODS)
def test_a_network_that_answers_the_same_to_everything_gives_a_map_of_zeros(resnet, x, key):
    flat = fast_form(PreActResNet(resnet.config))
    with torch.no_grad():
        flat.head.weight.zero_()
    assert_close(attribute(key, ask(flat, x, torch.tensor([0, 1, 2, 3]))), torch.zeros_like(x))


@pytest.mark.slow
@pytest.mark.parametrize("key", SALIENCY_METHODS)
def test_values_that_are_not_finite_are_refused(resnet, x, key):
    broken = fast_form(PreActResNet(resnet.config))
    with torch.no_grad():
        broken.stem.weight.fill_(torch.nan)
    with pytest.raises((InputError, ConfigError)):
        attribute(key, ask(broken, x, torch.tensor([0, 1, 2, 3])))


@pytest.mark.slow
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
    attribute(key, AttributionRequest(resnet, x, target, generator(), lambda done, of: seen.append((done, of))))
    assert len(seen) >= 2 and seen == sorted(seen) and seen[-1][0] == seen[-1][1]
    with pytest.raises(StoppedError):
        attribute(key, AttributionRequest(resnet, x, target, generator(), should_stop=lambda: len(seen) > 0))
