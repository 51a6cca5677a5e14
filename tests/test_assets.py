"""What ships belongs together: weights, cards, reports and the figures that the README quotes."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from core.data.tasks import TASKS
from core.metrics.ara import ara
from core.models.zoo import cards, load_zoo_model
from core.reports.accuracy.report import NAME, AccuracySettings
from core.reports.claims import robustness
from core.reports.form.report import read_report, report_path
from core.reports.robustness.report import Robustness
from core.training.zoo_plans import EPOCHS, NOTES, SHIPPED

README = (Path(__file__).resolve().parents[1] / "README.md").read_text()

# Clean accuracy on 10,000 test images; accuracy on the first 1,000 under PGD-50 with 3 restarts in the model's norm.
FLOORS = {
    ("cifar10", "standard"): (0.92, None, None),
    ("cifar10", "pgd-linf"): (0.70, "linf", 0.41),
    ("cifar10", "pgd-l2"): (0.76, "l2", 0.54),
    ("fashion-mnist", "standard"): (0.93, None, None),
    ("fashion-mnist", "pgd-linf"): (0.84, "linf", 0.70),
    ("fashion-mnist", "pgd-l2"): (0.84, "l2", 0.60),
}


TEST_IMAGES = {"cifar10": 10_000, "fashion-mnist": 10_000, "tiny20": 1_000, "pasted": 10_000}
ZOO = [(task, key) for task in TASKS for key in cards(task)]


@pytest.mark.slow
@pytest.mark.parametrize(("task", "key"), ZOO, ids=map("/".join, ZOO))
def test_card_weights_and_report_belong_together(task, key):
    model = load_zoo_model(task, key)  # checks the checksum
    card = model.card
    assert card.settings == json.loads(json.dumps(SHIPPED[task, key].settings()))  # the plan that ships made it
    assert card.training["epochs"] == SHIPPED[task, key].epochs
    assert card.note == NOTES.get((task, key), "")
    rows = [row for row in read_report(report_path(task, NAME)).rows if row["model"] == key]
    assert list(card.figures) == rows
    assert {row["norm"] for row in rows} == {"linf", "l2"}
    assert all(row["sha256"] == card.sha256 for row in rows)
    assert all((row["clean_n"], row["robust_n"]) == (TEST_IMAGES[task], 1_000) for row in rows)
    settings = AccuracySettings()
    assert card.measured["settings"]["steps"] == settings.steps and card.measured["settings"]["seed"] == settings.seed


@pytest.mark.slow
@pytest.mark.parametrize(("task", "key"), ZOO, ids=map("/".join, ZOO))
def test_a_card_says_why_where_a_plan_or_an_accuracy_is_out_of_line(task, key):
    """The same epochs for every recipe of a task; clean accuracy within five points of `standard`."""
    card, standard = cards(task)[key], cards(task)["standard"]
    far = card.figures[0]["clean"] < standard.figures[0]["clean"] - 0.05
    assert card.note or (card.training["epochs"] == EPOCHS[task] and not far)


@pytest.mark.parametrize(("task", "key"), FLOORS, ids=map("/".join, FLOORS))
def test_shipped_models_meet_their_floors(task, key):
    clean, norm, robust = FLOORS[task, key]
    rows = {row["norm"]: row for row in cards(task)[key].figures}
    assert rows["linf"]["clean"] >= clean
    if norm is not None:
        assert rows[norm]["robust"] >= robust


def test_the_robustness_report_is_of_the_weights_that_ship():
    """Fashion-MNIST's zoo is measured whole; the claims rest on the same networks."""
    task = "fashion-mnist"
    rows, zoo = Robustness.read(report_path(task, "robustness")).report.rows, cards(task)
    assert {row["model"] for row in rows} == set(zoo)
    assert all(row["sha256"] == zoo[row["model"]].sha256 and row["clean_n"] == 10_000 for row in rows)
    claims = read_report(report_path(task, robustness.NAME)).rows
    assert claims and {name for row in claims for name in (row["model"], row["against"])} <= set(zoo)


@pytest.mark.parametrize(("task", "key"), FLOORS, ids=map("/".join, FLOORS))
def test_readme_quotes_the_cards(task, key):
    rows = {row["norm"]: row for row in cards(task)[key].figures}
    cells = [f"{rows['linf']['clean']:.2%}", f"{rows['linf']['robust']:.1%}", f"{rows['l2']['robust']:.1%}"]
    line = next(line for line in README.splitlines() if line.startswith(f"| {task} | `{key}` |"))
    assert all(cell.replace("%", " %") in line for cell in cells), line


def test_readme_quotes_the_areas():
    """Every network in the table of areas stands there with the report's figures."""
    rows = {row["model"]: row for row in read_report(report_path("cifar10", "adversarial")).rows}
    quoted = [line for line in README.splitlines() if re.fullmatch(r"\| `[a-z0-9-]+` \| 0\.\d{3} \| 0\.\d{4} .*", line)]
    assert len(quoted) == 4
    for line in quoted:
        row = rows[line.split("`")[1]]
        area, low, high = (f"{row[name]:.4f}" for name in ("ara", "ara_low", "ara_high"))
        assert line.endswith(f"| {row['accuracy']:.3f} | {area} ({low} to {high}) | {row['btr_ara']:.4f} |")
        assert row["ara_n"] == 1_000
    best = rows["pgd-l2-radii"]
    assert best["ara"] >= 0.0150 and best["accuracy"] >= 0.66
    theirs, said = rows["lipschitz-all"], " ".join(README.split())
    area, low, high = (f"{theirs[name]:.4f}" for name in ("ara", "ara_low", "ara_high"))
    assert f"reaches {area} ({low} to {high}) at accuracy {theirs['accuracy']:.3f} on the first 500 images" in said
    with np.load(report_path("cifar10", "adversarial").with_suffix(".npz")) as arrays:
        same = ara(arrays["distance_attack__pgd-l2-radii"][: theirs["ara_n"]].astype(np.float64), 10).value
    assert theirs["ara_n"] == 500 and f"where `pgd-l2-radii` has {same:.4f}." in said
