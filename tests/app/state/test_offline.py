"""A server asks no host outside for anything."""

import importlib

from streamlit import config, net_util
from streamlit.web.server import server_util


def test_the_address_that_is_printed_at_the_start_is_named_so_that_nobody_is_asked_for_it():
    assert config.is_manually_set("browser.serverAddress")


def test_who_comes_from_another_origin_is_refused_without_a_word_to_anyone_outside(monkeypatch):
    asked = []
    monkeypatch.setattr(net_util, "get_external_ip", net_util.get_external_ip)  # put back afterwards
    monkeypatch.setattr(net_util, "_make_blocking_http_get", lambda url, **given: asked.append(url))
    assert not server_util.is_url_from_allowed_origins("http://elsewhere.example")
    assert asked, "Streamlit has stopped asking: server.py need not keep it from that any more"
    asked.clear()
    importlib.import_module("server")
    assert not server_util.is_url_from_allowed_origins("http://elsewhere.example") and not asked
