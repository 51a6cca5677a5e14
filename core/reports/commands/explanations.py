"""The report `explanations` as a command."""

import numpy as np

from core.data.datasets import load
from core.explanations.class_evidence import EVIDENCE_MEASURES, JUDGES, judges_of, measures
from core.models.zoo import cards, load_zoo_model
from core.reports.explanations.report import BATCH, ExplanationsReport, ExplanationsSettings, explanations_report
from core.reports.form.command import Answer, Command
from core.reports.form.measuring import Request
from core.reports.form.report import Row
from core.reports.form.settings import sized
from core.reports.form.verification import Recomputation, Sample, from_entries


def _run(request: Request[ExplanationsSettings]) -> Answer:
    task = request.task
    judges = [load_zoo_model(task.key, key).on(request.data.device) for key in JUDGES if key in cards(task.key)]
    made = explanations_report(request, judges or request.models, load(task, "val"))
    cuts = made.thresholds
    head = (
        f"draws: two of transfer >= {cuts.transfer:.2f}, low frequencies >= {cuts.low_frequency:.2f}, "
        f"agreement >= {cuts.agreement:.2f}; on val "
        + ", ".join(map(_on_val, made.report.settings["val_draws"].items()))
    )
    return Answer(made.report, (head, *map(_line, made.report.rows)))


def _on_val(share: tuple[str, float]) -> str:
    return f"{share[0]} {share[1]:.0%}"


def _line(row: Row) -> str:
    measures = ", ".join(
        f"{name.replace('_', ' ')} {'-' if row[name] is None else format(row[name], '.2f')}"
        for name in ("transfer", "low_frequency", "agreement")
    )
    interval = f"{row['draws']:.0%} ({row['draws_low']:.0%} to {row['draws_high']:.0%})"
    return f"{row['model']:28} draws {interval:18} n = {row['draws_n']}; {measures}"


def _recompute(sample: Sample) -> Recomputation:
    """One of the three measures of a network's attacks, image by image."""
    found = ExplanationsReport.read(sample.path)
    row, name = sample.draw.choice(found.report.rows), sample.draw.choice(EVIDENCE_MEASURES)
    weights = found.report.settings["judges"]
    model = sample.network(row)
    judges = judges_of(model, [sample.network({"model": key}, weights) for key in weights])
    reported = found.arrays[f"{name}__{row['model']}"]
    n = sample.count(len(reported))
    again = [
        getattr(measures(model, judges, x, found.rho, found.report.settings["seed"]), name)
        for _, x, _ in sample.batches(n, BATCH)
    ]
    return from_entries(f"{row['model']}, {name.replace('_', ' ')}, mean", reported[:n], np.concatenate(again))


COMMAND = Command(sized(ExplanationsSettings, "images"), _run, _recompute)
