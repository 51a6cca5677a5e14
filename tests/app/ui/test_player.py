"""What the player is sent: frames pixel by pixel, and values that JSON can carry."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from app.ui import player as module
from app.ui.player import Line, Series, Track, player, steps_npz, steps_png


@pytest.fixture
def sent(monkeypatch):
    """The data that reaches the browser."""
    found = {}
    monkeypatch.setattr(module, "_component", lambda: lambda key, data: found.update(data, key=key))
    return found


def test_frames_arrive_side_by_side_to_the_last_bit_and_cut_to_the_range(sent):
    frames = np.random.default_rng(0).uniform(-0.2, 1.2, (5, 3, 8, 6)).astype(np.float32)
    player([Track("a", "#112233", frames, [str(step) for step in range(5)])], (), "key", step="Moment", start=0)
    (track,) = sent["tracks"]
    strip = np.asarray(Image.open(io.BytesIO(base64.b64decode(track["strip"].split(",", 1)[1]))))
    for step, frame in enumerate(frames):
        levels = np.rint(frame.clip(0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)
        assert np.array_equal(strip[:, 6 * step : 6 * step + 6], levels)
    assert (track["count"], track["reference"], track["captions"][4]) == (5, 0, "4")
    assert (sent["step"], sent["start"], sent["key"], sent["places"]) == ("Moment", 0, "key", [])


def test_what_stands_beside_a_track_goes_with_it_to_the_browser_and_into_its_files(sent):
    frames, maps = np.zeros((3, 3, 4, 4), np.float32), np.linspace(0, 1, 144, dtype=np.float32).reshape(3, 3, 4, 4)
    track = Track("a", "#112233", frames, beside=maps, beside_name="its map")
    player([track, Track("b", "#445566", frames)], (), "key", modes=("beside",))
    first, second = sent["tracks"]
    strip = np.asarray(Image.open(io.BytesIO(base64.b64decode(first["beside"].split(",", 1)[1]))))
    assert np.array_equal(strip[:, 4:8], np.rint(maps[1] * 255).astype(np.uint8).transpose(1, 2, 0))
    assert (first["besideName"], second["beside"]) == ("its map", None)
    arrays = np.load(io.BytesIO(steps_npz([track], (), ())))
    assert np.array_equal(arrays["beside_1"], maps)
    alone, both = (
        Image.open(io.BytesIO(steps_png([one], ()))).height for one in (Track("b", "#445566", frames), track)
    )
    assert both > 1.5 * alone


def test_values_that_are_not_finite_are_left_out_of_a_curve(sent):
    grey = np.zeros((2, 1, 4, 4), np.float32)
    line = Line([0.25, float("nan"), float("inf")], "#112233", "a", faint=True)
    player([Track("a", "#112233", grey)], [Series("Loss", [line], mark=0.1, mark_name="ρ")], "key")
    (series,) = sent["series"]
    assert series["lines"][0]["values"] == [0.25, None, None] and series["lines"][0]["faint"] is True
    assert (series["mark"], series["markName"], sent["start"]) == (0.1, "ρ", None)
