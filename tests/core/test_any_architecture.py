"""Everything that a picture can be asked for, of a network that is not the project's: it works, or a sentence says why.

One is torchvision's ResNet-18, another has neither convolution nor activation nor named features, a third calls each of
its layers twice; the rest are timm's and torchvision's, by name.
"""

from contextlib import nullcontext
from copy import deepcopy
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from core.anomaly.calibrate import fit_calibration
from core.anomaly.catalogue import DETECTORS
from core.anomaly.confounding import ConfoundingLabel
from core.anomaly.gradients import weight_gradients
from core.anomaly.label_references import fit_references
from core.anomaly.measurements import EVERY
from core.anomaly.verdict import changes, judge
from core.attacks.attack import AttackRequest
from core.attacks.catalogue import ATTACKS, run_attack
from core.attacks.pgd import Pgd
from core.attacks.scheduled import explanation
from core.errors import ConfigError
from core.explanations import catalogue, class_evidence
from core.explanations.attack_outside_map import attack_outside
from core.explanations.attack_path import path
from core.explanations.attack_result import attack_result
from core.explanations.catalogue import ATTRIBUTION_METHODS
from core.explanations.class_evidence import measures
from core.explanations.class_explanations import explain
from core.explanations.manipulate_map import STEPS, manipulate_map
from core.explanations.prediction import predict
from core.explanations.smoothed_network import SMOOTHED_METHODS
from core.latent.perceptual import feature_distance, taps
from core.models.architectures.catalogue import ARCHITECTURES
from core.models.architectures.resnet18 import ResNet18Config
from core.models.fast import private_copy
from core.models.layers import default_layer
from core.models.resnet import MirroredConfig
from core.saliency.catalogue import attribute
from core.saliency.coalitions import kernel_shap, lime
from core.saliency.grad_cam import grad_cam
from core.saliency.grid import saliency_grid
from core.saliency.guided_backprop import guided_backprop
from core.saliency.linearised import linearised_robustness
from core.saliency.measures.catalogue import SALIENCY_MEASURES, run_measure
from core.saliency.measures.measure import Case
from core.saliency.occlusion import occlusion
from core.saliency.randomisation import cascade
from tests.helpers.attribution import ask
from tests.helpers.library_networks import LARGE, SMALL, each, library_model
from tests.helpers.networks import DUMMY, DummyConfig, brought
from tests.helpers.pictures import columns, rand

pytestmark = pytest.mark.slow

RESNET18 = ResNet18Config(10, (0.5,) * 3, (0.25,) * 3, "photograph")  # a tenth of the cost of the small stem
POOLING = {"deep-lift": "needs a network of affine steps"}
"""What a ResNet-18 with a maximum in its stem can't be asked for."""
SENTENCES = {  # what the network of mean colours can't be asked for
    "grad-cam": "needs a layer with places",
    "grad-cam++": "needs a layer with places",
    "guided-backprop": "needs ReLU",
    "deconvolution": "needs ReLU",
    "guided-grad-cam": "needs",
}
NOT_AFFINE = {
    *("mobilenet_v3_small", "efficientnet_b0", "convnext_atto", "vit_tiny_patch16_224", "squeezenet1_1", "swin_t"),
}
"""Products with gates, norms of layers, attention, a maximum."""
EPSILON = 8 / 255


@pytest.fixture(scope="module")
def resnet18():
    return brought(RESNET18)


@pytest.fixture(scope="module")
def small_stem():
    """A ResNet-18 whose last feature map has more than one place, and that takes no maximum anywhere."""
    return brought(replace(RESNET18, stem="small"))


@pytest.fixture(scope="module")
def colours():
    """The network of mean colours."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ARCHITECTURES, DUMMY.key, DUMMY)
        yield brought(DummyConfig(10, 3))


@pytest.fixture(scope="module")
def mirrored():
    """The project's own network with a mirror."""
    return brought(MirroredConfig(widths=(4, 8), blocks=(1, 1), activation="hhrelu"))


@pytest.fixture(params=["resnet18", "colours", "mirrored"])
def model(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["resnet18", "colours", "mirrored", *each(SMALL)])
def any_model(request):
    return library_model(request.param) if request.param in SMALL else request.getfixturevalue(request.param)


@pytest.fixture(params=each(SMALL | LARGE))
def from_library(request):
    return library_model(request.param)


@pytest.fixture
def x(monkeypatch):
    monkeypatch.setattr("core.saliency.method.STEPS", 4)  # whether a method works does not hang on its samples
    for module in (catalogue, class_evidence):
        monkeypatch.setattr(module, "explanation", lambda rho: replace(explanation(rho), steps=2))
    return rand(1, 3, 32, 32, seed=5)


def test_predictions_gradients_and_attacks(any_model, x):
    model = any_model
    found = predict(model, x)
    leaf = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(model.plain(leaf)[0, found.target], leaf)
    assert_close(torch.from_numpy(found.attributions), slope[0], rtol=1e-2, atol=1e-4)
    for key in ATTACKS:
        aimed = torch.tensor([3 if ATTACKS[key].aims else found.target])
        x_adv = run_attack(key, AttackRequest(model.fast, x, aimed, EPSILON, 2))
        assert 0 < float((x_adv - x).abs().max()) <= EPSILON + 1e-6
    result = attack_result(model, x, Pgd(EPSILON, steps=3))
    assert result.probs_adv[found.target] < result.probs[found.target]


IN_FEW_PASSES = {
    "kernel-shap": partial(kernel_shap, samples=8),
    "lime": partial(lime, samples=8),
    "occlusion": partial(occlusion, window=16, stride=16),
}
"""A few covered images, not hundreds."""


def in_few_passes(method):
    return replace(method, run=IN_FEW_PASSES.get(method.key, method.run))


@pytest.mark.parametrize("key", ATTRIBUTION_METHODS)
def test_every_method_explains_it_or_says_why_not(any_model, x, key):
    model = any_model
    (found,) = saliency_grid([model], x, [in_few_passes(ATTRIBUTION_METHODS[key])])
    if key == "deep-lift" and getattr(model.card.network, "name", "") in NOT_AFFINE:
        assert found.problem == "DeepLIFT needs a network of affine steps and activations; this one has another step"
        return
    refused = {"dummy": SENTENCES, "resnet18": POOLING}.get(model.card.network.architecture, {})
    if key in refused:
        assert refused[key] in found.problem
        return
    flat = model.card.network.architecture == "dummy" and key == "var-grad"  # its gradient is the same everywhere
    assert not found.problem and np.isfinite(found.attributions).all()
    strong = np.abs(found.attributions).max() > 1e-9  # rounding aside
    assert strong != flat or ATTRIBUTION_METHODS[key].family == "place"  # may be below zero


@pytest.mark.parametrize("key", ["deep-lift", "grad-cam", "grad-cam++", "guided-grad-cam"])
def test_methods_of_feature_maps_and_affine_steps_explain_the_small_stem(small_stem, x, key):
    (found,) = saliency_grid([small_stem], x, [ATTRIBUTION_METHODS[key]])
    assert not found.problem and np.isfinite(found.attributions).all() and found.attributions.any()


def test_grad_cam_looks_at_what_the_last_stage_hands_on(small_stem, x):
    """Of torchvision's network that is `layer4`, not its last convolution, which the shortcut is still to join."""
    seen = []
    handle = small_stem.plain.layer4.register_forward_hook(lambda module, given, out: seen.append(out))
    logits = small_stem.plain(x.clone().requires_grad_())
    handle.remove()
    (slope,) = torch.autograd.grad(logits[0, 3], seen[0])
    coarse = torch.relu((slope.mean((2, 3), keepdim=True) * seen[0]).sum(1, keepdim=True))
    slow = torch.nn.functional.interpolate(coarse, (32, 32), mode="bilinear").expand(-1, 3, -1, -1)
    assert_close(grad_cam(small_stem.fast, x, torch.tensor([3])), slow.detach(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("key", SALIENCY_MEASURES)
def test_every_measure_of_a_map(model, x, key):
    request = ask(model.fast, x, torch.tensor([3]))
    inside = torch.zeros(1, 32, 32, dtype=torch.bool)
    inside[:, :16] = True
    case = Case("gradient", request, attribute("gradient", request), 0, inside, (x + 0.01).clamp(0, 1))
    assert run_measure(key, case).shape == (1,)


def test_randomisation_reaches_every_layer(resnet18, x):
    steps = list(cascade("gradient", ask(resnet18.fast, x, torch.tensor([3]))))
    assert len(steps) == 1 + 21  # with BatchNorm folded, these are its convolutions and the last layer
    assert steps[-1].similarity[0] < 0.9 and not np.allclose(steps[1].heatmaps, steps[0].heatmaps)


def test_explanations_by_attack(model, x):
    assert np.isfinite(explain(model, x, 0.05, steps=2).x_adv).all()
    assert path(model, x, 3, 0.05, steps=2)
    assert np.isfinite(measures(model, [model], x, 0.05).transfer).all()
    assert bool(linearised_robustness(model.fast, x).isfinite().all())


@pytest.mark.parametrize("method", SMOOTHED_METHODS)
def test_maps_are_attacked_or_a_sentence_says_why_not(model, x, method, monkeypatch):
    monkeypatch.setitem(STEPS, method, 2)
    region = np.zeros((32, 32), np.bool_)
    region[:8, :8] = True
    refused = model.card.network.architecture == "dummy" and method == "grad-cam"
    for attacked in (
        lambda: manipulate_map(model, x, method, region, EPSILON),
        lambda: attack_outside(model, x, method, EPSILON),
    ):
        with pytest.raises(ConfigError, match="needs a layer with places") if refused else nullcontext():
            found = attacked()
            assert np.abs(found.x_adv - found.x).max() <= EPSILON + 1e-6


@pytest.mark.parametrize("name", ["resnet18", "colours", "mirrored", *each(SMALL | LARGE)])
def test_per_layer_norms_are_those_of_one_image_at_a_time(name, request):
    """Of the large ones that is asked of one image, beside another."""
    model = library_model(name) if name in SMALL | LARGE else request.getfixturevalue(name)
    network, x, probe = deepcopy(model.plain).double(), rand(2, 3, 32, 32, seed=3).double(), ConfoundingLabel()
    found = weight_gradients(network, x, probe, EVERY)
    parameters = dict(network.named_parameters())
    for index in (1,) if name in LARGE else (0, 1):
        asked = {name: value.detach().requires_grad_() for name, value in parameters.items()}
        logits = torch.func.functional_call(network, asked, (x[index : index + 1],))
        loss = probe.loss(logits, probe.confounding(logits)).sum()
        slow = torch.stack([grad.square().sum() for grad in torch.autograd.grad(loss, [asked[n] for n in found.names])])
        assert_close(found.squared[index], slow, rtol=1e-6, atol=1e-12)


def test_a_library_s_network_is_explained_as_plain_autograd_does(from_library, x):
    """Grad-CAM and guided backpropagation against hooks on the modules."""
    model, target = from_library.fast, torch.tensor([3])
    layer, rectifiers = default_layer(model, (3, 32, 32)), (nn.ReLU, nn.ReLU6, nn.GELU, nn.SiLU, nn.Hardswish)
    copy, kept = private_copy(model), []
    copy.get_submodule(layer.name).register_forward_hook(lambda module, given, out: kept.append(out))
    (slope,) = torch.autograd.grad(copy(x.clone().requires_grad_())[0, 3], kept[0])
    places, slopes = layer.as_map(kept[0]), layer.as_map(slope)
    coarse = torch.relu((slopes.mean((2, 3), keepdim=True) * places).sum(1, keepdim=True))
    slow = torch.nn.functional.interpolate(coarse, (32, 32), mode="bilinear").expand(-1, 3, -1, -1)
    assert_close(grad_cam(model, x, target), slow.detach(), rtol=1e-3, atol=1e-6)
    for module in copy.modules():
        if isinstance(module, rectifiers):
            module.register_forward_hook(lambda module, given, out: out.register_hook(torch.relu) and None)
    leaf = x.clone().requires_grad_()
    (slow,) = torch.autograd.grad(copy(leaf)[0, 3], leaf)
    assert_close(guided_backprop(model, x, target), slow, rtol=1e-3, atol=1e-6)


def few_pictures():
    """As few as every detector but the perceptron, which the networks' wrong answers leave out, can be fitted to."""
    return columns(10, 1, "cifar10"), columns(8, 2, "cifar10")


@pytest.mark.parametrize("name", each(("efficientnet-lite", "vit")))
def test_detectors_of_a_librarys_network_are_calibrated(name, x):
    model = library_model(name)
    screen = fit_calibration(model, *few_pictures())
    assert {*screen.fitted} == {key for key, one in DETECTORS.items() if not one.attacks}
    assert all(np.isfinite(score).all() for score in judge(model, screen, x).scores.values())


def test_detectors_that_need_features_say_so():
    with pytest.raises(ConfigError, match="ends in a linear layer on one vector of features"):
        fit_calibration(library_model("squeezenet"), *few_pictures())


def test_detectors_are_calibrated_where_features_are_named(resnet18, x):
    screen = fit_calibration(resnet18, *few_pictures())
    for change in ("", changes()[0]):
        verdict = judge(resnet18, screen, x, change)
        assert all(np.isfinite(score).all() for score in verdict.scores.values())
    assert len(screen.names) == len(dict(resnet18.plain.named_parameters()))
    assert fit_references(resnet18, columns(4, 3, "cifar10").images())


def test_pictures_are_compared_by_features_at_several_depths(resnet18, colours, x):
    for net in (resnet18.fast, library_model("vit").fast, library_model("convnext").fast):
        same, other = (feature_distance(taps(net, x), taps(net, image)) for image in (x, x.flip(3)))
        assert float(same) == 0 and float(other) > 0.01
    with pytest.raises(ConfigError, match="a layer with places"):
        taps(colours.fast, x)
