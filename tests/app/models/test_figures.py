"""Charts of the Models page: exact numbers, names that keep apart, and no break on vanished gradients."""

import numpy as np
import pytest

from app.models import figures
from app.models.claims import measurement
from app.models.standings import Share
from app.ui import charts
from app.ui.claims import verdict
from core.metrics.survival_curve import survival_curve

INK = "#14273D"


def test_places_are_moved_up_only_as_far_as_needed():
    np.testing.assert_allclose(charts.spread_labels(np.array([0.0, 1.0, 100.0, 0.5]), 10), [0, 20, 100, 10])
    moved = charts.spread_labels(np.random.default_rng(0).random(12) * 50, 19)
    assert np.diff(np.sort(moved)).min() >= 19 - 1e-9


def test_log_odds_of_probabilities():
    p = np.array([0.5, 0.9, 1e-3], np.float64)
    np.testing.assert_allclose(figures.log_odds(np.log(p)), np.log(p / (1 - p)), rtol=1e-9)
    np.testing.assert_array_equal(figures.log_odds(np.array([0.0, -1e-12, -1e4, -np.inf])), [12, 12, -12, -12])


def test_curves_are_in_percent_with_their_band():
    curve = survival_curve(np.array([0, 0.5, 1, np.inf]), np.array([0.5, 1.0]))
    figure = figures.curves({"standard": curve}, "l2", 0.5, INK)
    band, line = figure.data
    np.testing.assert_allclose(line.y, [75, 50, 25])
    np.testing.assert_allclose(line.x, [0, 0.5, 1])
    assert (np.asarray(band.y[:3]) > line.y).all() and (np.asarray(band.y[3:])[::-1] < line.y).all()
    assert figures.curves({"standard": curve}, "linf", 0.5, INK).data[1].x[1] == pytest.approx(127.5)


def test_points_stand_where_their_accuracies_say_and_names_keep_apart():
    share = Share(0.9, 0.88, 0.92, 100)
    points = [(key, share, Share(0.001 * i, 0, 0.1, 100)) for i, key in enumerate(("standard", "noise", "distilled"))]
    points.append(("pgd-linf", Share(0.7, 0.65, 0.75, 100), Share(0.4, 0.35, 0.45, 100)))
    figure = figures.trade_off(points, "PGD-50", INK)
    assert [(trace.x[0], trace.y[0]) for trace in figure.data][3] == (70, 40)
    assert figure.data[3].error_x.array[0] == pytest.approx(5)
    names = {note.text: note for note in figure.layout.annotations}
    assert all("<b>" in text for text in names) and len(names) == 4
    (left, right), (low, top) = figure.layout.xaxis.range, figure.layout.yaxis.range
    middles = np.array(
        [((n.x - left) / (right - left) * 330 + n.ax, (n.y - low) / (top - low) * 380 - n.ay) for n in names.values()]
    )
    halves = np.array([(7.6 * len(text[3:-4]) / 2, 9) for text in names])
    apart = np.abs(middles[:, None] - middles) - halves[:, None] - halves
    assert (apart.max(2)[~np.eye(4, dtype=bool)] > 0).all()
    assert (middles - halves >= 0).all() and (middles + halves <= (330, 380)).all()


def test_every_image_is_in_the_histogram_also_beyond_its_ends():
    sure = np.array([0.0, -1e-30, -500.0, -0.7], np.float32)
    figure = figures.certainty({"distilled": sure, "standard": sure[3:]}, INK)
    assert [sum(trace.y) for trace in figure.data] == pytest.approx([100, 100])
    assert figure.data[0].y[-1] == 50 and figure.data[0].y[0] == 25


def test_boxes_show_quantiles_and_draw_vanished_gradients_at_the_floor():
    values = np.arange(1, 102, dtype=np.float32)
    figure = figures.gradient_norms({"standard": (values, values * np.nan)}, INK)
    true, other = figure.data[:2]
    assert (true.lowerfence[0], true.q1[0], true.median[0], true.q3[0], true.upperfence[0]) == (6, 26, 51, 76, 96)
    assert other.median[0] == figures.NO_GRADIENT  # no number counts as no gradient
    assert figure.layout.xaxis.type == "log"


@pytest.mark.parametrize("values", [[0.001, 46.4, 0.0], [0.0, 0.0, 0.0], [1.0, 1.2, 1.1]])
def test_losses_have_marks_that_keep_apart(values):
    figure = figures.losses(["x", "worse", "same"], values, "standard", INK)
    np.testing.assert_allclose(np.square(figure.data[0].x), values, atol=1e-12)
    marks, end = np.array(figure.layout.xaxis.tickvals), figure.layout.xaxis.range[1]
    assert len(marks) >= 3 and (np.diff(marks) > 0.1 * end).all() and marks[-1] <= end


def test_the_chosen_epoch_is_marked():
    figure = figures.course(np.linspace(0, 1, 101), 40, "p", (0.0, 1.1), INK)
    assert (figure.data[1].x[0], figure.data[1].y[0]) == (40, pytest.approx(0.4))


ROW = {"measure": "accuracy", "difference": -0.123, "difference_low": -0.2, "difference_high": -0.05, "n": 1300}


def test_a_claim_is_told_with_its_interval():
    assert measurement(ROW) == "accuracy: −12.3 points (95 %: −20.0 to −5.0; n = 1,300)"
    assert measurement(ROW | {"difference": None}) == "accuracy: not measured"
    equal = ROW | {"difference_low": None, "difference_high": None, "least": 0.0, "most": 0.0, "n": 3}
    assert measurement(equal) == "accuracy: +0.0 points in each of 3 trainings: no interval"
    assert measurement(ROW | {"unit": "rmse"}) == "accuracy: −0.1230 RMSE (95 %: −0.2000 to −0.0500; n = 1,300)"


@pytest.mark.parametrize(
    ("held", "said"),
    [
        *[(["yes"], "yes"), (["no", "no"], "no"), (["yes", "no"], "part"), (["no", "undecided"], "against")],
        *[([None], "undecided"), (["<b>"], "undecided"), (["yes", "undecided"], "part")],
    ],
    ids=str,
)
def test_a_claim_holds_only_if_all_its_measures_do(held, said):
    assert verdict([{"holds": one} for one in held]) == said
