"""The page Models offers published networks of ImageNet by name, and fetches one where whoever serves allows it."""

import pytest

from app.models import published_networks
from core.models.zoo import user_models
from tests.helpers.file_server import serving
from tests.helpers.foreign import written
from tests.helpers.pages import bodies, checked, entered, finished, pressed
from tests.helpers.published import KEY, NAME, tiny_published

BUTTON = "published.fetch.start"
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("reports", "forked_reader")]


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("ROBUSTSCOPE_USER", str(tmp_path / "user"))
    monkeypatch.setenv("ROBUSTSCOPE_VISITORS", str(tmp_path / "visitors"))
    monkeypatch.setenv("ROBUSTSCOPE_DATA", str(tmp_path / "none"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    (tmp_path / "user").mkdir()
    with serving() as there:
        known = {NAME: tiny_published(there)}
        monkeypatch.setattr(published_networks, "published_networks", lambda: known)
        yield there


def picked():
    at = entered("models", task="imagenet", open="published")
    return checked(at.selectbox(key="published.name").set_value(NAME).run())


def buttons(at) -> list[str]:
    return [one.key for one in at.button]


def test_a_visitor_gets_the_command_and_no_button_unless_it_is_allowed(server):
    at = picked()
    (label,) = at.selectbox(key="published.name").options
    assert label == f"{NAME} · 52.5 % clean, 25.3 % under AutoAttack, L-infinity 4/255 · MIT"
    assert f"robustscope fetch {NAME}" in [code.value for code in at.code]
    (block,) = bodies(at, "data-entry")
    assert "Licence: MIT" in block and "Published: 52.5 % clean" in block and "Someone 2020" in block
    assert BUTTON not in buttons(at) and server.asked == []
    assert not [
        one for one in entered("models", task="cifar10", open="published").selectbox if one.key == "published.name"
    ]


def test_a_visitor_can_not_fill_the_disk(server, tmp_path, monkeypatch):
    written(tmp_path / "user", "robustscope.toml", b"[visitors]\nfetch = true\n")
    monkeypatch.setattr(published_networks, "MOST_BYTES", -1)
    at = checked(picked().button(key=BUTTON).click().run())
    assert "the command alone fetches more" in at.error[0].value and server.asked == []


def test_a_press_fetches_it_for_everybody_and_its_card_says_what_was_published(server, tmp_path):
    written(tmp_path / "user", "robustscope.toml", b"[visitors]\nfetch = true\n")
    files, server.files = server.files, {}
    at = pressed(picked(), BUTTON)
    assert "answers 404" in at.error[0].value and not user_models().exists()
    server.files = files
    at = finished(pressed(at, BUTTON))
    assert [item.value for item in at.success] == ["It is here."] and BUTTON not in buttons(at)
    seen = entered("models", task="imagenet", open="cards")
    (block,) = bodies(seen, f'data-published="{KEY}"')
    card = block.split(f'data-card="{KEY}"')[1]
    assert "Published:</b> 52.5 % clean, 25.3 % under AutoAttack" in card and "not measured here" in card
    assert "Licence: MIT" in card and "Source: Someone 2020" in card and "Accuracy not measured" in card
    assert KEY in entered("compare", task="imagenet", models=KEY).query_params["models"]
