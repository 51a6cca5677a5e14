"""The box of a click: around the place, whole, within the picture."""

import pytest

from app.ui.region_pointer import box_at
from core.metrics.box import Box


@pytest.mark.parametrize(
    ("at", "box"),
    [((0.5, 0.25), Box(14, 6, 4, 4)), ((0.0, 0.0), Box(0, 0, 4, 4)), ((1.0, 1.0), Box(28, 28, 4, 4))],
)
def test_a_box_stands_around_the_place_and_within_the_picture(at, box):
    assert box_at(*at, 32, 32) == box


def test_a_picture_of_few_pixels_is_pointed_at_by_one():
    assert box_at(0.9, 0.1, 5, 7) == Box(4, 0, 1, 1)
