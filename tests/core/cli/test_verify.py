"""The command `verify`: a figure that holds agrees, and one that was changed does not."""

import json
import random
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from core.cli.main import main
from core.data.datasets import LabelledImages, load
from core.data.tasks import FASHION_MNIST
from core.models.zoo import load_zoo_model
from core.reports.accuracy.report import AccuracySettings, accuracy_report
from core.reports.adversarial.measurements import AdversarialSettings
from core.reports.adversarial.report import adversarial_report
from core.reports.catalogue import command_of
from core.reports.form import chosen
from core.reports.form import report as form
from core.reports.form.measuring import Request
from core.reports.form.verification import Sample, from_entries, from_rows
from core.reports.saliency.measurements import SaliencySettings
from core.reports.saliency.report import saliency_report
from core.reports.transfer.report import Transfer
from tests.helpers.checked_files import read_json, write_json

MADE: dict[str, bytes] = {}


@pytest.fixture
def reports(shipped, fashion_root, tmp_path, monkeypatch):
    """A folder with the reports `accuracy` and `transfer` of the tiny zoo, in place of those that ship.

    They are measured once: the zoo is the same for every test.
    """
    monkeypatch.setattr(form, "report_path", lambda task, name: tmp_path / "reports" / task / f"{name}.json")
    monkeypatch.setattr("core.cli.folders.RUNS", tmp_path / "runs")
    base = ["evaluate", "--task", "fashion-mnist"]
    folder = tmp_path / "reports" / "fashion-mnist"
    if not MADE:
        assert main([*base, "--images", "20", "--out", str(folder / "accuracy.json")]) == 0
        assert main([*base, "--report", "transfer", "--images", "8", "--out", str(folder / "transfer.json")]) == 0
        MADE.update({path.name: path.read_bytes() for path in folder.iterdir()})
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in MADE.items():
        (folder / name).write_bytes(content)
    return folder


def verified(capsys, *more):
    capsys.readouterr()
    code = main(["verify", "--task", "fashion-mnist", "--json", *more])
    return code, {each["report"]: each for each in json.loads(capsys.readouterr().out)}


def test_reports_that_hold_agree_on_all_images_and_on_a_sample(reports, capsys):
    code, found = verified(capsys)
    assert code == 0 and found.keys() == {"accuracy", "transfer"}
    assert found["accuracy"]["reported"] == found["accuracy"]["recomputed"] and found["accuracy"]["n"] == 20
    assert found["transfer"]["differing"] == 0 and found["transfer"]["n"] == 8
    code, found = verified(capsys, "--sample", "4", "--report", "transfer")
    assert code == 0 and found["transfer"]["n"] == 4
    assert main(["verify", "--task", "fashion-mnist", "--sample"]) == 0
    assert capsys.readouterr().out.count("agrees") == 2


def test_a_changed_figure_disagrees(reports, capsys):
    path = reports / "accuracy.json"
    fields = read_json(path)
    for row in fields["rows"]:
        row |= {"robust": 0.5, "robust_low": 0.49, "robust_high": 0.51}
    write_json(path, fields)
    code, found = verified(capsys)
    assert code == 1 and not found["accuracy"]["agrees"] and found["transfer"]["agrees"]


def test_changed_entries_are_counted(reports, capsys):
    found = Transfer.read(reports / "transfer.json")
    arrays = {name: ~array if name.startswith("right") else array for name, array in found.arrays.items()}
    Transfer(found.report, arrays).write(reports / "transfer.json")
    code, found = verified(capsys, "--report", "transfer")
    assert code == 1 and found["transfer"]["differing"] == 8


def test_other_weights_are_said_and_are_no_agreement(reports, capsys):
    path = reports / "accuracy.json"
    fields = read_json(path)
    write_json(path, fields | {"rows": [row | {"sha256": "0" + row["sha256"]} for row in fields["rows"]]})
    code, found = verified(capsys, "--report", "accuracy")
    assert code == 1 and "other weights" in found["accuracy"]["error"]


def test_a_seed_draws_the_same_figure_again_and_another_one_others(reports, capsys):
    figures = {seed: verified(capsys, "--report", "transfer", "--seed", str(seed))[1] for seed in range(4)}
    assert verified(capsys, "--seed", "0")[1]["transfer"] == figures[0]["transfer"]
    assert len({each["transfer"]["figure"] for each in figures.values()}) > 1


def test_a_task_without_reports_is_said(reports, capsys):
    assert main(["verify", "--task", "pasted"]) == 2
    assert "pasted" in capsys.readouterr().err


AT_AN_EDGE = {"fooling": 1}
"""Images whose figure rounding may change: of a heat map a pixel is highlighted or not, and one may lie at the edge."""


def recomputes(name, path, zoo_folder, images):
    """Every entry comes out the same, whatever figure is drawn: the rule measures as the report does."""
    data, network = load(FASHION_MNIST, "test"), partial(load_zoo_model, "fashion-mnist", folder=zoo_folder)
    for seed in range(3):
        found = command_of(name).recompute(Sample(path, data, None, random.Random(seed), network))
        assert found.agrees and found.differing <= AT_AN_EDGE.get(name, 0) and found.n == images


@pytest.mark.slow
@pytest.mark.parametrize("name", ["robustness", "adversarial", "fooling", "answers"])
def test_each_report_recomputes_what_it_just_measured(name, shipped, fashion_root, tmp_path, monkeypatch):
    if name in ("adversarial", "robustness"):
        pytest.importorskip("pyautoattack")
    monkeypatch.setattr("core.cli.folders.RUNS", tmp_path / "runs")
    path = tmp_path / f"{name}.json"
    words = ["--report", name, "--images", "4", "--models", "standard", "--out", str(path)]
    assert main(["evaluate", "--task", "fashion-mnist", *words]) == 0
    recomputes(name, path, shipped, 4)


@pytest.mark.slow
def test_the_report_saliency_recomputes_what_it_just_measured(zoo_folder, fashion_root, tmp_path):
    settings = SaliencySettings(3, 3, 3, 3, methods=("gradient", "smooth-grad"))
    path = tmp_path / "saliency.json"
    model = load_zoo_model("fashion-mnist", "standard", zoo_folder)
    saliency_report(Request([model], load(FASHION_MNIST, "test"), settings, tmp_path / "runs", path), reports=tmp_path)
    recomputes("saliency", path, zoo_folder, 3)


class Certain(nn.Module):
    """The same answers, and logits so large that cross-entropy has no gradient."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        return 1e5 * self.model(x)


@pytest.fixture
def chosen_on_test(zoo_folder, fashion_root, monkeypatch):
    """A certain network that counts as chosen on the first 20 test images: it has them all wrong, and others right."""
    monkeypatch.setattr(chosen, "FRESH", 20)
    model = load_zoo_model("fashion-mnist", "standard", zoo_folder)
    images = load(FASHION_MNIST, "test")
    answers = model.fast(images.images()).argmax(1)
    labels = torch.where(torch.arange(len(images)) < 20, (answers + 1) % 10, answers)
    sure = replace(model, card=replace(model.card, key="pgd-l2"), fast=Certain(model.fast))
    return sure, LabelledImages(images.pixels, labels, "test")


@pytest.mark.parametrize(
    ("name", "report", "settings"),
    [
        ("accuracy", accuracy_report, AccuracySettings(robust_images=8, steps=1, restarts=1)),
        pytest.param(
            "adversarial",
            adversarial_report,
            AdversarialSettings(8, 8, opening=10, steps=20, clamped_steps=1, clamped_finer=0),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_figures_are_made_again_on_their_own_images_and_by_what_was_followed(
    name, report, settings, chosen_on_test, tmp_path
):
    """Of a certain network distances are found on softened logits; of one chosen on test images, on others of them."""
    if name == "adversarial":
        pytest.importorskip("pyautoattack")
    model, data = chosen_on_test
    path = tmp_path / f"{name}.json"
    report(Request([model], data, settings, path=path, allow_uncommitted=True))
    found = command_of(name).recompute(Sample(path, data, None, random.Random(0), lambda key: model))
    assert found.agrees and found.reported > 0 and found.n == 8
    assert found.reported == found.recomputed and not found.differing


def test_entries_are_compared_over_the_same_images():
    before, after = np.array([True, True, False, False]), np.array([True, False, False, True])
    found = from_entries("x", before, after)
    assert (found.reported, found.recomputed, found.differing) == (0.5, 0.5, 2)


def test_a_sample_may_be_off_by_its_own_spread_and_all_images_may_not():
    reported = {"f": 0.5, "f_low": 0.45, "f_high": 0.55, "f_n": 100}
    few, many = ({"f": 0.7, "f_low": 0.5, "f_high": 0.9, "f_n": n} for n in (10, 100))
    assert from_rows("x", "f", reported, few).agrees
    assert not from_rows("x", "f", reported, many).agrees
