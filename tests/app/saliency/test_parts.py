"""What the Saliency page says about maps: agreement, the best by a measure, the report's spread, and the cascade."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from app.saliency import results, rounding
from app.saliency.agreement import matrix
from app.saliency.measures import best_of, spread_figure, spreads
from app.saliency.report import alignment_rows, methods_matrix, models_matrix, relation_figure
from app.saliency.results import Measuring, known_maps, missing_maps, question_of, quick_maps
from app.saliency.sanity_check import call_for
from app.state.bounded_store import BoundedStore
from app.state.pictures import model_input
from app.ui.sheets import FRAMES, few_steps
from core.data.tasks import task_named
from core.explanations.catalogue import ATTRIBUTION_METHODS
from core.progress import StoppedError
from core.reports.form.report import Report
from core.reports.saliency.report import SaliencyReport
from core.saliency.target import Target
from tests.helpers.saliency import PART, map_of

TASK = task_named("cifar10")
WHOLE = replace(PART, of="top", against="", layer="")  # in float32


@pytest.fixture
def question(zoo, monkeypatch):
    store = BoundedStore(10**8)
    monkeypatch.setattr(results, "map_store", lambda: store)
    return question_of(TASK, model_input("cifar10", "photo:chelsea", "crop", False), WHOLE)


@pytest.mark.slow
def test_quick_maps_are_made_once_and_long_ones_are_left(question):
    models, methods = ("standard", "pgd-l2"), ("occlusion", "smooth-grad", "gradient")
    order = [(found.model, found.method) for found in quick_maps(question, models, methods)]
    assert order == [(model, method) for method in ("gradient", "smooth-grad") for model in models]
    assert list(quick_maps(question, models, methods)) == []
    cells = [(model, "occlusion") for model in models]
    assert {*known_maps(question, models, methods)} == {*order} and missing_maps(question, cells) == cells
    other = replace(question, target=Target(3, 5))
    assert known_maps(other, models, methods) == {}  # another question has other maps


def test_a_map_in_float32_is_another_than_the_quick_one_where_a_method_averages(question):
    low = replace(question, precision="bfloat16")
    assert low.key("standard", "smooth-grad") != question.key("standard", "smooth-grad")
    assert low.key("standard", "gradient") == question.key("standard", "gradient")
    assert low.method("smooth-grad").precision == "bfloat16" and question.method("smooth-grad").precision == "float32"


def test_float32_is_asked_for_wherever_the_server_would_take_bfloat16(monkeypatch):
    monkeypatch.setattr("app.state.device.step_precision", lambda: "bfloat16")
    assert results.precision_of(WHOLE) == "float32"
    assert results.precision_of(replace(WHOLE, precision="")) == "bfloat16"
    assert set(rounding.MEASURED) == {key for key, method in ATTRIBUTION_METHODS.items() if method.averages}
    one = map_of([1.0], method="smooth-grad")
    assert rounding.words(one) == ""
    assert "float64" in rounding.words(replace(one, settings={"precision": "bfloat16"}))


def test_agreement_leaves_out_what_is_not_there_and_is_one_with_itself():
    rng = np.random.default_rng(0)
    first, second = map_of(rng.normal(size=16).tolist()), map_of(rng.normal(size=16).tolist())
    values = matrix([first, None, second], "spearman")
    assert values[0, 0] == pytest.approx(1) and np.isnan(values[1]).all() and np.isnan(values[:, 1]).all()
    assert values[0, 2] == values[2, 0] and -1 < values[0, 2] < 1


def test_the_best_is_by_the_measures_direction_and_of_one_network():
    scores = {
        (("standard", "gradient"), "deletion"): 0.4,
        (("standard", "lime"), "deletion"): 0.2,
        (("standard", "grad-cam"), "deletion"): float("nan"),
        (("pgd-l2", "lime"), "deletion"): 0.1,
        (("standard", "gradient"), "insertion"): 0.4,
        (("standard", "lime"), "insertion"): 0.2,
        (("standard", "grad-cam"), "insertion"): "no place",
        (("standard", "gradient"), "sparsity"): 0.4,
        (("standard", "lime"), "sparsity"): 0.2,
    }
    assert best_of(scores, "deletion", "standard", 3) == ("standard", "lime")
    assert best_of(scores, "insertion", "standard", 3) == ("standard", "gradient")
    assert best_of(scores, "sparsity", "standard", 2) is None and best_of(scores, "deletion", "pgd-l2", 1) is None
    assert best_of(scores, "deletion", "standard", 4) is None  # one map is not measured yet


def test_the_best_of_maps_that_may_know_nothing_is_not_called_best():
    """Of 128 draws chance makes 0.99 of a map that knows nothing; 0.97 is beyond that."""
    cells = [("standard", method) for method in ("gradient", "lime")]
    for low, best in ((0.99, None), (0.97, cells[0])):
        scores = {(cells[0], "infidelity"): low, (cells[1], "infidelity"): 1.0}
        assert best_of(scores, "infidelity", "standard", 2) == best


def test_the_report_tells_of_these_weights_alone_and_of_no_relation_among_others():
    rows = ({"model": "standard", "sha256": "a"}, {"model": "pgd-l2", "sha256": "old"}, {"model": "", "sha256": ""})
    arrays = dict.fromkeys(("pgd__standard", "pgd__pgd-l2", "between-ssim__standard__pgd-l2"), np.zeros(1))
    report = SaliencyReport(Report("cifar10", "saliency", {}, {}, rows), arrays)
    cards = {"standard": SimpleNamespace(sha256="a"), "pgd-l2": SimpleNamespace(sha256="new")}
    found = results.current(report, cards)
    assert found.report.rows == rows[:1] and [*found.arrays] == ["pgd__standard"]
    assert results.current(report, cards | {"pgd-l2": SimpleNamespace(sha256="old")}) is report
    assert results.current(report, {}) is None


def test_the_spread_leaves_out_what_has_no_meaning():
    part = replace(PART, methods=("gradient",), measures=("sparsity",))
    arrays = {"sparsity__standard__gradient": np.array([0.1, np.nan, 0.3], np.float32)}
    report = SaliencyReport(SimpleNamespace(), arrays)
    found = spreads(report, ("standard", "pgd-l2"), part)
    cell = ("standard", "gradient")
    assert [*found] == [(cell, "sparsity")] and found[cell, "sparsity"] == pytest.approx([0.1, 0.3])
    figure = spread_figure({cell: found[cell, "sparsity"]}, ("gradient",), {cell: 0.27}, "#000000")
    marks = [trace for trace in figure.data if trace.marker.symbol == "diamond"]
    assert [list(trace.x) for trace in marks] == [[0.27]]
    without = spread_figure({cell: found[cell, "sparsity"]}, ("gradient",), {cell: None}, "#000000")
    assert not [trace for trace in without.data if trace.marker.symbol == "diamond"]


def test_the_reports_matrices_are_of_the_methods_and_networks_shown_in_their_order():
    within = np.array([[1, 0.5, 0.2], [0.5, 1, 0.3], [0.2, 0.3, 1]], np.float32)
    arrays = {
        "within-ssim__standard": within,
        "within-ssim__pgd-l2": within,
        "between-ssim__standard__pgd-l2": np.array([0.7, 0.8, 0.9], np.float32),
    }
    settings = {"methods": ["gradient", "grad-cam", "lime"]}
    report = SaliencyReport(Report("cifar10", "saliency", settings, {}, ()), arrays)
    found = methods_matrix(report, "standard", ("lime", "occlusion", "grad-cam"), "ssim")
    assert found[[0, 0, 2], [0, 2, 2]] == pytest.approx([1, 0.3, 1]) and np.isnan(found[1]).all()
    assert np.isnan(methods_matrix(report, "standard", ("lime",), "cosine")).all()
    for models in (("standard", "pgd-l2"), ("pgd-l2", "standard")):
        assert models_matrix(report, "lime", models, "ssim") == pytest.approx(np.array([[1, 0.9], [0.9, 1]]))
    found = models_matrix(report, "grad-cam", ("standard", "trades"), "ssim")
    assert found[0, 0] == 1 and np.isnan(found[1]).all() and np.isnan(found[0, 1])
    assert np.isnan(models_matrix(report, "occlusion", ("standard",), "ssim")).all()


def test_a_relation_has_a_point_for_each_network_whose_robustness_is_known():
    rows = [
        {"model": key, "method": "", "measure": "alignment", "value": value, "value_low": value - 1,
         "value_high": value + 1, "value_n": 200} for key, value in (("standard", 2.0), ("pgd-l2", 5.0), ("noise", 1.0))
    ]  # fmt: skip
    report = SaliencyReport(Report("cifar10", "saliency", {}, {}, tuple(rows)), {})
    points = alignment_rows(report, {"standard": 0.0, "pgd-l2": 0.6})
    assert [(row["model"], robust) for row, robust in points] == [("standard", 0.0), ("pgd-l2", 0.6)]
    figure = relation_figure(points, "accuracy", "#000000")
    assert [(trace.x[0], trace.y[0]) for trace in figure.data] == [(2.0, 0.0), (5.0, 0.6)]
    assert all(low < 1 and high > 6 for low, high in [figure.layout.xaxis.range])


def test_a_measure_is_that_of_the_engine_and_one_without_its_needs_is_a_sentence(question):
    (found,) = quick_maps(question, ("standard",), ("gradient",))
    measuring = Measuring(question, None)
    values = np.sort(np.abs(found.heatmap).ravel())
    n = len(values)
    gini = 1 - 2 * np.sum(values / values.sum() * (n - np.arange(1, n + 1) + 0.5) / n)
    assert measuring.now(found, "sparsity") == pytest.approx(gini, abs=1e-5)
    assert "needs the object's place" in measuring.now(found, "pointing-game")
    on_top = np.zeros((32, 32), bool)
    on_top[np.unravel_index(found.heatmap.argmax(), (32, 32))] = True
    assert Measuring(question, on_top).now(found, "pointing-game") == 1.0
    assert -1 <= measuring.now(found, "stability-attack") <= 1


def test_the_cascade_begins_with_the_map_that_is_shown_and_ends_with_no_layer_left(question):
    for _ in quick_maps(question, ("pgd-linf",), ("gradient",)):
        pass
    shown = known_maps(question, ("pgd-linf",), ("gradient",))["pgd-linf", "gradient"]
    told = []
    (made,) = call_for(question, "gradient", [shown])(lambda done, of: told.append((done, of)), lambda: False)
    assert np.allclose(made.heatmaps[0], shown.heatmap, atol=1e-6) and made.similarity[0] == pytest.approx(1)
    assert made.layers[0] == "" and told[-1][0] == told[-1][1] == len(made.layers)
    assert abs(made.similarity[-1]) < 0.9 and torch.isfinite(torch.from_numpy(made.heatmaps)).all()
    with pytest.raises(StoppedError):  # a stop is no failure of the method
        call_for(question, "gradient", [shown])(lambda done, of: None, lambda: True)


@pytest.mark.parametrize("steps", [0, 1, 3, 7, 24])
def test_the_strip_has_the_first_and_the_last_step(steps):
    found = few_steps(steps)
    assert len(found) == min(steps, FRAMES) and found == sorted({*found})
    assert not steps or (found[0], found[-1]) == (0, steps - 1)
