"""The report of answers: arrays hold what is measured at once, rows are counted from them, others get none."""

from dataclasses import replace

import numpy as np
import pytest

from core.explanations.labelled_answers import AnswerSettings, measure_answers
from core.reports.answers.report import NAME, STEP, Answers, AnswersSettings, answers_report
from core.reports.catalogue import command_of
from core.reports.form.measuring import Request

SETTINGS = AnswersSettings(images=55, steps=2, seed=3)  # a chunk and a bit, so that seeds of chunks count


@pytest.mark.slow
def test_a_report_gives_the_answers_that_measuring_gives(models, data, tmp_path):
    path = tmp_path / f"{NAME}.json"
    answers_report(Request(models, data, SETTINGS, tmp_path, path, allow_uncommitted=True))
    made, model = Answers.read(path), models[1]
    settings = AnswerSettings(model.task.radii["l2"], "l2", steps=2, seed=3)
    found = made.of(model.card.sha256, settings, 55)
    direct = measure_answers(model, data.first(55), settings)
    np.testing.assert_allclose(found.logits, direct.logits, atol=0.51 * STEP)
    np.testing.assert_allclose(found.logits_adv, direct.logits_adv, atol=0.51 * STEP)
    np.testing.assert_array_equal(found.labels, direct.labels)
    assert found.model == direct.model and found.settings.items() >= direct.settings.items()
    (row,) = (row for row in made.report.rows if row["model"] == model.card.key and row["norm"] == "l2")
    assert row["robust"] == (found.answers_adv == found.labels).mean() and row["robust_n"] == 55
    few = made.of(model.card.sha256, settings, 10)
    np.testing.assert_array_equal(few.logits_adv, found.logits_adv[:10])
    others = (replace(settings, steps=3), replace(settings, seed=0), replace(settings, queries=9))
    assert [made.of(model.card.sha256, other, 55) for other in others] == [None] * 3
    assert made.of(model.card.sha256, settings, 56) is None and made.of("0", settings, 5) is None


def test_the_command_line_knows_it():
    assert command_of(NAME).settings(7, 3) == AnswersSettings(images=7, seed=3)
