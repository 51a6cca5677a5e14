"""The address on the screen is one that a phone can reach."""

from types import SimpleNamespace

import pytest

from app.state import address
from app.state.address import answers_here_alone, public_address, room_link

LAN = "10.1.2.3"


@pytest.mark.parametrize(
    ("seen", "shown"),
    [
        ("http://localhost:8501/workshop", "http://10.1.2.3:8501"),
        ("http://127.0.0.1:8501/", "http://10.1.2.3:8501"),
        ("http://0.0.0.0:8600/workshop", "http://10.1.2.3:8600"),
        ("http://[::1]:8501/workshop", "http://10.1.2.3:8501"),
        ("http://192.168.1.20:8501/workshop", "http://192.168.1.20:8501"),
        ("http://[fd00::5]:8501/workshop", "http://[fd00::5]:8501"),
        ("https://workshop.example.org/workshop", "https://workshop.example.org"),
        ("", "http://10.1.2.3:8501"),
    ],
)
def test_this_machines_names_for_itself_are_replaced_and_others_kept(seen, shown):
    assert public_address(seen, None, LAN) == shown


def test_what_whoever_serves_says_wins():
    assert public_address("http://localhost:8501", "https://x.example/app/", LAN) == "https://x.example/app"


@pytest.mark.parametrize(("base", "path"), [("", "/saliency"), ("/house", "/house/saliency")])
def test_a_link_of_this_browser_keeps_its_view_and_gets_an_address_that_others_reach(monkeypatch, base, path):
    """Behind a base path, too; and at the address that whoever serves says, which has that path already."""
    monkeypatch.setattr(address, "lan_address", lambda: LAN)
    monkeypatch.setattr(address.st, "get_option", lambda name: base)
    monkeypatch.delenv(address.VARIABLE, raising=False)
    link = f"http://localhost:8501{path}?models=standard,pgd-linf&open=maps"
    assert room_link(link) == link.replace("localhost", LAN)
    monkeypatch.setenv(address.VARIABLE, "https://x.example/app/")
    assert room_link(link) == "https://x.example/app/saliency?models=standard,pgd-linf&open=maps"


@pytest.mark.parametrize(
    ("bound", "alone"), [(None, False), ("0.0.0.0", False), ("127.0.0.1", True), ("localhost", True), ("::1", True)]
)
def test_a_server_that_answers_its_own_machine_alone_is_known(monkeypatch, bound, alone):
    monkeypatch.setattr(address.st, "get_option", lambda name: bound)
    monkeypatch.delenv(address.VARIABLE, raising=False)
    assert answers_here_alone() == alone


def test_behind_a_proxy_whose_name_the_browser_has_others_are_answered(monkeypatch):
    monkeypatch.setattr(address.st, "get_option", lambda name: "127.0.0.1")
    monkeypatch.delenv(address.VARIABLE, raising=False)
    for seen, alone in (("https://room.example.org/workshop", False), ("http://localhost:8501/", True)):
        monkeypatch.setattr(address.st, "context", SimpleNamespace(url=seen))
        assert answers_here_alone() == alone
