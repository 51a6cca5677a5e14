"""A published network comes through the reading of brought files, and keeps what was published beside what is here."""

from dataclasses import replace

import pytest
import torch

from core.errors import ConfigError, InputError
from core.models.published.entry import publication_of
from core.models.published.fetch import check_wanted, fetched, keep_fetched
from core.models.published.first_fetch import first_checksum
from core.models.zoo import known_cards, load_zoo_model, user_models
from tests.helpers.file_server import serving
from tests.helpers.foreign import small_network
from tests.helpers.published import KEY, NAME, tiny_published

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked_reader")]


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("ROBUSTSCOPE_USER", str(tmp_path / "user"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving() as there:
        yield there


@pytest.fixture
def scratch(tmp_path):
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def test_it_answers_as_its_weights_do_and_its_card_says_what_was_published(server, scratch):
    card = keep_fetched(fetched(tiny_published(server), scratch))
    assert card == known_cards("imagenet")[KEY] and card.figures == () and card.command == f"robustscope fetch {NAME}"
    said = publication_of(card.settings)
    assert said is not None and said.licence == "MIT" and said.accuracy.startswith("52.5 % clean, 25.3 % under Auto")
    x = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.no_grad():
        expected = small_network(1000)((x - mean.view(3, 1, 1)) / std.view(3, 1, 1))
        got = load_zoo_model("imagenet", KEY, user_models()).plain(x)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)


def test_without_a_published_checksum_the_first_fetch_counts(server, scratch):
    entry = tiny_published(server, known=False)
    card = keep_fetched(fetched(entry, scratch))
    assert first_checksum(NAME) == card.settings["published"]["file_sha256"] and len(first_checksum(NAME)) == 64
    with pytest.raises(ConfigError, match=f"{NAME} is here already, as {KEY}"):
        check_wanted(entry)
    for path in (user_models() / "imagenet").iterdir():
        path.unlink()
    server.files["tiny.ckpt"] += b"\0"
    with pytest.raises(InputError, match="is not the one that was published"):
        fetched(entry, scratch)
    assert not list((user_models() / "imagenet").iterdir())


def test_a_file_of_another_network_is_refused_and_nothing_is_left(server, scratch):
    entry = replace(tiny_published(server), network="torchvision/mobilenet_v3_small")
    with pytest.raises(InputError, match="weights are not those of torchvision/mobilenet_v3_small"):
        fetched(entry, scratch)
    assert not (scratch / "file").exists() and not user_models().exists()


def test_what_is_too_large_is_refused_before_a_byte_of_it(server, scratch):
    for network in ("torchvision/vgg16", "timm/vit_large_patch16_224"):
        with pytest.raises(ConfigError, match=r"can't be had here\. It has .* at most 100,000,000 are taken"):
            fetched(replace(tiny_published(server), network=network), scratch)
    assert server.asked == []


def test_a_pointer_says_where_and_by_which_command(server, scratch):
    entry = replace(tiny_published(server), obstacle="Its page asks for a login.")
    with pytest.raises(ConfigError, match=r"asks for a login. See http.*; then robustscope import FILE --arch"):
        fetched(entry, scratch)


def test_offline_says_what_to_do_by_hand(server, scratch):
    entry = replace(tiny_published(server), address="https://127.0.0.1:9/tiny.ckpt")
    with pytest.raises(InputError, match=r"offline.*Elsewhere, download https://127.0.0.1:9/tiny.ckpt; then here: rob"):
        fetched(entry, scratch)
