"""The list of published networks says what its origins say, and nothing that they do not."""

import re
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from core.errors import ConfigError
from core.models.architectures.torchvision_networks import TORCHVISION_LIBRARY
from core.models.foreign.fitting import NetworkName, expected_shapes
from core.models.foreign.names import find_weights
from core.models.foreign.presets import preprocessing_of
from core.models.preprocessing import Preprocess
from core.models.published.catalogue import matching, published_network, published_networks
from core.models.published.entry import PublishedNetwork, publication_of
from core.models.published.robust import robust_networks
from core.torchvision_compat import torchvision

pytestmark = pytest.mark.slow  # the first needs both libraries
MODELS = torchvision.models
IMAGENET_SCALE = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@pytest.fixture(scope="module")
def every():
    return published_networks()


def test_every_classifier_of_torchvision_is_there_with_its_checksum_and_accuracy(every):
    for name in MODELS.list_models(module=MODELS):
        default = MODELS.get_model_weights(name).DEFAULT
        one = every[f"torchvision/{name}.{default.name.lower()}"]
        assert one.address == default.url and one.address.endswith(f"-{one.sha256}.pth") and len(one.sha256) >= 8
        stated = default.meta["_metrics"]["ImageNet-1K"]
        assert one.accuracy is not None and 100 * one.accuracy.clean == pytest.approx(stated["acc@1"])
        assert one.parameters == default.meta["num_params"]


def test_what_is_done_to_pictures_is_what_the_weights_were_published_with(every):
    for one in every.values():
        if not one.name.startswith("torchvision/"):
            continue
        name = one.network.partition("/")[2]
        weights = MODELS.get_model_weights(name)[one.name.rpartition(".")[2].upper()]
        ours = preprocessing_of(one.preprocess, NetworkName("torchvision", name), 3)
        if name in ("googlenet", "inception_v3"):  # torchvision undoes its own mean inside these
            assert ours.mean == ours.std == (0.5, 0.5, 0.5)
        else:
            assert (list(ours.mean), list(ours.std)) == (weights.transforms().mean, weights.transforms().std)
        assert ours.side == weights.transforms().crop_size[0]


def test_inception_sees_what_torchvision_makes_of_a_normalised_picture(every):
    """torchvision turns what was normalised by its transforms into (x - 0.5) / 0.5 inside these networks."""
    x = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    asked = SimpleNamespace(transform_input=True)
    for name, kind in (("googlenet", MODELS.GoogLeNet), ("inception_v3", MODELS.Inception3)):
        inside = kind._transform_input(asked, torchvision.transforms.functional.normalize(x, *IMAGENET_SCALE))
        ours = Preprocess(TORCHVISION_LIBRARY.usual_preprocessing(name))
        ours.settings = replace(ours.settings, side=0)
        torch.testing.assert_close(ours(x), inside)


def test_timm_has_addresses_and_licences_and_no_accuracy_is_made_up(every):
    found = [one for one in every.values() if one.name.startswith("timm/")]
    assert len(found) > 1000 and all(one.accuracy is None for one in found)
    assert all(one.address.startswith("https://") and one.licence for one in found)
    one = every["timm/resnet18.a1_in1k"]
    assert one.address == "https://huggingface.co/timm/resnet18.a1_in1k/resolve/main/model.safetensors"
    assert "no accuracy stated" in one.accuracy_words() and one.licence == "apache-2.0" and not one.sha256


def test_keys_are_fit_for_files_and_no_two_are_the_same(every):
    keys = [one.key for one in every.values()]
    assert len(set(keys)) == len(keys)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", key) and len(key) <= 80 for key in keys)


def test_robust_networks_have_a_source_and_say_what_stands_in_the_way():
    for one in robust_networks():
        assert "arXiv:" in one.source and one.accuracy is not None and one.accuracy.source
        assert (one.accuracy.robust is None) == (not one.accuracy.attack)
        assert one.obstacle or one.address.startswith("https://huggingface.co/madrylab/")
        assert not one.sha256 or re.fullmatch("[0-9a-f]{64}", one.sha256)


def test_a_name_may_be_short_and_must_be_one(every):
    assert published_network("resnet18.imagenet1k_v1").name == "torchvision/resnet18.imagenet1k_v1"
    assert published_network("torchvision/alexnet").network == "torchvision/alexnet"
    with pytest.raises(ConfigError, match=r"resnet18 means several: torchvision/resnet18.imagenet1k_v1, timm/"):
        published_network("resnet18")
    with pytest.raises(ConfigError, match="no published network is called salman2020-l2; there is robust/resnet18"):
        published_network("salman2020-l2")
    with pytest.raises(ConfigError, match="robustscope fetch --list lists them"):
        published_network("nosuchnetwork")
    assert {one.network for one in matching("Salman 50 linf")} >= {"torchvision/resnet50"}


def test_published_weights_of_densenet_fit_under_their_old_names():
    """torchvision renames `norm.1` to `norm1` while it loads them (its densenet.py, `_load_state_dict`)."""
    expected = expected_shapes(NetworkName("torchvision", "densenet121"))
    old = {re.sub(r"(denselayer\d+\.(?:norm|conv))([12])", r"\1.\2", name): torch.zeros(1) for name in expected}
    found, notes = find_weights(old)
    assert old.keys() != expected.keys() == found.keys() and "old names" in " ".join(notes)


def test_too_large_ones_say_so(every):
    assert "at most 100,000,000 are taken" in every["torchvision/vgg16.imagenet1k_v1"].hindrance
    assert not every["torchvision/resnet50.imagenet1k_v2"].hindrance


@pytest.mark.parametrize(
    "kept", [{}, {"published": 3}, {"published": {"accuracy": {"clean": "high"}}}, {"published": {"accuracy": 3}}]
)
def test_cards_from_anywhere_do_not_break_what_is_said_of_them(kept):
    assert publication_of(kept) is None


def test_what_a_card_keeps_is_what_is_said_of_it_later(every):
    one: PublishedNetwork = every["robust/resnet18.salman2020-linf-4"]
    said = publication_of({"published": one.facts("0" * 64)})
    assert said is not None and (said.licence, said.source) == ("MIT", one.source)
    assert said.accuracy == "52.5 % clean, 25.3 % under AutoAttack, L-infinity 4/255"
