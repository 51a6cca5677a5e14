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
from core.reports.student.report import EPSILONS, NAME, StudentSettings, nested, photographs, student_report
from tests.helpers.rows import figures


@pytest.mark.slow
def test_rows_say_which_photographs_stand_at_each_radius(models, data, tmp_path):
    pytest.importorskip("pyautoattack")
    asked = Request(models, data, StudentSettings(5, 2, 1, 2, 1), tmp_path)
    made = student_report(asked)
    assert [(row["model"], row["epsilon"]) for row in made.report.rows] == [
        (model.card.key, epsilon) for model in models for epsilon in EPSILONS
    ]
    for model in models:
        right = made.arrays[f"right__{model.card.key}"]
        with torch.no_grad():
            clean = model.fast(data.images(0, 5)).argmax(1) == data.labels[:5]
        np.testing.assert_array_equal(right[:, 0], clean.numpy())
        right = nested(right)
        assert (np.diff(right.astype(int), axis=1) <= 0).all()
        rows = [row for row in made.report.rows if row["model"] == model.card.key]
        assert [row["right"] for row in rows] == right.mean(0).tolist() and {row["steps"] for row in rows} == {2}
    assert figures(student_report(asked).report.rows) == figures(made.report.rows)  # from the parts that are kept


def test_what_falls_at_a_small_radius_stands_at_no_larger_one(models, data, monkeypatch):
    monkeypatch.setattr(student, "EPSILONS", (0.0, 0.5, 0.6))
    x, labels = data.images(0, 5), models[0].fast(data.images(0, 5)).argmax(1)
    stands = student.standing(models[0], x, labels, StudentSettings(steps=5, restarts=1), seed=0)
    assert stands[:, 0].all() and not stands[:, 1:].any()


def test_apgd_is_asked_about_what_pgd_leaves_and_what_it_breaks_falls_at_larger_radii_too(models, data, monkeypatch):
    x, labels = data.images(0, 4), models[0].fast(data.images(0, 4)).argmax(1)
    labels[1] = (labels[1] + 1) % 10  # wrong when clean
    asked = []

    class Blackens:
        """An attack that turns all pictures that it is given black, and notes how many."""

        def __init__(self, *settings):
            pass

        def __call__(self, model, x, labels, seed):
            asked.append(len(x))
            return torch.zeros_like(x)

    monkeypatch.setattr(student, "Apgd", Blackens)
    monkeypatch.setattr(
        student, "robust_at", lambda model, x, labels, radii, *more: (labels >= 0)[:, None].repeat(1, 3)
    )
    right = student.standing(models[0], x, labels, StudentSettings(), seed=0)
    black = (models[0].fast(torch.zeros_like(x)).argmax(1) == labels).numpy()
    assert asked == [4] and not black.all()
    np.testing.assert_array_equal(right[:, 1], black)
    assert right[:, 0].tolist() == [True, False, True, True] and right[:, 2:].all()
    np.testing.assert_array_equal(nested(right)[:, 3], right[:, 0] & black)


def test_a_task_without_a_student_has_no_such_report():
    with pytest.raises(ConfigError, match="students are trained for imagenet; got cifar10"):
        photographs(CIFAR10)


def test_the_command_line_knows_it():
    command = command_of(NAME)
    assert command.settings(7, 3) == replace(StudentSettings(), images=7, seed=3) and command.pictures is photographs
