"""The report `transfer` as a command; the report `transfer-readings` is written beside it."""

from collections.abc import Iterator, Sequence

import torch

from core.norms import radius_words
from core.reports.claims import transfer
from core.reports.form.command import Answer, Command
from core.reports.form.measuring import Request
from core.reports.form.report import Row, write_report
from core.reports.form.settings import sized
from core.reports.form.verification import Recomputation, Sample, from_entries
from core.reports.robustness.measurements import right
from core.reports.transfer.report import BATCH, Transfer, TransferSettings, made_against, transfer_report


def _run(request: Request[TransferSettings]) -> Answer:
    made = transfer_report(request)
    found = transfer.readings(made)
    if request.path is not None:
        write_report(found, request.path.with_name(f"{transfer.NAME}.json"))
    radius = request.models[0].task.radii["linf"]
    told = [row for row in made.report.rows if row["epsilon"] == radius]
    return Answer(made.report, (*_lines(told), *map(_verdict, transfer.verdicts(found.rows))))


def _lines(rows: Sequence[Row]) -> Iterator[str]:
    """A line for each attack and source: accuracy of the source itself, and of the others."""
    for attack, source in dict.fromkeys((row["attack"], row["source"]) for row in rows):
        of_source = [row for row in rows if (row["attack"], row["source"]) == (attack, source)]
        itself = [row["accuracy"] for row in of_source if row["model"] == source]
        others = [row["accuracy"] for row in of_source if row["model"] != source]
        line = f"{attack:14} epsilon {of_source[0]['epsilon']:.3g} against {source:28}"
        line += "".join(f" itself {share:6.1%}" for share in itself)
        yield line + (f", others {min(others):.1%} to {max(others):.1%}" if others else "")


def _verdict(found: transfer.ClaimVerdict) -> str:
    counts = f"{found.held} held and {found.reversed} reversed of {found.of}"
    return f"{found.reading:2} {found.verdict:9} {counts}: {found.claim}"


def _recompute(sample: Sample) -> Recomputation:
    """One cell of the matrix, image by image."""
    found = Transfer.read(sample.path)
    row = sample.draw.choice([row for row in found.report.rows if row["epsilon"] > 0])
    attack, epsilon = row["attack"], row["epsilon"]
    source = sample.network({"model": row["source"]}, found.weights)
    model = sample.network(row, found.weights)
    at = list(found.report.settings["epsilons"]).index(epsilon)
    reported = found.arrays[f"right_{attack}__{row['source']}__{row['model']}"][at]
    n = sample.count(len(reported))
    again = [
        right(model.fast, made_against(source.fast, x, labels, attack, epsilon), labels)
        for _, x, labels in sample.batches(n, BATCH)
    ]
    return from_entries(
        f"{row['model']} on {attack} against {row['source']}, linf {radius_words('linf', epsilon)}",
        reported[:n],
        torch.cat(again).cpu().numpy(),
    )


COMMAND = Command(sized(TransferSettings, "images"), _run, _recompute, batches=False)
