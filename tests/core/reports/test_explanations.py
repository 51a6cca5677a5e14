"""The report of whose attacks draw a class: thresholds part on val and stay, rows say what arrays say, runs resume."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from torch import nn

from core.data.datasets import LabelledImages, load
from core.data.tasks import FASHION_MNIST, TASKS
from core.errors import ConfigError, InputError
from core.explanations import class_evidence as module
from core.explanations.class_evidence import EVIDENCE_MEASURES, Measures, Thresholds, evidence
from core.models.zoo import Card, ZooModel, cards
from core.reports.commands import explanations as commands_explanations
from core.reports.explanations.report import (
    ExplanationsReport,
    ExplanationsSettings,
    choose_thresholds,
    explanations_report,
)
from core.reports.form.measuring import Request
from core.reports.form.report import report_path
from tests.helpers.checked_files import read_json, write_json
from tests.helpers.rows import figures

pytestmark = pytest.mark.usefixtures("few_resamples")

SETTINGS = ExplanationsSettings(images=25, val_images=22)


class Templates(nn.Module):
    """Logits linear in the image; `size` pixels of a template are equal, so that a large one is smooth."""

    def __init__(self, size: int, seed: int = 0) -> None:
        super().__init__()
        small = torch.randn(10, 1, 28 // size, 28 // size, generator=torch.Generator().manual_seed(seed))
        self.weight = nn.functional.interpolate(small, scale_factor=size).flatten(1)
        self.weight = self.weight / self.weight.norm(dim=1, keepdim=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 5 * x.flatten(1) @ self.weight.T


class Flat(nn.Module):
    """The same answer for every image."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.arange(10.0) + 0 * x.flatten(1)[:, :1]


def zoo_model(key: str, network: nn.Module, digest: str | None = None) -> ZooModel:
    card = Card("fashion-mnist", key, None, "recipe", {}, 0, "command", {}, sha256=digest or key, parameters=0)
    return ZooModel(card, network, network)


@pytest.fixture
def judges():
    """Noise that nobody shares, and two that draw alike."""
    return [
        zoo_model("standard", Templates(1)),
        zoo_model("pgd-linf", Templates(14)),
        zoo_model("pgd-l2", Templates(14)),
    ]


@pytest.fixture
def data(fashion_root):
    return load(FASHION_MNIST, "test")


@pytest.fixture
def val(fashion_root):
    return load(FASHION_MNIST, "val")


@pytest.mark.slow
def test_the_vote_parts_what_draws_from_noise(judges, data, val, tmp_path):
    path = report_path("fashion-mnist", "explanations", tmp_path)
    made = explanations_report(Request(judges, data, SETTINGS, tmp_path / "scratch", path), judges, val)
    rows = {row["model"]: row for row in made.report.rows}
    assert list(rows) == ["standard", "pgd-l2", "pgd-linf"]
    assert rows["standard"]["draws"] < 0.2 and min(rows[key]["draws"] for key in ("pgd-linf", "pgd-l2")) > 0.8
    on_val = made.report.settings["val_draws"]
    assert on_val["standard"] < 0.2 and on_val["pgd-l2"] > 0.8
    assert rows["pgd-l2"]["judges"] == "standard,pgd-linf" and rows["standard"]["judges"] == "pgd-linf,pgd-l2"
    assert rows["pgd-l2"]["low_frequency"] > 0.5 > rows["standard"]["low_frequency"]
    for key, row in rows.items():
        votes = sum(made.arrays[f"{name}__{key}"] >= getattr(made.thresholds, name) for name in EVIDENCE_MEASURES)
        np.testing.assert_array_equal(made.arrays[f"draws__{key}"], votes >= 2)
        assert row["draws_n"] == 25 and row["draws_low"] <= row["draws"] <= row["draws_high"]
        for name in EVIDENCE_MEASURES:
            assert row[name] == pytest.approx(made.arrays[f"{name}__{key}"].mean())
            assert row[f"{name}_low"] <= row[name] <= row[f"{name}_high"] and row[f"{name}_n"] == 25
    for name in EVIDENCE_MEASURES:
        below, above = made.arrays[f"val_{name}__standard"], made.arrays[f"val_{name}__pgd-l2"]
        assert len(below) == len(above) == 22
    again = ExplanationsReport.read(report_path("fashion-mnist", "explanations", tmp_path))
    assert (again.report.rows, again.report.settings) == (made.report.rows, made.report.settings)
    assert again.thresholds == made.thresholds and again.rho == 0.1


@pytest.mark.slow
def test_a_page_comes_to_the_same_verdict(judges, data, val, tmp_path):
    made = explanations_report(Request(judges, data, SETTINGS, tmp_path), judges, val)
    for index in (0, 21):
        found = evidence(judges[0], judges, data.images(index, index + 1), made.rho, made.thresholds)
        for name in EVIDENCE_MEASURES:
            assert getattr(found, name) == pytest.approx(made.arrays[f"{name}__standard"][index], abs=1e-4)
        assert found.draws == made.arrays["draws__standard"][index]


def test_the_seed_decides_the_starts(judges, data, val, tmp_path):
    settings = ExplanationsSettings(images=2, val_images=2)
    made = [
        explanations_report(Request(judges[:1], data, dataclasses.replace(settings, seed=seed), tmp_path), judges, val)
        for seed in (0, 1)
    ]
    one, other = (each.arrays["low_frequency__standard"] for each in made)
    assert np.abs(one - other).min() > 1e-7


def one_measure(values: list[float]) -> Measures:
    return Measures(*[np.array(values)] * 3)


@pytest.mark.parametrize(
    ("noise", "drawn", "cut"),
    [
        ([0.0, 0.1], [0.5, 0.9], 0.3),  # in the middle of what parts them
        ([0.0, 0.1, 0.8], [0.5, 0.6, 0.9], 0.3),  # one of the noisy is given up, none of the drawn
        ([0.0, 0.4, 0.5], [0.3, 0.7, 0.9], 0.6),  # one of the drawn is given up
        ([0.0, 0.4], [0.3, 0.9], 0.65),  # 0.15 is as good, in a narrower gap
        ([0.0, np.nan], [0.5, np.nan], 0.25),  # what can't be measured says nothing
        ([0.5, 0.5], [0.5, 0.5], 0.5),
    ],
)
def test_the_cut_with_the_most_right_answers_is_chosen(noise, drawn, cut):
    found = choose_thresholds(one_measure(noise), one_measure(drawn))
    assert (found.transfer, found.low_frequency, found.agreement) == pytest.approx((cut, cut, cut))


def test_no_cut_without_measures():
    with pytest.raises(InputError, match="no gradient"):
        choose_thresholds(one_measure([np.nan]), one_measure([0.5]))


class StopError(Exception):
    """Stands for a kill."""


def recorder(said: list[str], stop_at: str = "never"):
    def on_progress(what: str, done: int, of: int) -> None:
        said.append(f"{what} {done}")
        if said[-1] == stop_at:
            raise StopError

    return on_progress


def count_attacked(monkeypatch) -> list[int]:
    """The images of each batch that is measured from here on."""
    from core.reports.explanations import report

    sizes: list[int] = []
    monkeypatch.setattr(report, "measures", lambda *given: (sizes.append(len(given[2])), module.measures(*given))[1])
    return sizes


@pytest.mark.slow
def test_a_killed_run_goes_on_with_the_batch_it_was_in(judges, data, val, tmp_path, monkeypatch):
    path = tmp_path / "explanations.json"
    with pytest.raises(StopError):
        explanations_report(
            Request(judges, data, SETTINGS, tmp_path, path, recorder([], "pgd-linf test 20")), judges, val
        )
    assert [row["model"] for row in json.loads(path.read_text())["rows"]] == ["standard"]
    sizes = count_attacked(monkeypatch)
    rest = explanations_report(Request(judges, data, SETTINGS, tmp_path, path), judges, val)
    assert sizes == [5, 20, 5]
    whole = explanations_report(Request(judges, data, SETTINGS, tmp_path / "other"), judges, val)
    assert figures(whole.report.rows) == figures(rest.report.rows)


@pytest.mark.slow
def test_thresholds_stay_and_only_changed_weights_are_measured_again(judges, data, val, tmp_path, monkeypatch):
    """Without scratch files, as in a fresh clone: the file's thresholds are taken, not chosen anew."""
    path = tmp_path / "explanations.json"
    stranger = zoo_model("oneepoch", Templates(2))
    first = explanations_report(Request([*judges, stranger], data, SETTINGS, tmp_path / "a", path), judges, val)
    darker = LabelledImages(val.pixels // 3, val.labels, val.origin)
    sizes = count_attacked(monkeypatch)
    same = explanations_report(Request([*judges, stranger], data, SETTINGS, tmp_path / "b", path), judges, darker)
    assert sizes == [] and same.report.rows == first.report.rows
    other = zoo_model("oneepoch", Templates(14), "other weights")
    again = explanations_report(Request([other], data, SETTINGS, tmp_path / "b", path), judges, darker)
    assert sizes == [20, 5] and again.thresholds == first.thresholds
    rows = {row["model"]: row for row in again.report.rows}
    assert len(rows) == 4 and rows["oneepoch"]["draws"] > 0.8 and rows["oneepoch"]["sha256"] == "other weights"
    assert again.arrays.keys() == first.arrays.keys()
    sizes.clear()
    changed = [zoo_model("standard", Templates(1, seed=1), "new"), *judges[1:]]
    explanations_report(Request([other], data, SETTINGS, tmp_path / "b", path), changed, val)
    assert sizes == [20, 2, 20, 2, 20, 5]  # other judges are another report


def test_a_network_without_gradients_draws_nothing_and_has_no_figures(judges, data, val, tmp_path):
    made = explanations_report(Request([zoo_model("flat", Flat())], data, SETTINGS, tmp_path), judges, val)
    (row,) = made.report.rows
    assert row["draws"] == 0 and row["transfer"] is None and row["agreement_n"] == 0
    made.report.to_json()


def test_the_command_says_thresholds_and_a_line_a_model(judges, data, tmp_path, monkeypatch):
    known = {judge.card.key: judge for judge in judges}
    monkeypatch.setattr(commands_explanations, "cards", lambda task: known)
    monkeypatch.setattr(commands_explanations, "load_zoo_model", lambda task, key: known[key])
    command = commands_explanations.COMMAND
    assert command.settings(None, 0) == ExplanationsSettings() and command.settings(7, 3).images == 7
    settings = dataclasses.replace(SETTINGS, images=5, val_images=5)
    answer = command.run(Request(judges[:1], data, settings, tmp_path, None, recorder([])))
    assert answer.lines[0].startswith("draws: two of transfer >= ") and "val" in answer.lines[0]
    assert len(answer.lines) == 2 and answer.lines[1].startswith("standard") and "n = 5" in answer.lines[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage",
    [
        {"thresholds": None},
        {"thresholds": {"transfer": 0.5}},
        {"thresholds": {"transfer": 0.5, "low_frequency": "high", "agreement": 0.5}},
        {"rho": None},
    ],
)
def test_a_report_without_thresholds_is_refused(judges, data, val, tmp_path, damage):
    path = report_path("fashion-mnist", "explanations", tmp_path)
    settings = dataclasses.replace(SETTINGS, images=2, val_images=2)
    made = explanations_report(Request(judges[:1], data, settings, tmp_path, path), judges, val)
    assert ExplanationsReport.read(report_path("fashion-mnist", "explanations", tmp_path)).thresholds == made.thresholds
    fields = read_json(path)
    write_json(path, fields | {"settings": fields["settings"] | damage})
    with pytest.raises(InputError, match="no thresholds"):
        ExplanationsReport.read(report_path("fashion-mnist", "explanations", tmp_path))


def test_impossible_requests_are_refused(judges, data, val, tmp_path):
    for bad in ({"images": 0}, {"val_images": 0}, {"rho": 0.0}, {"rho": float("nan")}):
        with pytest.raises(ConfigError):
            ExplanationsSettings(**bad)
    with pytest.raises(InputError, match="part standard from pgd-l2"):
        explanations_report(Request(judges, data, SETTINGS, tmp_path), judges[:2], val)
    with pytest.raises(InputError, match="at least one image"):
        explanations_report(Request(judges, data.first(0), SETTINGS, tmp_path), judges, val)
    assert Thresholds(1, 2, 3).agreement == 3


SHIPPED = [task for task in TASKS if report_path(task, "explanations").exists()]


@pytest.mark.parametrize("task", SHIPPED)
def test_the_report_that_ships_is_of_the_networks_and_judges_that_ship(task):
    made, zoo = ExplanationsReport.read(report_path(task, "explanations")), cards(task)
    assert all(row["sha256"] == zoo[row["model"]].sha256 and row["draws_n"] == 100 for row in made.report.rows)
    assert made.report.settings["judges"] == {key: zoo[key].sha256 for key in module.JUDGES}
    on_val = [
        Measures(*(made.arrays[f"val_{name}__{key}"].astype(np.float64) for name in EVIDENCE_MEASURES))
        for key in ("standard", "pgd-l2")
    ]
    chosen = choose_thresholds(*on_val)
    for name in EVIDENCE_MEASURES:
        assert getattr(chosen, name) == pytest.approx(getattr(made.thresholds, name), abs=1e-6)
