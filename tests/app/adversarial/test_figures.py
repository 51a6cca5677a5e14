"""The charts of the Adversarial page say what the distances say."""

import numpy as np
import pytest

from app.adversarial.figures import areas, matrix, reach
from app.adversarial.fooling import region_mask
from app.ui.charts import MOST_POINTS, steps
from core.metrics.ara import ara

DISTANCES = np.array([0, 0.01, 0.02, 0.02, np.inf], np.float32)


def test_the_curve_falls_where_images_break_and_not_before():
    x, y = steps(DISTANCES)
    assert np.interp(0.0099, x, y) == pytest.approx(0.8) and np.interp(0.0101, x, y) == pytest.approx(0.6)
    assert y[0] == pytest.approx(0.8) and y[-1] == pytest.approx(0.2) and (np.diff(y) <= 0).all()


def test_the_area_under_the_corners_is_the_exact_one():
    x, y = steps(DISTANCES)
    height = np.maximum(0, y - 0.1)
    area = float(((height[1:] + height[:-1]) / 2 * np.diff(x)).sum())
    assert area == pytest.approx(ara(DISTANCES, 10).value, rel=1e-6)


def test_many_images_are_thinned_without_moving_the_ends():
    many = np.random.default_rng(0).gamma(2, 0.01, 5000)
    x, y = steps(many)
    assert len(x) <= 2 * MOST_POINTS and y[0] == 1 and y[-1] == 0 and x[-1] == pytest.approx(many.max())


def test_the_axis_ends_where_the_last_network_is_no_better_than_a_guess():
    weak, strong = np.full(10, 0.01), np.array([0.02] * 5 + [0.5, 0.6, 0.7, 0.8, 9.0])
    assert reach([weak, strong], 10) == pytest.approx(0.8) and reach([np.zeros(5)], 10) == 0
    assert areas({"standard": weak}, 10, 0.01, "#000000").layout.xaxis.range[1] > 0.01


def test_the_line_of_images_never_broken_goes_on_and_the_area_does_not():
    figure = areas({"standard": DISTANCES, "distilled": np.full(4, np.inf)}, 10, 0.1, "#000000")
    end = figure.layout.xaxis.range[1]
    shade, line, nothing, flat = figure.data
    assert max(shade.x) == pytest.approx(0.02) and line.x[-1] == flat.x[-1] == end
    assert figure.layout.yaxis.title.text == "Still right (%)" and "still right %{y" in line.hovertemplate
    assert line.y[-1] == pytest.approx(20) and list(flat.y) == [100, 100] and max(nothing.x) == 0


def test_a_cell_of_the_matrix_carries_its_networks_and_its_figure():
    accuracy = {("a", "a"): 0.1, ("a", "b"): 0.9, ("b", "a"): 0.5}  # (b, b) was not measured
    figure = matrix(["a", "b"], accuracy, {cell: "-".join(cell) for cell in accuracy}, ("a", "b"), "#000000")
    heat, points = figure.data
    assert heat.z[1][0] == pytest.approx(90) and heat.z[0][1] == pytest.approx(50) and np.isnan(heat.z[1][1])
    assert [(*cell,) for cell in points.customdata] == [("a", "a"), ("b", "a"), ("a", "b")]
    assert list(points.text) == ["10", "50", "90"] and points.hovertext[2] == "a-b"
    framed = figure.layout.shapes[1]  # after the first of the diagonal
    assert (framed.x0 + framed.x1) / 2 == pytest.approx(0) and (framed.y0 + framed.y1) / 2 == pytest.approx(1)


def test_regions_part_the_picture():
    quadrants = [region_mask(name, 28, 28) for name in ("top-left", "top-right", "bottom-left", "bottom-right")]
    assert (np.sum(quadrants, 0) == 1).all() and quadrants[3][27, 27] and quadrants[1][0, 27]
    centre = region_mask("centre", 32, 32)
    assert centre.sum() == 256 and centre[8, 8] and not centre[7, 8] and not centre[24, 24]
