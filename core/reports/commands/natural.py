"""The report `natural` as a command."""

import numpy as np

from core.natural.catalogue import CHANGES
from core.reports.form.command import Answer, Command
from core.reports.form.measuring import Request
from core.reports.form.report import Row
from core.reports.form.settings import sized
from core.reports.form.verification import Recomputation, Sample, from_entries
from core.reports.natural.report import LEVELS, Natural, NaturalSettings, batch_of, natural_report, standing


def _run(request: Request[NaturalSettings]) -> Answer:
    made = natural_report(request)
    return Answer(made.report, tuple(map(_line, made.report.rows)))


def _line(row: Row) -> str:
    kept = f"{row['kept']:.1%} ({row['kept_low']:.1%} to {row['kept_high']:.1%})"
    return f"{row['model']:16} {row['change']:12} {row['amounts']:12} kept {kept}, n = {row['kept_n']}"


def _recompute(sample: Sample) -> Recomputation:
    """How many answers of a network stand a change of one level, image by image."""
    found = Natural.read(sample.path)
    row = sample.draw.choice(found.report.rows)
    model, level, change = sample.network(row), LEVELS.index(row["level"]), CHANGES[row["change"]]
    n = sample.count(row["kept_n"])
    reported = found.arrays[f"kept__{row['model']}__{row['change']}"][:n, level]
    again = [
        standing(model, x, labels, change)["kept"][:, level] for _, x, labels in sample.batches(n, batch_of(model.task))
    ]
    words = f"{row['model']}, answers that stand {row['change']} of {row['amounts']}"
    return from_entries(words, reported, np.concatenate(again))


COMMAND = Command(sized(NaturalSettings, "images"), _run, _recompute)
