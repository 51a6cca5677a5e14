"""The charts of the latent report: points where their figures are, and a curve that falls where codes are fooled."""

import numpy as np
import pytest

from app.latent.choice import CODES, MEASURES
from app.latent.figures import Axis, Figure, against, standing
from app.latent.report import AXES, CODE_TITLES
from core.reports.latent.measurements import KINDS

POINTS = {
    "standard": (Figure(0.9, 0.88, 0.92, 200), Figure(0.4, 0.35, 0.44, 100)),
    "pgd-l2": (Figure(0.8, 0.77, 0.83, 200), Figure(0.3, 0.25, 0.36, 100)),
}


def test_points_stand_where_their_figures_are_with_whole_intervals():
    chart = against(POINTS, Axis("Right", share=True), Axis("Severity"), "#000000")
    one, other = chart.data
    assert (one.x[0], one.y[0], other.x[0], other.y[0]) == pytest.approx((90, 0.4, 80, 0.3))
    assert (one.error_x.array[0], one.error_x.arrayminus[0]) == pytest.approx((2, 2))
    assert (other.error_y.array[0], other.error_y.arrayminus[0]) == pytest.approx((0.06, 0.05))
    left, right = chart.layout.xaxis.range
    bottom, top = chart.layout.yaxis.range
    assert left < 77 and right > 92 and bottom < 0.25 and top > 0.44
    assert [note.text for note in chart.layout.annotations] == ["<b>Standard</b>", "<b>Robust, L2</b>"]


def test_networks_that_do_not_differ_still_have_a_plane():
    same = {key: (Figure(0.5, 0.5, 0.5, 10), Figure(0.0, 0.0, 0.0, 10)) for key in ("a", "b")}
    chart = against(same, Axis("Right", share=True), Axis("Severity"), "#000000")
    assert chart.layout.xaxis.range[0] < chart.layout.xaxis.range[1]
    assert chart.layout.yaxis.range[0] < chart.layout.yaxis.range[1]


def test_the_curve_falls_where_codes_are_fooled_and_stays_where_none_is():
    distances = np.array([0.0, 0.2, 0.4, np.inf], np.float32)
    chart = standing({"standard": distances}, 1.0, 0.7, "#000000")
    (line,) = chart.data
    at = {round(float(x), 3): [] for x in line.x}
    for x, y in zip(line.x, line.y, strict=True):
        at[round(float(x), 3)].append(float(y))
    assert at[0.0][-1] == 75 and at[0.2] == [75, 50] and at[0.4] == [50, 25] and at[1.0] == [25]


def test_what_the_page_offers_is_what_the_report_has():
    assert set(CODES) == set(KINDS) == set(CODE_TITLES) and set(MEASURES) == set(AXES)
