"""What it costs: the simulation against what is known of queues, and the page against the figures that ship with it."""

import json

import pytest

from benchmarks.costs.__main__ import FILES, measured
from benchmarks.costs.page import page, pause_between
from benchmarks.costs.visitors import most_visitors, simulate
from benchmarks.load.actions import WEIGHTS
from benchmarks.load.measured import Interaction, interactions, rows_of
from tests.helpers.pages import ROOT

EVERY_KIND = [Interaction("compare", kind, "x", 0.5, 0.1, 2000) for kind in WEIGHTS]
PRICE = 0.05


def test_who_is_alone_waits_for_the_work_itself():
    waits = simulate(EVERY_KIND, visitors=1, cores=1.0, pause=8.0, seconds=600, seed=0)
    assert waits.p50 == pytest.approx(0.1) == waits.p95 and waits.cores == pytest.approx(0.1 / 8.1, rel=0.2)


def test_where_the_cores_are_full_each_waits_for_all_others_work_less_their_pause():
    """By the law of response times of closed queues: visitors x work / cores - pause."""
    waits = simulate(EVERY_KIND, visitors=240, cores=2.0, pause=8.0, seconds=600, seed=0)
    assert waits.p50 == pytest.approx(240 * 0.1 / 2 - 8, rel=0.1) and waits.cores == pytest.approx(2.0, rel=0.01)


def test_the_most_visitors_are_those_before_it_grows_slow():
    most = most_visitors(EVERY_KIND, cores=0.2, pause=8.0, seconds=300, seed=0)
    assert simulate(EVERY_KIND, most, 0.2, 8.0, 300, 0).good
    assert not simulate(EVERY_KIND, most + 1, 0.2, 8.0, 300, 0).good


def test_interactions_come_back_from_their_rows():
    assert interactions(json.loads(json.dumps(rows_of(EVERY_KIND)))) == EVERY_KIND


def test_pauses_are_what_is_left_of_the_time_of_those_who_were_there():
    pages = {"together": rows_of(EVERY_KIND * 10), "settings": {"minutes": 2, "sessions": 3}}
    assert pause_between(pages) == pytest.approx(120 * 3 / 60 - 0.5)


@pytest.mark.slow
def test_the_page_is_what_the_measured_figures_say():
    assert (ROOT / "docs" / "guide" / "costs.md").read_text() == page(*(measured(name) for name in FILES), PRICE)
