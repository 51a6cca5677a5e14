"""Architectures of the catalogue: counted before they are built; an entry is all that a network of another needs."""

import json
from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from core.cli.main import main
from core.data.tasks import CIFAR10, FASHION_MNIST, task_named
from core.errors import ConfigError, InputError
from core.models import zoo
from core.models.architectures.catalogue import ARCHITECTURES, architecture_of
from core.models.architectures.resnet18 import ResNet18Config
from core.models.cards import card_bytes
from core.models.pooled import PooledClassifier, as_pooled
from core.models.resnet import MirroredConfig, ResNetConfig
from core.models.zoo import Card
from tests.helpers.checked_files import write_json
from tests.helpers.networks import DUMMY, DummyConfig, seeded

CONFIGS = (
    ResNetConfig(widths=(4, 8), blocks=(1, 2)),
    MirroredConfig(widths=(4, 8), blocks=(1, 2)),
    ResNet18Config(10, (0.5,) * 3, (0.25,) * 3),
    ResNet18Config(7, (0.5,), (0.25,), "photograph"),
)


def card(network, task=CIFAR10, key="brought"):
    return Card(task.key, key, network, "recipe", {}, 0, "command", {}, sha256="", parameters=0)


@pytest.fixture
def dummy(monkeypatch):
    """The catalogue with one architecture more."""
    monkeypatch.setitem(ARCHITECTURES, DUMMY.key, DUMMY)
    return DUMMY


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: f"{config.architecture} {config.classes}")
def test_parameters_are_counted_right_without_building(config):
    model = architecture_of(config).build(config, (config.channels, 32, 32))
    assert config.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert model(torch.rand(2, config.channels, 32, 32)).shape == (2, config.classes)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: f"{config.architecture} {config.classes}")
def test_the_fast_form_answers_alike_and_names_the_same_features(config):
    entry = architecture_of(config)
    model = entry.build(config, (config.channels, 32, 32))
    x = torch.rand(4, config.channels, 32, 32, generator=torch.Generator().manual_seed(0))
    model.train()(x)  # so that statistics of BatchNorm are not those of the start
    fast = entry.fast_form(model.eval())
    assert_close(fast(x), model(x), rtol=1e-4, atol=1e-4)
    assert_close(fast.features(x), model.features(x), rtol=1e-4, atol=1e-4)
    assert tuple(one.shape[1] for one in fast.stage_maps(x)) == fast.widths
    assert not any(parameter.requires_grad for parameter in fast.parameters())


def test_a_resnet18_with_its_stem_for_photographs_is_torchvisions():
    from core.torchvision_compat import torchvision

    theirs = torchvision.models.resnet18(weights=None, num_classes=5).eval()
    config = ResNet18Config(5, (0.4, 0.5, 0.6), (0.2, 0.3, 0.4), "photograph")
    ours = architecture_of(config).build(config, (3, 64, 64)).eval()
    missing, unknown = ours.load_state_dict(theirs.state_dict(), strict=False)
    assert set(missing) == {"normalise.mean", "normalise.std"} and not unknown
    x = torch.rand(2, 3, 64, 64)
    mean, std = (torch.tensor(each).view(1, 3, 1, 1) for each in (config.mean, config.std))
    assert_close(ours(x), theirs((x - mean) / std))


def test_every_card_that_ships_reads_and_writes_byte_for_byte():
    paths = sorted(zoo.ASSETS.glob("*/*.json"))
    assert paths
    for path in paths:
        found = zoo.read_card(path)
        assert card_bytes(found) == path.read_bytes()
        assert isinstance(found.network, ResNetConfig) == task_named(found.task).trained


def test_a_card_names_its_architecture_and_one_that_names_none_means_the_projects_own(tmp_path):
    for network, named in ((CONFIGS[0], None), (CONFIGS[1], CONFIGS[1].architecture), (CONFIGS[2], "resnet18")):
        zoo.write_card(replace(card(network), sha256="0" * 64), tmp_path)
        path = tmp_path / "cifar10" / "brought.json"
        assert json.loads(path.read_text())["network"].get("architecture") == named
        assert zoo.read_card(path).network == network


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ({"architecture": "resnet19"}, "architecture must be one of preact-resnet, mirrored-preact-resnet, resnet18"),
        ({"architecture": ["resnet18"]}, "architecture must be one of"),
        ({"architecture": "resnet18", "widths": [4]}, "unknown field widths"),
        ({"architecture": "resnet18", "stem": "large"}, "stem must be one of small, photograph"),
        ({"architecture": "resnet18", "classes": 10**12}, "at most 50,000,000"),
        ({"architecture": "resnet18", "classes": 9}, "are not those of cifar10"),
        ([], "network must be an object"),
    ],
)
def test_a_network_that_can_not_be_is_refused_before_anything_is_built(tmp_path, monkeypatch, network, message):
    monkeypatch.setitem(ARCHITECTURES, "resnet18", replace(ARCHITECTURES["resnet18"], build=None))
    fields = json.loads(card_bytes(replace(card(CONFIGS[2]), sha256="0" * 64)))
    usual = fields["network"]
    fields["network"] = usual | network if isinstance(network, dict) else network
    write_json(tmp_path / "card.json", fields)
    with pytest.raises(InputError, match=message):
        zoo.read_card(tmp_path / "card.json")


def test_images_that_are_too_small_for_an_architecture_are_a_sentence(tmp_path):
    network = ResNet18Config(10, FASHION_MNIST.mean, FASHION_MNIST.std)
    zoo.write_card(replace(card(network, FASHION_MNIST), sha256="0" * 64), tmp_path)
    with pytest.raises(InputError, match="ResNet-18 takes images of at least 32 pixels a side; those of fashion-mnist"):
        zoo.read_card(tmp_path / "fashion-mnist" / "brought.json")


def test_an_architecture_that_joins_the_catalogue_is_loaded_from_a_card(dummy, tmp_path):
    network = DummyConfig(10, 3)
    model = dummy.build(network, CIFAR10.shape)
    saved = zoo.save(seeded(model), card(network), tmp_path)
    found = zoo.load_zoo_model("cifar10", "brought", tmp_path)
    x = torch.rand(2, *CIFAR10.shape)
    assert torch.equal(found.plain(x), model(x)) and found.fast is found.plain
    assert saved.parameters == (3 + 1) * 10 and found.card == saved
    with pytest.raises(ConfigError, match="a linear layer on the mean of its last feature map"):
        as_pooled(found.plain)


def test_an_architecture_that_joins_the_catalogue_is_listed(dummy, capsys):
    assert main(["list", "architectures"]) == 0
    out = capsys.readouterr().out
    assert all(f"{entry.key:28} {entry.title}" in out for entry in ARCHITECTURES.values()) and "Dummy" in out


def test_features_of_the_last_stage_are_those_that_the_logits_come_from():
    for config in CONFIGS:
        model = architecture_of(config).build(config, (config.channels, 32, 32)).eval()
        x = torch.rand(2, config.channels, 32, 32)
        assert isinstance(model, PooledClassifier)
        assert_close(model.logits_of(model.stage_maps(x)[-1]), model(x))
        assert_close(model.last_layer(model.features(x).mean((2, 3))), model(x))
