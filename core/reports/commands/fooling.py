"""The report `fooling` as a command."""

import numpy as np

from core.reports.fooling.report import BATCH, MEASUREMENTS, MODELS, Fooling, FoolingSettings, fooling_report
from core.reports.form.command import Answer, Command
from core.reports.form.measuring import Request
from core.reports.form.report import Row
from core.reports.form.settings import sized
from core.reports.form.verification import Recomputation, Sample, from_entries


def _run(request: Request[FoolingSettings]) -> Answer:
    made = fooling_report(request)
    return Answer(made.report, tuple(map(_line, made.report.rows)))


def _line(row: Row) -> str:
    share = f"{row['succeeded']:.0%} ({row['succeeded_low']:.0%} to {row['succeeded_high']:.0%})"
    head = f"{row['model']:16} {row['method']:20} {row['what']:8} {share:18} n = {row['succeeded_n']}, "
    if row["what"] == "moved":
        return head + (
            f"correlation {row['correlation_target']:+.2f} with the target, {row['correlation_original']:+.2f} with "
            f"what was; {row['mass']:.0%} -> {row['mass_adv']:.0%} of the map in place"
        )
    return head + (
        f"inside {row['changed_inside']:.0%}, anywhere {row['changed_anywhere']:.0%}, with "
        f"{row['share_outside']:.0%} of its energy outside on {row['area_outside']:.0%} of the pixels"
    )


def _recompute(sample: Sample) -> Recomputation:
    """One figure of a network's heat maps led astray, image by image."""
    found = Fooling.read(sample.path)
    row = sample.draw.choice(found.report.rows)
    what, method, head = row["what"], row["method"], f"{row['what']}_"
    of = f"__{row['model']}__{method}"
    name = sample.draw.choice(sorted(each for each in found.arrays if each.startswith(head) and each.endswith(of)))
    figure, model = name.removeprefix(head).removesuffix(of), sample.network(row)
    n = sample.count(len(found.arrays[name]))
    seed = found.report.settings["seed"] * 1_000_003
    again = [MEASUREMENTS[what](model, x, method, seed + start)[figure] for start, x, _ in sample.batches(n, BATCH)]
    words = f"{row['model']}, {method} {what}, {figure.replace('_', ' ')}"
    return from_entries(words, found.arrays[name][:n], np.concatenate(again))


COMMAND = Command(sized(FoolingSettings, "images"), _run, _recompute, MODELS)
