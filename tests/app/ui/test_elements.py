"""What is drawn: signed colours, shared scales, amplification, and figures in words."""

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from app.state.epsilon_scale import dial, radius_text
from app.ui import map_png
from app.ui.colours import model_colour, shade, signed_colours
from app.ui.elements import clean_in_words, figures_in_words, percent, two_figures
from core.data.tasks import CIFAR10, FASHION_MNIST
from core.models.resnet import ResNetConfig
from core.models.zoo import Card


def levels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def test_the_signed_scale_is_white_at_zero_and_as_strong_for_minus_as_for_plus():
    colours = signed_colours(np.array([[-2.0, -0.5, 0.0, 0.5, 2.0]], np.float32), 2.0)
    assert (colours[0, 2] == 247).all()
    np.testing.assert_allclose(shade(np.array([-0.5, 0.5, 2.0, 9.0]), 2.0), [0.5, 0.5, 1.0, 1.0])
    assert colours[0, 4, 0] > colours[0, 4, 2] and colours[0, 0, 2] > colours[0, 0, 0]  # orange raises, purple lowers


def test_a_constant_zero_map_is_drawn():
    assert (levels(map_png.signed_map(np.zeros((4, 4), np.float32), 1.0)) == 247).all()


def test_enlarging_keeps_every_pixel_a_square_of_its_own_colour():
    x = np.random.default_rng(0).random((3, 32, 32), dtype=np.float32)
    shown = levels(map_png.enlarge(x))
    assert shown.shape[:2] == (320, 320)
    np.testing.assert_array_equal(shown[::10, ::10], np.rint(x.transpose(1, 2, 0) * 255))
    np.testing.assert_array_equal(shown[::10, ::10], shown[9::10, 9::10])


def test_overlay_shows_the_grey_picture_where_the_map_is_zero():
    x = np.random.default_rng(0).random((3, 8, 8), dtype=np.float32)
    heat = np.zeros((8, 8), np.float32)
    heat[0, 0] = 1.0
    shown = levels(map_png.overlay(heat, x, 1.0, 1.0))[:: 336 // 8, :: 336 // 8]
    grey = np.rint(np.tensordot([0.299, 0.587, 0.114], x, 1) * 255)
    np.testing.assert_array_equal(shown[1:, :, 0], grey[1:])
    np.testing.assert_array_equal(shown[0, 0], [127, 59, 8])


def test_amplification_fills_half_the_range_with_the_largest_change_of_all():
    small, large = np.full((3, 2, 2), 1 / 255, np.float32), np.full((3, 2, 2), -8 / 255, np.float32)
    assert map_png.amplification([small, large]) == 15
    assert map_png.amplification([small * 0]) == 1
    assert levels(map_png.amplify(large, 15)).max() == pytest.approx(255 * 0.5 - 15 * 8, abs=0.6)


def test_models_keep_their_own_colours():
    colours = [model_colour(key) for key in ("standard", "pgd-linf", "pgd-l2", "trades", "distilled")]
    assert len(set(colours)) == 5 and all(re.fullmatch("#[0-9A-F]{6}", colour) for colour in colours)


@pytest.mark.parametrize(
    ("task", "norm", "top", "reported", "start", "text"),
    [
        (CIFAR10, "linf", 16, 8, 2, "8/255"),
        (CIFAR10, "l2", 1.0, 0.5, 0.1, "0.50 (L2)"),
        (FASHION_MNIST, "linf", 51, 26, 6, "26/255"),
        (FASHION_MNIST, "l2", 3.0, 1.5, 0.3, "1.50 (L2)"),
    ],
)
def test_the_slider_reaches_twice_the_reported_radius(task, norm, top, reported, start, text):
    scale = dial(task, norm)
    assert (scale.top, scale.reported, scale.start, scale.text(scale.reported)) == (top, reported, start, text)
    assert scale.snap(scale.top + 1) == scale.top and scale.snap(-1) == 0


CARD = Card("cifar10", "standard", ResNetConfig(), "", {}, 0, "", {}, "", 0)
ROWS = (
    {"clean": 0.9243, "clean_n": 10000, "robust": 0.0, "robust_n": 1000, "norm": "linf", "epsilon": 8 / 255},
    {"clean": 0.9243, "clean_n": 10000, "robust": 0.012, "robust_n": 1000, "norm": "l2", "epsilon": 0.5},
)


def test_figures_say_what_they_were_measured_on():
    card = replace(CARD, figures=ROWS, measured={"settings": {"steps": 50, "restarts": 3}})
    assert figures_in_words(card) == [
        "92.4 % right on clean test images (n = 10,000)",
        "0.0 % under PGD-50 at 8/255 (n = 1,000)",
        "1.2 % under PGD-50 at L2 0.5 (n = 1,000)",
    ]
    assert clean_in_words(card) == "92.4 % right on test images"


@pytest.mark.parametrize("rows", [(), ({"clean": "92 %"},), ({**ROWS[0], "epsilon": None},)])
def test_figures_that_are_not_there_are_not_made_up(rows):
    assert figures_in_words(replace(CARD, figures=rows)) == ["Accuracy not measured"]
    assert clean_in_words(replace(CARD, figures=rows)) == ""


def test_radii_for_people():
    assert [radius_text("linf", 8 / 255), radius_text("linf", 0.1), radius_text("l2", 1.5)] == [
        "8/255",
        "0.1",
        "L2 1.5",
    ]
    assert percent(0.98765) == "98.8 %"


def test_two_figures_are_written_without_powers_of_ten():
    assert [two_figures(value) for value in (0, 0.00243, 1, 3.14, 291.3)] == ["0", "0.0024", "1", "3.1", "290"]
