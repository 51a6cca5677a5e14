"""Cards come back as they were written; any other JSON is refused in a sentence, with nothing built from it."""

import json
from dataclasses import asdict, replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.checksums import without_checksum
from core.errors import InputError
from core.latent.autoencoder import AutoencoderCard
from core.latent.network import AutoencoderConfig
from core.models.cards import MAX_BYTES, card_bytes, card_of, read_card, write_card
from core.models.resnet import ResNetConfig
from core.models.zoo import Card

CARD = Card(
    "cifar10",
    "standard",
    ResNetConfig(mean=(0.0, 0.5, 1.0)),
    "recipe",
    {"epochs": 3, "rates": [0.1, None]},
    7,
    "command",
    {"seconds": 1.5},
    "0" * 64,
    12,
    ({"attack": "pgd", "robust": 0.5, "flags": None},),
)
GENERATOR = AutoencoderCard("fashion-mnist", AutoencoderConfig(), "recipe", {}, 0, "command", {}, "f" * 64)


def fields_of(card):
    """What a card's file holds, but for its checksum."""
    return json.loads(without_checksum(card_bytes(card), "a card"))


FIELDS = fields_of(CARD)

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=5), inside, max_size=3),
    max_leaves=8,
)


def nothing(card):
    """No check besides types."""


def read(data, kind=Card):
    return card_of(data, kind, "it is no card", nothing)


def changed(**fields):
    return json.dumps(FIELDS | fields).encode()


@pytest.mark.parametrize("card", [CARD, GENERATOR, replace(CARD, note="a < b & *c*\n")])
def test_a_card_comes_back_as_it_was(card, tmp_path):
    write_card(card, tmp_path / "card.json")
    back = read_card(tmp_path / "card.json", type(card), "a card", nothing)
    assert back == card and type(back.network) is type(card.network)


def test_a_whole_number_may_stand_for_a_real_one():
    assert read(changed(network=FIELDS["network"] | {"std": [1, 2, 3]})).network.std == (1.0, 2.0, 3.0)


@given(st.binary(max_size=200) | PLAIN.map(lambda value: json.dumps(value).encode()))
@example(b"[" * 100_000)
@example(b'{"a":' * 100_000)
@example(b"\xff\xfe")
def test_what_is_no_card_is_refused_in_a_sentence(data):
    with pytest.raises(InputError, match=r"^it is no card: "):
        read(data)


@given(st.sampled_from(sorted(FIELDS)), PLAIN)
@example("seed", 10**400)
@example("settings", {"a": 10**400})
@example("training", {"seconds": float("nan")})
@example("note", "\ud800")
@example("network", FIELDS["network"] | {"widths": [float("inf")], "blocks": [1]})
@example("network", FIELDS["network"] | {"activation": ["relu"]})
def test_any_value_in_any_field_is_of_the_fields_kind_or_refused(name, value):
    """And what is taken can be written, and read again as the same."""
    try:
        card = read(changed(**{name: value}))
    except InputError as error:
        refused = str(error)
    else:
        refused = ""
        assert read(without_checksum(card_bytes(card), "a card")) == card
        assert type(card.note) is str and type(card.seed) is int and type(card.network) is ResNetConfig
        assert name == "network" or fields_of(card)[name] == json.loads(json.dumps(value))
    assert not refused or (refused.startswith("it is no card: ") and len(refused) < 300)


@given(st.sampled_from(sorted(FIELDS["network"])), PLAIN | st.lists(st.integers() | st.floats() | st.booleans()))
def test_any_value_in_the_network_is_of_its_kind_or_refused(name, value):
    try:
        network = read(changed(network=FIELDS["network"] | {name: value})).network
    except InputError:
        return
    assert all(type(width) is int for width in (*network.widths, *network.blocks, network.classes))
    assert all(type(part) is float for part in (*network.mean, *network.std))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (changed(seed=True), "seed must be a whole number"),
        (changed(seed=1.0), "seed must be a whole number"),
        (changed(note=None), "note must be text"),
        (changed(figures={}), "figures must be a list"),
        (changed(figures=[[]]), "figures must be an object"),
        (changed(network=FIELDS["network"] | {"blocks": [1, 2, True]}), "blocks must be a whole number"),
        (changed(network=FIELDS["network"] | {"mean": [0, 0, "0"]}), "mean must be a number"),
        (changed(network=FIELDS["network"] | {"activation": "swish"}), "relu, hhrelu; got swish"),
        (changed(network=FIELDS["network"] | {"depth": 3}), "network has the unknown field depth"),
        (changed(note="x" * 10_001), "at most 10,000 characters"),
        (changed(seed=10**18), "at most 18 digits"),
        (changed(settings={"a": [float("-inf")]}), "-Infinity is no number"),
        (changed().replace(b"1.5", b"1e999"), "1e999 is too large"),
        (changed()[:-1] + b', "seed": 8}', "twice"),
        (
            json.dumps({"key": "a", "network": FIELDS["network"], "recipe": ""}).encode(),
            "lacks command, param",
        ),
    ],
)
def test_the_sentence_says_what_is_wrong(data, message):
    with pytest.raises(InputError, match=message):
        read(data)


def test_a_generators_shape_has_three_entries():
    fields = fields_of(GENERATOR)
    fields["network"]["shape"] = [1, 28]
    with pytest.raises(InputError, match="shape must have 3 entries; it has 2"):
        read(json.dumps(fields).encode(), AutoencoderCard)


def test_what_could_not_be_read_is_not_written(tmp_path):
    with pytest.raises(InputError, match="could not be written"):
        write_card(replace(CARD, training={"seconds": float("nan")}), tmp_path / "card.json")
    assert not list(tmp_path.iterdir())


def test_a_large_file_is_refused_unread(tmp_path):
    (tmp_path / "card.json").write_bytes(b" " * (MAX_BYTES + 1))
    with pytest.raises(InputError, match="larger than 1 MB"):
        read_card(tmp_path / "card.json", Card, "a card", nothing)


def test_the_plain_values_are_those_of_the_dataclass():
    assert FIELDS["network"] == json.loads(json.dumps(asdict(CARD)["network"]))
