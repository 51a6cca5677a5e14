"""The loop of all reports: what is known is not measured again, and what is measured is not lost."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch

from core.data.datasets import LabelledImages
from core.data.tasks import FASHION_MNIST
from core.errors import ConfigError, InputError
from core.reports.form.measuring import Measurer, Measuring, Request, measured_at_once
from core.reports.form.provenance import runs_of
from core.reports.form.report import read_report
from core.reports.form.resume import Measured
from core.reports.form.settings import ReportSettings, sized
from tests.helpers.networks import bare_model


@dataclass(frozen=True, slots=True)
class Some(ReportSettings):
    counts: ClassVar = ("images", "more")

    images: int = 5
    more: int | None = None


MODELS = [bare_model("one"), bare_model("two")]
DATA = LabelledImages(torch.zeros(5, *FASHION_MNIST.shape, dtype=torch.uint8), torch.zeros(5, dtype=torch.int64), "x")
STATED = {"data": "x", "seed": 0}


class StopError(Exception):
    """Raised where a run is killed."""


def result(draft):
    rows = draft.signed({"model": key, "sha256": draft.weights[key]} for key in draft.keys)
    return Measured(draft.report("fashion-mnist", "some", rows), dict(draft.arrays))


def value(key, number=1.0):
    return {f"value__{key}": np.array([number])}, 1.0, ()


def test_batches_cover_the_images_and_a_killed_run_goes_on_from_its_last_batch(tmp_path):
    ends, said = [], []

    def measure(start, stop):
        if start == 4 and len(ends) == 2:
            raise StopError
        ends.append((start, stop))
        return {"index": np.arange(start, stop)}

    request = Request(MODELS, DATA, Some(), tmp_path, on_progress=lambda *each: said.append(each))
    with pytest.raises(StopError):
        Measurer(request, STATED, 2).over(MODELS[0], "some thing", 5, measure)
    assert ends == [(0, 2), (2, 4)] and said == [("one some thing", 2, 5), ("one some thing", 4, 5)]
    ends.append("killed")
    found, seconds = Measurer(request, STATED, 2).over(MODELS[0], "some thing", 5, measure)
    assert ends[3:] == [(4, 5)] and found.keys() == {"index"} and seconds > 0
    np.testing.assert_array_equal(found["index"], np.arange(5))
    Measurer(request, STATED | {"seed": 1}, 2).over(MODELS[0], "some thing", 5, measure)
    assert len(ends) == 4 + 3  # other settings take nothing of it


def test_without_a_scratch_folder_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found, _ = Measurer(Request(MODELS, DATA, Some()), STATED, 2).over(
        MODELS[0], "thing", 3, lambda start, stop: {"index": np.arange(start, stop)}
    )
    assert found["index"].tolist() == [0, 1, 2] and not list(tmp_path.iterdir())


def test_each_network_is_written_as_soon_as_it_is_measured_and_not_asked_again(tmp_path):
    path, asked = tmp_path / "some.json", []

    def measure(model, dies=""):
        asked.append(model.card.key)
        if model.card.key == dies:
            raise StopError
        return value(model.card.key)

    request = Request(MODELS, DATA, Some(), tmp_path, path, allow_uncommitted=True)
    with pytest.raises(StopError):
        Measuring(request, request.draft(STATED), result).networks(lambda model: measure(model, "two"))
    assert [row["model"] for row in read_report(path).rows] == ["one"]
    whole = Measuring(request, request.draft(STATED), result).networks(measure)
    assert asked == ["one", "two", "two"] and whole.arrays.keys() == {"value__one", "value__two"}
    before = path.read_bytes()
    again = Measuring(request, request.draft(STATED), result).networks(lambda model: pytest.fail(model.card.key))
    assert again.report == whole.report == read_report(path) and path.read_bytes() == before
    assert all(len(runs_of(whole.report.provenance, row)) == 1 for row in whole.report.rows)


def test_more_is_asked_only_of_what_is_lacking(tmp_path):
    path, asked = tmp_path / "some.json", []
    request = Request(MODELS, DATA, Some(), tmp_path, path, allow_uncommitted=True)
    measuring = Measuring(request, request.draft(STATED), result)
    measuring.networks(lambda model: value(model.card.key))

    def pair(model, others):
        asked.append((model.card.key, others))
        return {f"pair__{model.card.key}__{other}": np.zeros(1) for other in others}, 1.0

    made = measuring.more(lambda model: ["two"] if model.card.key == "one" else [], pair)
    assert asked == [("one", ["two"])] and "pair__one__two" in made.arrays
    assert "pair__one__two" in Measured.read(path).arrays


def test_what_is_measured_at_once_is_signed_row_by_row(tmp_path):
    request = Request(MODELS, DATA, Some(seed=3), path=tmp_path / "some.json")
    report = measured_at_once(request, "some", STATED, 2.04, [{"a": 1}, {"a": 2}])
    assert read_report(tmp_path / "some.json") == report
    assert report.provenance["seconds"] == 2.0 and report.provenance["seed"] == 3
    assert [len(runs_of(report.provenance, row)) for row in report.rows] == [1, 1]


def test_a_request_is_refused_before_anything_is_measured(tmp_path):
    for request in (Request([], DATA, Some()), Request(MODELS, DATA.first(0), Some())):
        with pytest.raises(InputError):
            Measurer(request, STATED, 2)


@pytest.mark.parametrize("wrong", [{"images": 0}, {"more": 0}, {"more": -1}])
def test_counts_are_at_least_one_and_may_be_left_out(wrong):
    assert Some(more=None).images == 5
    with pytest.raises(ConfigError, match="images, more must be at least 1"):
        Some(**wrong)


def test_a_number_of_images_becomes_those_counts_alone():
    settings = sized(Some, "images", more=1)
    assert settings(None, 4) == Some(seed=4)
    assert settings(2, 4) == Some(2, 1, seed=4)
