"""The report on students: shares are those of the arrays, and what a small radius breaks stays broken."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from core.data.tasks import CIFAR10
from core.errors import ConfigError
from core.reports.catalogue import command_of
from core.reports.form.measuring import Request
from core.reports.student import report as student
from core.reports.student.report import EPSILONS, NAME, StudentSettings, photographs, student_report
from tests.helpers.rows import figures


@pytest.mark.slow
def test_rows_say_which_photographs_stand_at_each_radius(models, data, tmp_path):
    pytest.importorskip("pyautoattack")
    asked = Request(models, data, StudentSettings(5, 2, 1, apgd_iterations=2, apgd_targets=1), tmp_path)
    made = student_report(asked)
    assert [(row["model"], row["epsilon"]) for row in made.report.rows] == [
        (model.card.key, epsilon) for model in models for epsilon in EPSILONS
    ]
    for model in models:
        right = made.arrays[f"right__{model.card.key}"]
        with torch.no_grad():
            clean = model.fast(data.images(0, 5)).argmax(1) == data.labels[:5]
        np.testing.assert_array_equal(right[:, 0], clean.numpy())
        assert (np.diff(right.astype(int), axis=1) <= 0).all()
        rows = [row for row in made.report.rows if row["model"] == model.card.key]
        assert [row["right"] for row in rows] == right.mean(0).tolist() and {row["steps"] for row in rows} == {2}
        apgd = made.arrays[f"apgd__{model.card.key}"]
        assert not (apgd & ~right[:, 1]).any() and [row.get("apgd") for row in rows] == [None, apgd.mean(), None, None]
    assert figures(student_report(asked).report.rows) == figures(made.report.rows)  # from the parts that are kept


def test_what_falls_at_a_small_radius_stands_at_no_larger_one(models, data, monkeypatch):
    monkeypatch.setattr(student, "EPSILONS", (0.0, 0.5, 0.6))
    x, labels = data.images(0, 5), models[0].fast(data.images(0, 5)).argmax(1)
    stands = student.standing(models[0], x, labels, StudentSettings(steps=5, restarts=1), seed=0)
    assert stands[:, 0].all() and not stands[:, 1:].any()


def test_apgd_is_asked_about_what_stands_alone(models, data, monkeypatch):
    x, labels = data.images(0, 4), models[0].fast(data.images(0, 4)).argmax(1)
    asked = []

    class Breaks:
        """An attack that turns all pictures that it is given to noise, and notes how many."""

        def __init__(self, *settings):
            pass

        def __call__(self, model, x, labels, seed):
            asked.append(len(x))
            return torch.zeros_like(x) if len(asked) == 1 else x

    monkeypatch.setattr(student, "Apgd", Breaks)
    stands = np.array([True, False, True, True])
    black = models[0].fast(torch.zeros_like(x)).argmax(1) == labels
    left = student.left_by_apgd(models[0], x, labels, stands, StudentSettings(), 0)
    assert asked == [3] and left.tolist() == (stands & black.numpy()).tolist()
    assert student.left_by_apgd(models[0], x, labels, stands, StudentSettings(), 0).tolist() == stands.tolist()
    assert (
        not student.left_by_apgd(models[0], x, labels, ~stands & False, StudentSettings(), 0).any() and len(asked) == 2
    )


def test_a_task_without_a_student_has_no_such_report():
    with pytest.raises(ConfigError, match="students are trained for imagenet; got cifar10"):
        photographs(CIFAR10)


def test_the_command_line_knows_it():
    command = command_of(NAME)
    assert command.settings(7, 3) == replace(StudentSettings(), images=7, seed=3) and command.pictures is photographs
