"""The report `student` as a command."""

import numpy as np

from core.reports.form.command import Answer, Command
from core.reports.form.measuring import Request, batch_seed
from core.reports.form.report import Row
from core.reports.form.settings import sized
from core.reports.form.verification import Recomputation, Sample, from_entries, settings_from
from core.reports.student.report import (
    BATCH,
    EPSILONS,
    Student,
    StudentSettings,
    nested,
    photographs,
    standing,
    student_report,
)


def _run(request: Request[StudentSettings]) -> Answer:
    made = student_report(request)
    return Answer(made.report, tuple(map(_line, made.report.rows)))


def _line(row: Row) -> str:
    right = f"{row['right']:.1%} ({row['right_low']:.1%} to {row['right_high']:.1%})"
    return f"{row['model']:16} {_radius(row):14} right {right}, n = {row['right_n']}"


def _radius(row: Row) -> str:
    return f"within {row['epsilon'] * 255:g}/255" if row["epsilon"] else "clean"


def _recompute(sample: Sample) -> Recomputation:
    """How many photographs a network has right at one radius, one by one."""
    found = Student.read(sample.path)
    settings = settings_from(StudentSettings, found.report.settings)
    row = sample.draw.choice(found.report.rows)
    model, column, n = sample.network(row), EPSILONS.index(row["epsilon"]), sample.count(row["right_n"])
    again = [
        nested(standing(model, x, labels, settings, batch_seed(settings.seed, start)))[:, column]
        for start, x, labels in sample.batches(n, BATCH)
    ]
    reported = nested(found.arrays[f"right__{row['model']}"])[:n, column]
    return from_entries(f"{row['model']}, right {_radius(row)}", reported, np.concatenate(again))


COMMAND = Command(sized(StudentSettings, "images"), _run, _recompute, pictures=photographs)
