"""The report `answers` as a command."""

from functools import partial

import numpy as np

from core.explanations.labelled_answers import CHUNK, AnswerSettings
from core.metrics.answers import likeliest
from core.norms import radius_words
from core.reports.answers.report import Answers, AnswersSettings, answers_of, answers_report
from core.reports.form.command import Answer, Command
from core.reports.form.measuring import Request
from core.reports.form.report import Row
from core.reports.form.settings import sized
from core.reports.form.verification import Recomputation, Sample, from_entries


def _run(request: Request[AnswersSettings]) -> Answer:
    made = answers_report(request)
    return Answer(made.report, tuple(map(_line, made.report.rows)))


def _line(row: Row) -> str:
    return (
        f"{row['model']:28} clean {row['clean']:.1%}, ECE {row['ece']:.1%}; "
        f"{radius_words(row['norm'], row['epsilon'])} {row['norm']}: {row['robust']:.1%}, ECE {row['ece_adv']:.1%}; "
        f"n = {row['clean_n']:,}"
    )


def _recompute(sample: Sample) -> Recomputation:
    """How many answers of a network are right under attack, image by image."""
    found = Answers.read(sample.path)
    row = sample.draw.choice(found.report.rows)
    key, norm, made = row["model"], row["norm"], found.report.settings
    n = sample.count(found.images)
    settings = AnswerSettings(row["epsilon"], norm, made["steps"], made["seed"])
    measure = partial(answers_of, sample.network(row), sample.data, settings)
    again = [measure(start, start + len(x))["logits_adv"] for start, x, _ in sample.batches(n, CHUNK)]
    labels = found.arrays["labels"][:n]
    before, after = (
        likeliest(logits) == labels
        for logits in (found.arrays[f"logits_adv__{key}__{norm}"][:n], np.concatenate(again))
    )
    words = f"{key}, right answers under PGD-{made['steps']}, {norm} {radius_words(norm, row['epsilon'])}"
    return from_entries(words, before, after)


COMMAND = Command(sized(AnswersSettings, "images"), _run, _recompute)
