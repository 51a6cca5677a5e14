"""What a report keeps when it is made in several runs, and what it lets go."""

import numpy as np

from core.models.zoo import ZooModel
from core.reports.form.report import Report, mean
from core.reports.form.resume import Measured, ReportDraft, joined, standard_first
from tests.helpers.networks import bare_model

SETTINGS = {"images": 3, "seed": 0}


def written(book: ReportDraft) -> None:
    rows = tuple({"model": key, "sha256": book.weights[key]} for key in book.keys)
    Measured(Report("fashion-mnist", "some", book.settings, {"seconds": book.seconds}, rows), book.arrays).write(
        book.path
    )


def measured(book: ReportDraft, model: ZooModel, value: float, seconds: float = 1.0) -> None:
    book.add(model, {f"found__{model.card.key}": np.full(3, value)}, seconds, [{"sha256": model.card.sha256}])
    written(book)


def test_a_second_run_keeps_what_the_first_measured(tmp_path):
    path = tmp_path / "some.json"
    measured(ReportDraft(path, SETTINGS, [bare_model("one")]), bare_model("one"), 1.0)
    book = ReportDraft(path, SETTINGS, [bare_model("one"), bare_model("two")])
    assert bare_model("one") in book and bare_model("two") not in book
    assert (book.arrays["found__one"] == 1).all()


def test_what_another_run_wrote_meanwhile_is_joined(tmp_path):
    path = tmp_path / "some.json"
    here, there = ReportDraft(path, SETTINGS, [bare_model("one")]), ReportDraft(path, SETTINGS, [bare_model("two")])
    measured(there, bare_model("two"), 2.0, seconds=5.0)
    measured(here, bare_model("one"), 1.0, seconds=1.0)
    assert Measured.read(path).weights.keys() == {"one", "two"}
    assert here.seconds == 6.0


def test_figures_of_a_network_with_other_weights_go_with_all_its_arrays(tmp_path):
    path = tmp_path / "some.json"
    book = ReportDraft(path, SETTINGS, [bare_model("one"), bare_model("two")])
    book.add_arrays({"pair__one__two": np.zeros(1), "pair__two__three": np.ones(1), "grid": np.zeros(2)}, 0.0)
    measured(book, bare_model("one"), 1.0)
    measured(book, bare_model("two"), 2.0)
    again = ReportDraft(path, SETTINGS, [bare_model("one", "b")])
    assert again.weights.keys() == {"two"}
    assert again.arrays.keys() == {"found__two", "pair__two__three", "grid"}


def test_other_settings_keep_nothing(tmp_path):
    path = tmp_path / "some.json"
    measured(ReportDraft(path, SETTINGS, [bare_model("one")]), bare_model("one"), 1.0)
    assert not ReportDraft(path, SETTINGS | {"seed": 1}, [bare_model("one")]).weights


def test_a_network_whose_figures_are_to_be_of_other_images_goes_and_the_rest_stays(tmp_path):
    path, both = tmp_path / "some.json", [bare_model("one"), bare_model("two")]
    book = ReportDraft(path, SETTINGS | {"fresh_models": ["one"]}, both)
    measured(book, both[0], 1.0)
    measured(book, both[1], 2.0)
    assert ReportDraft(path, SETTINGS | {"fresh_models": ["one", "three"]}, both).weights.keys() == {"one", "two"}
    assert ReportDraft(path, SETTINGS | {"fresh_models": ["one", "two"]}, both).weights.keys() == {"one"}
    assert ReportDraft(path, SETTINGS, both).weights.keys() == {"two"}


def test_a_report_that_is_not_kept_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    measured(ReportDraft(None, SETTINGS, [bare_model("one")]), bare_model("one"), 1.0)
    assert not list(tmp_path.iterdir())


def test_checksums_come_from_the_provenance_where_rows_have_none():
    report = Report("fashion-mnist", "some", {}, {"weights": {"one": "a"}}, ({"model": "one"},))
    assert Measured(report, {}).weights == {"one": "a"}


def test_the_standard_network_comes_first():
    assert standard_first(["b", "standard", "a"]) == ["standard", "a", "b"]


def test_parts_are_laid_end_to_end_and_their_seconds_added():
    parts = [{"x": np.array([1, 2]), "seconds": np.array(0.5)}, {"x": np.array([3]), "seconds": np.array(1.0)}]
    arrays, seconds = joined(parts)
    assert arrays.keys() == {"x"} and arrays["x"].tolist() == [1, 2, 3] and seconds == 1.5


def test_a_mean_leaves_out_what_is_no_number():
    figure = mean("far", np.array([1.0, np.nan, 3.0]))
    assert figure["far"] == 2 and figure["far_n"] == 2
    assert 1 <= figure["far_low"] <= 2 <= figure["far_high"] <= 3
    nothing = mean("far", np.array([np.nan]))
    assert nothing == {"far": None, "far_low": None, "far_high": None, "far_n": 0}
