"""A synthetic report `answers` over the models of a folder, in the form that the engine writes."""

from pathlib import Path

import numpy as np

from core.data.tasks import task_named
from core.models.zoo import cards
from core.reports.answers.report import NAME, Answers
from core.reports.form.report import Report, report_path

IMAGES = 40


def write_answers(models: Path, reports: Path, task: str, without: str = "") -> None:
    """The report on all models of a task but one: right answers when clean, half of them wrong when attacked."""
    problem, found = task_named(task), {key: card for key, card in cards(task, models).items() if key != without}
    labels = np.arange(IMAGES) % problem.classes
    clean = 4 * np.eye(problem.classes)[labels]
    attacked = np.where(np.arange(IMAGES)[:, None] % 2, clean, np.roll(clean, 1, 1))
    arrays = {"labels": labels.astype(np.int16)} | {f"logits__{key}": clean.astype(np.float16) for key in found}
    rows = []
    for key, card in found.items():
        for norm, epsilon in problem.radii.items():
            arrays[f"logits_adv__{key}__{norm}"] = attacked.astype(np.float16)
            rows.append({"model": key, "sha256": card.sha256, "norm": norm, "epsilon": epsilon})
    settings = {"steps": 20, "seed": 0, "data": "made up"}
    Answers(Report(task, NAME, settings, {"runs": {}}, tuple(rows)), arrays).write(report_path(task, NAME, reports))
