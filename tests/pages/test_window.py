"""The window on a picture's values: offered where it matters, said in the caption, part of the view and of its link."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.helpers.pages import bodies, checked, query, upload

PAGE = "streamlit_app"
pytestmark = pytest.mark.slow
SCAN = np.random.default_rng(1).integers(0, 4096, (40, 50)).astype(np.uint16)


def file(values: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(values).save(out, "PNG")
    return out.getvalue()


def caption(at) -> str:
    return next(item.value for item in at.caption if "what the networks see" in item.value)


def keys(at) -> set[str]:
    return {str(item.key) for item in at.button}


def test_a_scan_is_stretched_at_one_click_and_its_window_stays_out_of_the_address(visit):
    at = checked(upload(visit(models="standard"), "scan.png", file(SCAN)))
    assert "6.2 % of its range" in caption(at) and "window.stretch" in keys(at)
    before = bodies(at, "data-answer")
    address = query(at)
    checked(at.button(key="window.stretch").click().run())
    assert f"from {SCAN.min()} to {SCAN.max()}" in caption(at) and "Windowed here" in caption(at)
    assert bodies(at, "data-answer") != before and "window.stretch" not in keys(at)
    assert query(at) == address and "window" not in address


def test_level_and_width_are_the_files_values_and_a_width_is_above_zero(visit):
    at = checked(upload(visit(models="standard"), "scan.png", file(SCAN)))
    checked(at.button_group(key="window.kind").set_value("values").run())
    assert at.number_input(key="window.level").value == 65535 / 2 and at.number_input(key="window.width").value == 65535
    checked(at.number_input(key="window.level").set_value(1000.0).run())
    checked(at.number_input(key="window.width").set_value(500.0).run())
    assert "from 750 to 1250 (level 1000, width 500)" in caption(at)
    checked(at.number_input(key="window.width").set_value(-5.0).run())
    assert "level 1000, width 0.4" in caption(at)  # the least that the control takes


def test_another_picture_comes_as_its_file_says_and_without_the_control(visit):
    at = checked(upload(visit(models="standard"), "scan.png", file(SCAN)))
    checked(at.button(key="window.stretch").click().run())
    checked(at.button(key="pick-photo-coffee").click().run())
    assert "Windowed" not in caption(at)
    assert not [group for group in at.button_group if group.key == "window.kind"]


def test_a_link_holds_the_window_of_a_gallery_picture_and_shows_the_same_again(visit):
    at = visit(models="standard", image="photo:coffee", window="percentiles:5:95")
    assert "the percentiles 5 and 95" in caption(at) and query(at)["window"] == "percentiles:5:95"
    checked(at.slider(key="window.percentiles").set_value((1.0, 99.0)).run())
    assert query(at)["window"] == "percentiles:1:99"
    again = visit(**query(at))
    assert caption(again) == caption(at) and bodies(again, "data-answer") == bodies(at, "data-answer")
