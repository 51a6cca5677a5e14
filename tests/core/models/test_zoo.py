"""Model files from outside are checked before they are used, and shipped ones come back as they were saved."""

import dataclasses

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.testing import assert_close

from core.errors import ConfigError, CoreError, InputError
from core.models import zoo
from core.models.architectures import preact_resnet
from core.models.resnet import PreActResNet, ResNetConfig
from tests.helpers.checked_files import read_json, write_json

TINY = ResNetConfig(widths=(4, 8), blocks=(1, 1))


@pytest.fixture
def folder(tmp_path):
    """A zoo with one tiny CIFAR-10 classifier, `standard`."""
    model = PreActResNet(TINY, torch.Generator().manual_seed(0))
    card = zoo.Card("cifar10", "standard", TINY, "recipe", {}, 0, "command", {"seconds": 1}, sha256="", parameters=0)
    zoo.save(model, card, tmp_path)
    return tmp_path


@pytest.fixture
def weights(folder):
    return folder / "cifar10" / "standard.safetensors"


def edit_card(weights, **fields):
    """Overwrite fields of the card beside `weights`."""
    path = weights.with_suffix(".json")
    write_json(path, read_json(path) | fields)


def test_saved_model_comes_back(folder):
    loaded = zoo.load_zoo_model("cifar10", "standard", folder)
    fresh = PreActResNet(TINY, torch.Generator().manual_seed(0)).eval()
    x = torch.rand(2, 3, 32, 32)
    assert_close(loaded.plain(x), fresh(x))
    assert_close(loaded.fast(x), fresh(x), rtol=1e-4, atol=1e-5)
    assert loaded.card.parameters == sum(p.numel() for p in fresh.parameters())
    assert not loaded.plain.training and not any(p.requires_grad for p in loaded.plain.parameters())


def test_weights_stored_in_half_precision_come_back_in_single(folder):
    model = PreActResNet(TINY, torch.Generator().manual_seed(0)).eval()
    card = dataclasses.replace(zoo.load_zoo_model("cifar10", "standard", folder).card, key="half")
    zoo.save(model, card, folder, half=True)
    files = [folder / "cifar10" / f"{key}.safetensors" for key in ("half", "standard")]
    stored = load_file(files[0])
    assert {value.dtype for name, value in stored.items() if not name.endswith("tracked")} == {torch.float16}
    assert files[0].stat().st_size < 0.7 * files[1].stat().st_size
    loaded = zoo.load_zoo_model("cifar10", "half", folder).plain.state_dict()
    for name, value in model.state_dict().items():
        assert loaded[name].dtype == value.dtype, name
        rounded = value.half().float() if value.is_floating_point() else value
        assert torch.equal(loaded[name], rounded), name


def test_weights_too_large_for_half_precision_replace_nothing(folder):
    model = PreActResNet(TINY, torch.Generator().manual_seed(0)).eval()
    card = zoo.load_zoo_model("cifar10", "standard", folder).card
    before = (folder / "cifar10" / "standard.safetensors").read_bytes()
    with torch.no_grad():
        model.stem.weight[0, 0, 0, 0] = 7e4
    with pytest.raises(InputError, match="too large"):
        zoo.save(model, card, folder, half=True)
    assert (folder / "cifar10" / "standard.safetensors").read_bytes() == before


def test_one_changed_byte_is_noticed(weights):
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(InputError, match="not the file its card describes"):
        zoo.load_weights(weights)


def _reseal(weights):
    """Give the card the checksum of the (tampered) weights, as an attacker would."""
    import hashlib

    edit_card(weights, sha256=hashlib.sha256(weights.read_bytes()).hexdigest())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("stem.weight"), "miss"),
        (lambda t: t.update(extra=torch.zeros(1)), "unknown"),
        (lambda t: t.update({"stem.weight": torch.zeros(4, 3, 5, 5)}), "must be"),
        (lambda t: t.update({"stem.weight": t["stem.weight"].double()}), "must be"),
        (lambda t: t["head.bias"].fill_(float("nan")), "not finite"),
        (lambda t: t["norm.running_var"].fill_(float("inf")), "not finite"),
    ],
)
def test_weights_that_do_not_fit_are_refused(weights, change, message):
    tensors = load_file(weights)
    change(tensors)
    save_file(tensors, weights)
    _reseal(weights)
    with pytest.raises(InputError, match=message):
        zoo.load_weights(weights)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t["norm.running_var"].fill_(-1.0),
        lambda t: t["head.weight"].fill_(3e38),
    ],
    ids=["NaN", "infinity"],
)
def test_networks_that_answer_a_picture_with_no_number_are_refused(weights, change):
    """Every weight is finite, and the answers are not."""
    tensors = load_file(weights)
    change(tensors)
    save_file(tensors, weights)
    _reseal(weights)
    with pytest.raises(InputError, match="not finite"):
        zoo.load_weights(weights)


def test_a_damaged_card_beside_it_does_not_concern_a_network(folder):
    (folder / "cifar10" / "other.json").write_text("damaged")
    assert zoo.load_zoo_model("cifar10", "standard", folder).card.key == "standard"
    with pytest.raises(InputError, match=r"other\.json"):
        zoo.load_zoo_model("cifar10", "other", folder)


def test_one_network_costs_one_card(folder, monkeypatch):
    card = zoo.read_card(folder / "cifar10" / "standard.json")
    for number in range(5):
        zoo.write_card(dataclasses.replace(card, key=f"other-{number}"), folder)
    read = []
    original = zoo.read_card
    monkeypatch.setattr(zoo, "read_card", lambda path: (read.append(path.name), original(path))[1])
    zoo.load_zoo_model("cifar10", "standard", folder)
    assert read == ["standard.json"]


def test_bytes_that_are_no_safetensors_are_refused(weights):
    weights.write_bytes(b"\x80\x04\x95pickle")
    _reseal(weights)
    with pytest.raises(InputError, match="safetensors"):
        zoo.load_weights(weights)


def test_a_card_can_not_ask_for_a_giant_network(weights, monkeypatch):
    """Neither by a few large blocks, nor by many small ones; and nothing is built to find that out."""
    large = {"widths": [1024] * 8, "blocks": [8] * 8}
    many = {"widths": [1] * 8, "blocks": [64] * 8}
    long = {"widths": [1] * 9000, "blocks": [1] * 9000}
    monkeypatch.setattr(preact_resnet, "PreActResNet", None)
    for change, message in ((large, "parameters"), (many, "64 in all"), (long, "9000 widths")):
        edit_card(weights, network=dataclasses.asdict(TINY) | change)
        with pytest.raises(InputError, match=message):
            zoo.load_weights(weights)


@pytest.mark.parametrize(
    "fields",
    [
        {"task": "../../etc"},
        {"network": {"widths": "many"}},
        {"network": []},
        {"seed": "0"},
        {"settings": []},
        {"figures": [1]},
        {"unknown": 1},
        {"sha256": None},
    ],
)
def test_damaged_cards_are_refused(weights, fields):
    edit_card(weights, **fields)
    with pytest.raises(InputError):
        zoo.load_weights(weights)


@pytest.mark.parametrize("text", ["", "[]", "null", "{", "[" * 100_000, '{"network": {}}'])
def test_files_that_are_no_card_are_refused(weights, text):
    weights.with_suffix(".json").write_text(text)
    with pytest.raises(InputError):
        zoo.load_weights(weights)


def test_files_over_the_limit_are_refused(weights, monkeypatch):
    monkeypatch.setattr(zoo, "MAX_WEIGHT_BYTES", 100)
    with pytest.raises(InputError, match="larger"):
        zoo.load_weights(weights)


def test_unknown_names_are_refused(folder):
    with pytest.raises(ConfigError):
        zoo.load_zoo_model("cifar10", "../standard", folder)
    with pytest.raises(CoreError):
        zoo.load_zoo_model("../cifar10", "standard", folder)


def test_an_unwritable_folder_leaves_nothing_behind(tmp_path):
    (tmp_path / "cifar10").write_text("a file where a folder should be")
    card = zoo.Card("cifar10", "standard", TINY, "", {}, 0, "", {}, sha256="", parameters=0)
    with pytest.raises(InputError, match="could not be written"):
        zoo.save(PreActResNet(TINY), card, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["cifar10"]


def test_standard_comes_first(folder):
    card = zoo.read_card(folder / "cifar10" / "standard.json")
    zoo.write_card(dataclasses.replace(card, key="adversarial"), folder)
    assert list(zoo.cards("cifar10", folder)) == ["standard", "adversarial"]
