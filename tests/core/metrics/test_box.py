"""A box of pixels: what may be one, and how much of a map lies in it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigError, InputError
from core.metrics.box import Box, box_shares


@st.composite
def boxes(draw, height=9, width=7):
    top, left = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
    return Box(top, left, draw(st.integers(1, height - top)), draw(st.integers(1, width - left)))


@given(boxes(), st.floats(1e-3, 1e3))
def test_of_an_even_map_a_box_has_its_share_of_the_area(box, level):
    shares = box_shares(np.full((9, 7), level), box)
    assert shares.area == pytest.approx(box.height * box.width / 63)
    assert shares.mass == pytest.approx(shares.area) and shares.positive == pytest.approx(shares.area)
    assert np.isnan(shares.negative)


def test_each_sign_has_a_share_of_its_own_and_masses_do_not_cancel():
    heatmap = np.array([[3.0, -3.0, 0.0], [1.0, 0.0, -1.0]])
    shares = box_shares(heatmap, Box(0, 0, 1, 2))
    assert (shares.mass, shares.positive, shares.negative, shares.area) == (6 / 8, 3 / 4, 3 / 4, 2 / 6)
    assert np.isnan(box_shares(0 * heatmap, Box(0, 0, 1, 2)).mass)


@pytest.mark.parametrize("sides", [
    (0, 0, 0, 1), (0, 0, 1, -1), (-1, 0, 1, 1), (0, 0, 1.0, 1), (0, float("nan"), 1, 1), ("0", 0, 1, 1),
    (True, 0, 1, 1),
])  # fmt: skip
def test_what_is_no_box_is_refused(sides):
    with pytest.raises(ConfigError):
        Box(*sides)


def test_a_box_outside_of_the_picture_is_refused_and_one_up_to_its_edges_is_not():
    assert Box(0, 0, 4, 4).mask(4, 4).all() and Box(3, 1, 1, 2).mask(4, 4).sum() == 2
    for box in (Box(0, 0, 5, 4), Box(1, 0, 4, 1), Box(0, 10**9, 1, 1)):
        with pytest.raises(InputError, match="inside of a picture of 4 rows"):
            box_shares(np.ones((4, 4)), box)
