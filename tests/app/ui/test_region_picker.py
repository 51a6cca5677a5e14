"""What the linked panels are sent, and what of theirs is believed."""

import base64
from types import SimpleNamespace

import numpy as np
import pytest

from app.ui import region_picker as module
from app.ui.region_picker import LEVELS, Panel, PanelGroup, region_picker
from core.metrics.box import Box, box_shares


@pytest.fixture
def view(monkeypatch):
    """The data that reaches the browser, and the view's box, which starts as one."""
    found = SimpleNamespace(sent={}, box=Box(1, 2, 3, 2), state={})
    fake = SimpleNamespace(now=lambda: found, set_field=lambda name, value: setattr(found, name, value))
    monkeypatch.setattr(module, "session", fake)
    monkeypatch.setattr(module.st, "session_state", found.state)
    monkeypatch.setattr(module, "_component", lambda: lambda **sent: found.sent.update(sent))
    return found


def drawn(view, box):
    """The view's box after the browser said one."""
    region_picker([], 8, 6, "page")
    view.state["region-page"] = {"box": box}
    view.sent["on_box_change"]()
    return view.box


def test_the_share_that_the_browser_sums_is_the_engines_to_a_thousandth(view):
    heatmap = np.random.default_rng(0).normal(size=(8, 6)).astype(np.float32)
    region_picker([PanelGroup("", [Panel("one", "A", "b", "data:", heatmap, "standard")])], 8, 6, "page")
    (panel,) = view.sent["data"]["groups"][0]["panels"]
    levels = np.frombuffer(base64.b64decode(panel["values"]), "<i2").reshape(8, 6).astype(int)
    assert np.abs(levels / LEVELS * panel["scale"] - heatmap).max() <= panel["scale"] / LEVELS
    share = np.abs(levels)[1:4, 2:4].sum() / np.abs(levels).sum()
    assert view.sent["data"]["box"] == [1, 2, 3, 2]
    assert share == pytest.approx(box_shares(heatmap, view.box).mass, abs=1e-3)


def test_a_box_that_is_drawn_becomes_the_views_and_a_cleared_one_goes(view):
    assert drawn(view, [0, 1, 2, 3]) == Box(0, 1, 2, 3)
    assert drawn(view, []) is None


@pytest.mark.parametrize(
    "box", [None, "0,1,2,3", [1, 2, 3], [0, 0, 0, 1], [-1, 0, 1, 1], [0.5, 0, 1, 1], [None] * 4, {}]
)
def test_what_is_no_box_changes_nothing(view, box):
    assert drawn(view, box) == Box(1, 2, 3, 2)
