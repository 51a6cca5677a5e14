"""The report `saliency`: which maps to trust, measured for each network and method of a task.

Rows, one per model, method and measure (`core.saliency.measures`); the class explained is the one predicted:

- `model`, `sha256` of its weights, `method` ("" for a measure of the network itself), `measure`;
- `value`: the median over the images for which the measure has a meaning, with `value_low`, `value_high` (95 %,
  bootstrap) and `value_n`; null where there are none;
- `mean`: the mean over the same images;
- `better`: "higher", "lower" or "neither".

Of the pointing game and the mass on the object `value` is the mean, for a median of hits says little. Where the task
has masks or boxes, `method` "" also has `measure` "area": the object's share of the picture, which is what a map that
knows nothing reaches in both.

Rows of `method` "zoo" hold a published relation against this zoo (Etmann et al. 2019, arXiv:1905.04172): `measure` is
"relation-" and a measure of networks, `value` Spearman's correlation over the networks between its median and
`against`, with its interval over resampled networks and `value_n` networks; null below four. `model` and `sha256` are
"". `against` is

- "pgd": accuracy under PGD at the task's radius in L2, measured here on the same images as the measure (right under
  both of two runs: on logits as they are, and divided by their deviation, since a distilled network hides its gradient
  from the first);
- "ara": the accuracy-robustness area of the report `adversarial`;
- "robust-linf", "robust-l2": accuracy under PGD of the report `accuracy`, in which a distilled network hides.

The last three are of the networks that those reports know by the same weights.

Arrays, the first images of the test set in its order (n differs: take the array's length):

- `<measure>__<model>__<method>` float32 (n,), NaN where a measure has no meaning; `<measure>__<model>` for measures of
  networks; `pgd__<model>` bool (n,), right under both runs of PGD;
- `within-<agreement>__<model>` float32 (M, M): how much a network's maps of two methods agree
  (`core.metrics.map_agreement`), the mean over the images that both methods are measured on; methods in the settings'
  order;
- `between-<agreement>__<model>__<model>` float32 (M,): how much two networks' maps of a method agree, likewise; the
  models in the order of the rows, and only those that one run had together.
"""

import time
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

from core.data.datasets import LabelledImages
from core.data.tasks import Task
from core.metrics.map_agreement import AGREEMENTS
from core.models.zoo import ZooModel
from core.progress import OnPartProgress, silent_on_parts
from core.reports.form.parts_cache import PartsCache
from core.reports.form.report import ASSETS, Report, common_task
from core.reports.form.resume import Measured, ReportDraft, standard_first
from core.reports.saliency.agreement import Maps, between, within
from core.reports.saliency.measurements import SaliencyMeasurer, SaliencySettings
from core.reports.saliency.rows import robustness, rows

NAME = "saliency"


class SaliencyReport(Measured):
    """The report with its arrays per image; the module's text says what is in both."""


def saliency_report(
    models: Sequence[ZooModel],
    data: LabelledImages,
    settings: SaliencySettings,
    scratch: Path,
    path: Path | None = None,
    on_progress: OnPartProgress = silent_on_parts,
    reports: Path = ASSETS,
    allow_uncommitted: bool = False,
) -> SaliencyReport:
    """The report over the networks of one task.

    Args:
        models: classifiers of one task.
        data: labelled images of that task; those with maps bring the measures of place.
        settings: what to measure.
        scratch: folder for what is measured so far, a file for each method and ten images of each network.
        path: where the report is kept, its arrays beside it. What is there already with the same settings, data and
            weights is kept, other networks' rows too. None keeps nothing.
        on_progress: called with what is measured, images done, and of how many.
        reports: folder of the reports that tell of the networks' robustness.
        allow_uncommitted: keep the report also where no commit stands for the code.

    Raises:
        InputError: no images, networks of several tasks, images of another shape, a folder can't be written, or one of
            those reports is damaged.
        ConfigError: the report is to be kept, the code is uncommitted, and that is not allowed.
    """
    task = common_task(models, data)
    stated = settings.stated(task, data)
    bench = SaliencyMeasurer(
        task, data, settings, stated["measures"], PartsCache(scratch / task.key, {"report": NAME} | stated), on_progress
    )
    book = ReportDraft(path, stated, models, allow_uncommitted)
    for model in models:
        if model not in book:
            arrays, seconds = bench.network(model)
            began = time.perf_counter()
            found = within(_maps(bench, model), settings.methods)
            arrays |= {f"within-{name}__{model.card.key}": values for name, values in found.items()}
            book.add(model, arrays, seconds + time.perf_counter() - began)
            _result(task, book, reports).write(path)
    _compare(models, bench, book)
    made = _result(task, book, reports)
    made.write(path)
    return made


def _compare(models: Sequence[ZooModel], bench: SaliencyMeasurer, book: ReportDraft) -> None:
    """Take in how much the networks agree, pair by pair."""
    by_key = {model.card.key: model for model in models}
    for one, other in combinations(standard_first(by_key), 2):
        names = {name: f"between-{name}__{one}__{other}" for name in AGREEMENTS}
        if not all(name in book.arrays for name in names.values()):
            began = time.perf_counter()
            methods = bench.settings.methods
            found = between(_maps(bench, by_key[one]), _maps(bench, by_key[other]), methods)
            book.add_arrays({names[name]: values for name, values in found.items()}, time.perf_counter() - began)


def _maps(bench: SaliencyMeasurer, model: ZooModel) -> Maps:
    return {method: bench.heatmaps(model, method) for method in bench.settings.methods}


def _result(task: Task, book: ReportDraft, reports: Path) -> SaliencyReport:
    """Report and arrays."""
    stated = book.settings
    weights = {key: book.weights[key] for key in book.keys}
    known = robustness(task.key, weights, book.arrays, reports)
    found = book.signed(rows(weights, stated["measures"], stated["methods"], book.arrays, known))
    return SaliencyReport(Report(task.key, NAME, stated, book.provenance(), found), dict(book.arrays))
