"""The charts of the Anomaly page say what the numbers say."""

import csv
import json
from dataclasses import replace
from io import BytesIO, StringIO

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from app.anomaly import figures
from app.anomaly.batch_table import as_parquet, filter_order, verdicts_csv
from app.anomaly.files import judged_npz
from app.anomaly.names import share_text, strength_text, verdict
from app.anomaly.report_figures import Point, against, severity, shade, span_of
from app.ui.charts import faint
from app.ui.colours import model_colour
from core.anomaly.batch_table import ManyScores, to_csv
from core.anomaly.catalogue import DETECTORS
from core.anomaly.verdict import Verdict, changes, strengths
from core.data.tasks import CIFAR10, FASHION_MNIST

INK = "#14273D"
NORMALS = np.random.default_rng(0).lognormal(3, 0.4, 1000)


def test_bars_beyond_the_threshold_are_red_and_hold_the_share_that_is_flagged():
    cut = float(np.sort(NORMALS)[-50])
    figure = figures.distribution(NORMALS, 30.0, cut, "standard", INK)
    bars = figure.data[0]
    red = np.array([colour == figures.ALARM for colour in bars.marker.color])
    assert sum(bars.y) == pytest.approx(100) and 3 < sum(np.array(bars.y)[red]) <= 6
    assert (np.array(bars.x)[red] >= np.log10(cut)).all()
    assert figure.layout.shapes[0].x0 == pytest.approx(np.log10(30.0))
    none = figures.distribution(NORMALS, 30.0, np.inf, "standard", INK)
    assert figures.ALARM not in none.data[0].marker.color


def test_a_picture_far_outside_is_drawn_at_the_edge_and_says_so():
    far = figures.distribution(NORMALS - 50, 1e6, 10.0, "standard", INK)
    start, end = far.layout.xaxis.range
    assert start < far.layout.shapes[0].x0 <= end < 1e3 and "further out" in far.layout.annotations[0].text
    near = figures.distribution(NORMALS, float(np.median(NORMALS)), 90.0, "standard", INK)
    assert near.layout.annotations[0].text == "<b>this picture</b>"


def test_only_dots_outside_of_the_band_are_red():
    band = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [2.0, 2.0, 2.0]])
    names = ("stem.weight", "stages.0.0.conv1.weight", "head.weight")
    figure = figures.profile(names, band, np.array([-0.1, 1.5, 2.1]), (-1, 3), "standard", INK)
    dots = figure.data[-1]
    assert list(dots.marker.color) == [figures.ALARM, INK, figures.ALARM] and list(dots.y) == [-0.1, 1.5, 2.1]
    assert list(figure.data[0].base) == [0, 0, 0] and list(figure.data[0].y) == [2, 2, 2]
    assert list(figure.layout.xaxis.ticktext) == ["in", "1", "out"]
    assert figure.data[0].marker.color == faint(model_colour("standard"), 0.28)


def test_the_course_shows_every_p_value_and_marks_the_step():
    p_values = {"standard": np.array([0.5, 0.02, 0.001]), "pgd-linf": np.array([0.5, 0.4, 0.3])}
    figure = figures.course(p_values, ("none", "1/255", "2/255"), 1, 0.05, 0.001, INK)
    for line, values in zip(figure.data, p_values.values(), strict=True):
        assert np.allclose(line.y, values * 100) and line.marker.size[1] > line.marker.size[0]
    low, high = figure.layout.yaxis.range
    assert 10**low < 0.1 and 10**high > 100


def test_the_histogram_counts_every_picture():
    p_values = {"standard": np.array([0.001, 0.04, 0.5, 1.0])}
    (bars,) = figures.many(p_values, 0.05, INK).data
    assert list(bars.y[:1]) == [2] and sum(bars.y) == 4 and bars.y[-1] == 1


def test_filters_keep_what_they_say_oddest_first():
    p_values = {"a": np.array([0.5, 0.01, 0.2, np.nan]), "b": np.array([0.9, 0.02, 0.03, np.nan])}
    assert filter_order(p_values, "all", 0.05).tolist() == [1, 2, 0, 3]
    assert filter_order(p_values, "flagged", 0.05).tolist() == [1, 2]
    assert filter_order(p_values, "split", 0.05).tolist() == [2]
    assert filter_order(p_values, "unread", 0.05).tolist() == [3]
    assert filter_order(p_values, "flagged", 0.015).tolist() == [1]


@pytest.mark.parametrize(
    ("p_value", "alpha", "count", "said"),
    [
        (0.02, 0.05, 999, "Flagged: only 2.0 % of normal pictures look this odd."),
        (0.05, 0.05, 999, "Flagged: only 5.0 % of normal pictures look this odd."),
        (0.051, 0.05, 999, "Not flagged: 5.1 % of normal pictures look at least this odd."),
        (0.001, 0.05, 999, "Flagged: none of 999 normal pictures looks this odd."),
        (0.02, 0.01, 49, "Not flagged: 49 normal pictures are too few to promise 1 %."),
        (0.4, 0.05, 999, "Not flagged: 40 % of normal pictures look at least this odd."),
    ],
)
def test_a_verdict_is_said_in_plain_words(p_value, alpha, count, said):
    assert verdict(p_value, alpha, count) == said


def test_a_share_that_is_just_above_the_rate_never_looks_like_it():
    assert share_text(0.0995) == "10 %" and share_text(0.0994) == "9.9 %"


def test_strengths_are_said_in_their_units():
    assert [strength_text(CIFAR10, "pgd", step) for step in range(6)] == [
        "none", "1/255", "2/255", "4/255", "8/255", "16/255",
    ]  # fmt: skip
    assert strength_text(FASHION_MNIST, "fgsm", 1) == "0.0125" and strength_text(CIFAR10, "jpeg", 5) == "severity 5"
    assert {len(strengths(CIFAR10, change)) for change in changes()} == {6}


def test_the_report_s_points_stand_where_their_figures_are():
    found = {"attack": {("standard", "pgd"): Point(0.9, 0.8, 0.95), ("pgd-l2", "pgd"): Point(0.4, 0.3, 0.5)}}
    figure = against(found, ["standard", "pgd-l2"], INK)
    one, other = figure.data
    assert list(one.x) == [0.9] and list(one.error_x.array) == pytest.approx([0.05]) and list(other.x) == [0.4]
    assert one.y[0] != other.y[0] and figure.layout.xaxis.range[0] <= 0.28
    points = {"standard": [Point(0.5, 0.4, 0.6), Point(0.7, 0.6, 0.8)]}
    band, line = severity(points, span_of({"jpeg": points}), INK).data
    assert list(line.y) == [0.5, 0.7] and list(line.x) == [1, 2] and list(band.y) == [0.6, 0.8, 0.6, 0.4]
    assert span_of({"jpeg": points})[0] < 0.4 and span_of({"x": {"a": [Point(0.9, 0.8, 1.0)]}})[0] == 0.45


def test_a_figure_is_pale_at_a_guess_and_its_text_can_be_read():
    grounds = [shade(value)[0] for value in (0.0, 0.5, 1.0)]
    assert len(set(grounds)) == 3 and shade(0.5)[1] == INK and shade(1.0)[1] == shade(0.0)[1] == "#FFFFFF"


def test_files_hold_every_row():

    table = pa.table({"path": ['a, "b".png', "c"], "score": [0.125, None]})
    assert pyarrow.parquet.read_table(BytesIO(as_parquet(table))).equals(table)
    assert pyarrow.csv.read_csv(BytesIO(to_csv(table))).to_pylist() == table.to_pylist()


def test_a_row_a_picture_says_each_networks_answer_and_the_verdict_at_the_rate():
    p_values, none = {"a": {"msp": np.array([0.04, np.nan])}, "b": {"msp": np.array([0.5, np.nan])}}, pa.table({})
    found = ManyScores(
        ("a", "b"), none, ("=x.png", "y"), {}, p_values, ("", "It is damaged."), (None, None),
        {"a": np.array([5, -1]), "b": np.array([0, -1])}, {"a": np.array([0.75, np.nan]), "b": np.array([0.5, np.nan])},
        ("Reduced to 8 bits.", ""), False,
    )  # fmt: skip
    first, second = csv.DictReader(StringIO(verdicts_csv(CIFAR10, found, "msp", 0.05).decode()))
    assert first == {
        "path": "'=x.png", "detector": "msp", "alpha": "0.05", "a_answer": "dog", "a_probability": "0.75",
        "a_p_value": "0.04", "a_verdict": "odd", "b_answer": "airplane", "b_probability": "0.5", "b_p_value": "0.5",
        "b_verdict": "not flagged", "notes": "Reduced to 8 bits.", "error": "",
    }  # fmt: skip
    assert second["error"] == "It is damaged." and not any(second[name] for name in second if name[:2] in ("a_", "b_"))


def test_every_detector_has_a_short_name():
    assert len({detector.name for detector in DETECTORS.values()}) == len(DETECTORS)


def test_the_file_of_a_picture_holds_every_figure_by_name():
    one = Verdict(
        "cifar10", "standard", {"change": "pgd", "strengths": [0.0, 0.1]}, np.zeros((2, 3, 4, 4), np.float32),
        np.full((2, 10), 0.1, np.float32), {"vim": np.array([1.0, 2.0])}, {"vim": np.array([0.5, 0.01])},
    )  # fmt: skip
    with np.load(BytesIO(judged_npz({"standard": one})), allow_pickle=False) as kept:
        assert kept["p_value__standard__vim"].tolist() == [0.5, 0.01] and kept["score__standard__vim"].tolist() == [
            1,
            2,
        ]
        assert kept["x__standard"].shape == (2, 3, 4, 4) and kept["probs__standard"].shape == (2, 10)
        settings = json.loads(str(kept["settings"]))
    assert settings["task"] == "cifar10" and settings["models"]["standard"]["strengths"] == [0.0, 0.1]


def test_a_map_opens_what_is_clicked_and_names_of_classes_keep_apart():
    places = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    dots = figures.Dots(places, ["test:0", "test:1", "test:2"], ["a", "b", "c"], {"cat": places[0], "dog": places[0]})
    made = figures.embedding(
        dots, places[:2], figures.Strangers(places[:1] + 3, places[:1], ["x"]), "#123456", "#000000"
    )
    (gallery,) = [trace for trace in made.data if trace.name == "gallery"]
    assert [list(one) for one in gallery.customdata] == [["test:0"], ["test:1"], ["test:2"]]
    assert all(trace.name != "attacked" for trace in made.data)
    moved = figures.embedding(
        replace(dots, moved=places + 1, turned=["d", "e", "f"]), places[:2],
        figures.Strangers(places[:0], places[:0], []), "#123456", "#000000",
    )  # fmt: skip
    (arrows,) = [trace for trace in moved.data if trace.name == "attacked"]
    assert arrows.x[3:5].tolist() == [1, 2] and arrows.y[3:5].tolist() == [0, 1] and np.isnan(arrows.x[5])
    assert list(arrows.customdata[4]) == ["test:1"] and arrows.hovertext[4] == "e" and arrows.marker.size[4] > 0
    arrow, *names = made.layout.annotations
    assert (arrow.ax, arrow.ay, arrow.x, arrow.y) == (0, 0, 1, 0)
    assert abs(names[0].yshift - names[1].yshift) >= figures.MAP_NAME_GAP
