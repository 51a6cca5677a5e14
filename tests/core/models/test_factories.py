"""Python functions make networks where `robustscope.toml` trusts them, and nothing of them runs where it does not."""

import json

import pytest
import torch
from torch import nn

from core.cli.main import main
from core.errors import ConfigError, InputError
from core.models.architectures.factory_networks import FACTORIES, FactoryConfig
from core.models.foreign.fitting import NetworkName, named
from core.models.preprocessing import PRESETS
from core.models.zoo import folder_of, load_zoo_model
from tests.helpers.foreign import saved, written

SOURCE = """
from pathlib import Path
from torch import nn
Path(__file__).with_name("ran").touch()
def make(classes):
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, classes))
"""


@pytest.fixture
def user(tmp_path, monkeypatch):
    monkeypatch.setenv("ROBUSTSCOPE_USER", str(tmp_path))
    written(tmp_path, "nets.py", SOURCE.encode())
    return tmp_path


def trust(user, *names: str) -> None:
    written(user, "robustscope.toml", f"[trusted]\nfactories = {json.dumps(names)}\n".encode())


@pytest.mark.slow
def test_weights_of_a_trusted_function_are_imported_and_answer_as_they_did(user, forked_reader):
    trust(user, "nets.py:make")
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    path = written(user, "w.pt", saved(network.state_dict()))
    names = written(user, "names.txt", b"cat\ndog\n")
    asked = ["import", str(path), "--architecture", "factory/nets.py:make", "--classes", str(names)]
    assert main([*asked, "--preprocess", "none,side=32", "--name", "pets"]) == 0
    model = load_zoo_model("pets", "pets", folder_of("pets", "pets"))
    x = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(model.plain(x), network(x))


def test_what_is_not_trusted_is_not_even_imported(user):
    config = FactoryConfig("nets.py:make", 2, PRESETS["none"])
    for names in ((), ("other.py:make",)):
        trust(user, *names)
        with pytest.raises(ConfigError, match=r"robustscope\.toml has no classifier nets\.py:make"):
            _ = config.parameters
        assert not (user / "ran").exists()
    assert FACTORIES.names() == ["other.py:make"]


@pytest.mark.parametrize(
    "text", ["not toml", "trusted = 3", "[trusted]\nfactories = 'a'", "[trusted]\nfactories = ['a']"]
)
def test_a_broken_file_is_a_sentence(user, text):
    written(user, "robustscope.toml", text.encode())
    with pytest.raises((ConfigError, InputError), match=r"robustscope\.toml"):
        FACTORIES.names()


def test_a_broken_file_keeps_nobody_from_the_networks_of_the_libraries(user):
    written(user, "robustscope.toml", b"not toml")
    assert NetworkName("torchvision", "resnet18") in named("resnet18")
    assert named("timm/resnet18") == [NetworkName("timm", "resnet18")]
    with pytest.raises(ConfigError, match="no library has a network"):
        named("nets.py:make")
    with pytest.raises(ConfigError, match=r"robustscope\.toml can't be read"):
        named("factory/nets.py:make")
