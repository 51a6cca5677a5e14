"""The page Show me offers the views whose networks and pictures are here, and every link opens what it names."""

from html import escape

import pytest
import streamlit as st

from core.tour.rules import TITLES
from core.tour.view import read_views
from tests.helpers.pages import bodies, opened, presented, pressed, query

VIEWS = read_views().views


@pytest.fixture
def links(monkeypatch):
    """Where the page's links lead: a page that runs by itself has none."""
    found: list[tuple[str, dict[str, str]]] = []
    monkeypatch.setattr(st, "page_link", lambda page, query_params, **how: found.append((page, query_params)))
    return found


def test_every_view_is_offered_with_its_sentence_and_link(reports, links, monkeypatch):
    monkeypatch.delenv("ROBUSTSCOPE_MODELS", raising=False)
    at = opened("pages/tour")
    shown = bodies(at, "data-view=")
    assert len(shown) == len(VIEWS) and not at.error
    assert all(escape(view.sentence) in body for view, body in zip(VIEWS, shown, strict=True))
    assert links == [(f"pages/{view.page}.py", view.query) for view in VIEWS]
    slides = presented(pressed(at, "presenter.button"))["slides"]
    assert [(slide["title"], slide["caption"]) for slide in slides] == [(TITLES[v.key], v.sentence) for v in VIEWS]
    assert all(slide["panels"][0]["faces"][0]["picture"].startswith("data:image/png") for slide in slides)


def test_views_of_other_networks_are_not_offered(zoo, reports):
    at = opened("pages/tour")
    assert not bodies(at, "data-view=") and "choose-views" in at.info[0].value


@pytest.mark.slow
@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.key)
def test_a_link_opens_without_a_complaint(view, reports, few_steps, monkeypatch):
    monkeypatch.delenv("ROBUSTSCOPE_MODELS", raising=False)
    at = opened(f"pages/{view.page}", **view.query)
    assert not at.warning and not at.error
    assert {name: query(at).get(name) for name in view.query if name != "epsilon"} == {
        name: text for name, text in view.query.items() if name != "epsilon"
    }
