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

from core.metrics.map_agreement import AGREEMENTS
from core.models.zoo import ZooModel
from core.reports.form.measuring import Measuring, Request
from core.reports.form.report import ASSETS, Row
from core.reports.form.resume import Measured, Part, ReportDraft, standard_first
from core.reports.saliency.agreement import Maps, between, within
from core.reports.saliency.measurements import SaliencyMeasurer, SaliencySettings
from core.reports.saliency.rows import robustness, rows

NAME = "saliency"


class SaliencyReport(Measured):
    """The report with its arrays per image; the module's text says what is in both."""


def saliency_report(request: Request[SaliencySettings], reports: Path = ASSETS) -> SaliencyReport:
    """The report over the networks of one task; images with maps bring the measures of place.

    Args:
        request: what is asked.
        reports: folder of the reports that tell of the networks' robustness.

    Raises:
        InputError: one of those reports is damaged.
    """
    task, settings = request.task, request.settings
    stated = settings.stated(task, request.data)
    bench = SaliencyMeasurer(request, {"report": NAME} | stated, stated["measures"])
    draft = request.draft(stated)

    def result(draft: ReportDraft) -> SaliencyReport:
        weights = {key: draft.weights[key] for key in draft.keys}
        known = robustness(task.key, weights, draft.arrays, reports)
        found = draft.signed(rows(weights, stated["measures"], stated["methods"], draft.arrays, known))
        return SaliencyReport(draft.report(task.key, NAME, found), dict(draft.arrays))

    def measure(model: ZooModel) -> tuple[Part, float, tuple[Row, ...]]:
        arrays, seconds = bench.network(model)
        began = time.perf_counter()
        found = within(_maps(bench, model), settings.methods)
        arrays |= {f"within-{name}__{model.card.key}": values for name, values in found.items()}
        return arrays, seconds + time.perf_counter() - began, ()

    Measuring(request, draft, result).networks(measure)
    _compare(request.models, bench, draft)
    made = result(draft)
    made.write(request.path)
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
