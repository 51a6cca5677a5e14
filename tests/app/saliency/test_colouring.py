"""Colours of saliency maps: the same value has the same colour on one scale, and an overlay shows the picture."""

from dataclasses import replace

import numpy as np
import pytest

from app.saliency.colouring import map_pixels, scales, strength, why_empty
from tests.helpers.saliency import PICTURE, map_of


def test_strength_grows_darker_and_knows_no_sign():
    ramp = strength(np.linspace(0, 1, 64, dtype=np.float32)[None], 1.0)[0] @ [0.299, 0.587, 0.114]
    assert (np.diff(ramp) <= 0).all() and ramp[0] - ramp[-1] > 180
    assert np.array_equal(strength(np.array([[-0.3]]), 1.0), strength(np.array([[0.3]]), 1.0))


def test_signed_colours_tell_the_sign_and_strength_does_not():
    made = map_of([0.5, -0.5])
    up, down = map_pixels(made, 1.0, "signed", 0)[0, :2].astype(int)
    assert up[0] > up[2] and down[2] > down[0]
    up, down = map_pixels(made, 1.0, "strength", 0)[0, :2]
    assert np.array_equal(up, down)


def test_a_zero_value_over_the_picture_leaves_the_grey_picture():
    made = map_of([0.0, 1.0])
    grey = np.rint(np.tensordot([0.299, 0.587, 0.114], PICTURE.astype(np.float64), 1) * 255)
    shown = map_pixels(made, 1.0, "signed", 100)
    assert np.abs(shown[:, 0] - grey[:, 0, None]).max() <= 1
    assert np.array_equal(shown[:, 1], map_pixels(made, 1.0, "signed", 0)[:, 1])  # the strongest cover it whole


@pytest.mark.parametrize(("share", "expected"), [("own", [1, 2, 8]), ("method", [2, 2, 8]), ("all", [8, 8, 8])])
def test_who_shares_a_scale(share, expected):
    found = {
        ("standard", "gradient"): map_of([1.0]),
        ("pgd-l2", "gradient"): map_of([-2.0], "pgd-l2"),
        ("standard", "lime"): map_of([8.0], method="lime"),
    }
    assert list(scales(found, share).values()) == expected


def test_a_map_of_zeros_is_a_sentence_and_another_problem_is_its_own():
    assert "zero at every pixel" in why_empty(map_of([0.0])) and why_empty(map_of([0.1])) == ""
    assert why_empty(replace(map_of([0.0]), problem="No.")) == "No."
    assert scales({("standard", "gradient"): map_of([0.0])}, "own") == {("standard", "gradient"): 1.0}
