"""The report `saliency` as a command."""

import tempfile
from functools import partial
from pathlib import Path

from core.explanations.catalogue import ATTRIBUTION_METHODS
from core.reports.form.command import Answer, Command
from core.reports.form.measuring import Request
from core.reports.form.report import Row
from core.reports.form.settings import sized
from core.reports.form.verification import Recomputation, Sample, from_entries, settings_from
from core.reports.saliency.measurements import COSTLY, SaliencyMeasurer, SaliencySettings
from core.reports.saliency.report import SaliencyReport, saliency_report
from core.reports.saliency.rows import middle


def _run(request: Request[SaliencySettings]) -> Answer:
    made = saliency_report(request)
    return Answer(made.report, tuple(map(_line, made.report.rows)))


def _line(row: Row) -> str:
    measure = row["measure"] + (f" against {row['against']}" if "against" in row else "")
    head = f"{row['model']:16} {row['method']:24} {measure:44} "
    if row["value"] is None:
        return head + f"no figure (n = {row['value_n']})"
    return head + f"{row['value']:.3f} ({row['value_low']:.3f} to {row['value_high']:.3f}, n = {row['value_n']})"


def _recompute(sample: Sample) -> Recomputation:
    """One measure of a network or of its maps by one of the cheaper methods, image by image."""
    found = SaliencyReport.read(sample.path)
    row = sample.draw.choice([row for row in found.report.rows if _cheap(row) and _array(row) in found.arrays])
    model, measure = sample.network(row), row["measure"]
    reported = found.arrays[_array(row)]
    n = sample.count(len(reported))
    settings = settings_from(SaliencySettings, found.report.settings)
    with tempfile.TemporaryDirectory() as folder:
        bench = SaliencyMeasurer(Request([model], sample.data, settings, Path(folder)), {}, [measure])
        again = bench.values(model, row["method"], measure, n)
    words = f"{row['model']}, {row['method'] or 'the network'}, {measure}"
    return from_entries(words, reported[:n], again, partial(middle, measure))


def _cheap(row: Row) -> bool:
    return row["method"] == "" or (
        row["method"] in ATTRIBUTION_METHODS and ATTRIBUTION_METHODS[row["method"]].cost <= COSTLY
    )


def _array(row: Row) -> str:
    """The name of the array that a row is made of."""
    return f"{row['measure']}__{row['model']}" + (f"__{row['method']}" if row["method"] else "")


SIZED = sized(SaliencySettings, "images", "costly_images", "sensitivity_images", "network_images")
COMMAND = Command(SIZED, _run, _recompute)
