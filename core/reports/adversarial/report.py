"""The report `adversarial`: how far each image of a task lies from being misclassified, network by network.

Rows, one per model, of the first test images or, where these chose the network's recipe, of as many others
(`core.reports.form.chosen`); sizes are RMSE in [0, 1] pixel units; a figure `f` comes with `f_low`, `f_high` at 95 %
and `f_n` images (null where a figure has no value):

- `model`, `sha256` of its weights;
- `first_image`: the test image, counted from 0, that the row's images begin with;
- `accuracy`: share right when clean, of the images that are attacked;
- `zero_gradient`: share of them whose input gradient of cross-entropy is numerically zero; `loss`: what the searches
  follow: "cross-entropy", as the reference does, or "softened" (`core.attacks.softened`) where that share is above 10 %
  and the reference's form would find nothing;
- `ara`: the accuracy-robustness area of the attack ("the label is no longer the prediction") in the reference's form,
  without clamp; `ara_binned`: the same with the reference's 1,000 bins, beside the exact sum;
- `btr_ara`, `btr_ara_binned`: likewise with "better than random" ("the label's probability is at most 1/K");
- `ara_clamped`, `ara_clamped_binned`: of images kept in [0, 1], searched more finely: what is compared with a library's
  minimum-norm attack. Where the finer search counts for more than the clamp, it lies below `ara`;
- `median_rmse`: the median distance of the attack over the images that are right when clean;
- `<measure>_censored`: images for which nothing was found. They count as right up to the largest distance found; where
  they are more than 2 %, the area is null, for nobody knows how far these images are;
- `<measure>_reason`: why it is null, and null where it is not;
- `<measure>_late`: images that did not reach their goal in the first half of the reference's steps; the reference
  refuses these settings where there are any;
- `<measure>_seconds`: what the searches took.

Arrays, in the data set's order of images from the first on (n is 1,000 for some models and 500 for others, and for
those with a `first_image` the images from there on follow: take the array's length), for `<search>` attack, btr and
clamped:

- `distance_<search>__<model>` float32 (n,): the smallest RMSE found that meets the goal; 0 where the image meets it
  unchanged, inf where nothing was found. Measured from the images, and their success by a pass of its own;
- `first_<search>__<model>` int16 (n,): the step of the reference before which the goal was first met, -1 for never;
- `gradient_norm__<model>` float32 (n,): L2 norm of the input gradient of cross-entropy with the true label.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from torch import Tensor

from core.data.datasets import LabelledImages
from core.data.tasks import Task
from core.models.zoo import ZooModel
from core.progress import OnPartProgress, silent_on_parts
from core.reports.adversarial.measurements import SEARCHES, AdversarialSettings, gradient_norms, measure
from core.reports.adversarial.rows import row
from core.reports.form import chosen
from core.reports.form.masking import hides_gradient
from core.reports.form.parts_cache import PartsCache
from core.reports.form.report import Report, common_task
from core.reports.form.resume import Measured, Part, ReportDraft, joined

NAME = "adversarial"
BATCH = 100


class Adversarial(Measured):
    """The report with its arrays per image; the module's text says what is in both."""


def adversarial_report(
    models: Sequence[ZooModel],
    data: LabelledImages,
    settings: AdversarialSettings,
    scratch: Path,
    path: Path | None = None,
    on_progress: OnPartProgress = silent_on_parts,
    allow_uncommitted: bool = False,
) -> Adversarial:
    """The report over the networks of one task.

    Args:
        models: classifiers of one task.
        data: labelled images of that task.
        settings: what to measure.
        scratch: folder for what is measured so far, a file for each batch of each search, so that a killed run goes on
            within minutes of where it stopped; several runs may share it.
        path: where the report is kept, its arrays beside it. What is there already with the same settings, data and
            weights is kept, other networks' rows too. None keeps nothing.
        on_progress: called with what is measured, images done, and of how many.
        allow_uncommitted: keep the report also where no commit stands for the code.

    Raises:
        InputError: no images, networks of several tasks, images of another shape, or a folder can't be written.
        ConfigError: the report is to be kept, the code is uncommitted, and that is not allowed.
    """
    task = common_task(models, data)
    stated = settings.stated(task.key) | {"data": data.origin, "test_images": len(data), "batch": BATCH}
    stated |= chosen.stated(task.key)
    store = PartsCache(scratch / task.key, {"report": NAME} | stated)
    book = ReportDraft(path, stated, models, allow_uncommitted)
    for model in models:
        if model in book:
            continue
        key = model.card.key
        count = min(settings.images_of(task.key, key), len(data))
        images, own = chosen.with_fresh(data, task.key, key, count)
        arrays, seconds = _measured(model, images, settings, store, on_progress)
        figures = {"sha256": model.card.sha256, "first_image": chosen.first_image(data, task.key, key, count)}
        figures |= row(task.classes, key, settings, seconds, {name: values[own:] for name, values in arrays.items()})
        book.add(model, arrays, sum(seconds.values()), [figures])
        _result(task, book).write(path)
    return _result(task, book)


def _measured(
    model: ZooModel, data: LabelledImages, settings: AdversarialSettings, store: PartsCache, on_progress: OnPartProgress
) -> tuple[Part, dict[str, float]]:
    """The arrays of one network by their full names, and the seconds of each search."""
    seconds: dict[str, float] = {}

    def over_batches(name: str, of: Callable[[Tensor, Tensor], Part]) -> Part:
        found = []
        for start in range(0, len(data), BATCH):
            stop = min(start + BATCH, len(data))
            make = partial(of, data.images(start, stop), data.labels[start:stop])
            found.append(store.get(f"{model.card.key}-{name}-{start}-{stop}", model.card.sha256, make))
            on_progress(f"{model.card.key} {name}", stop, len(data))
        whole, seconds[name] = joined(found)
        return whole

    norms = over_batches("gradient", partial(gradient_norms, model.fast))["gradient_norm"]
    arrays: Part = {f"gradient_norm__{model.card.key}": norms}
    for name in SEARCHES:
        searched = partial(measure, model.fast, search=settings.search(name), softened=hides_gradient(norms))
        whole = over_batches(name, searched)
        arrays |= {f"{what}_{name}__{model.card.key}": values for what, values in whole.items()}
    return arrays, seconds


def _result(task: Task, book: ReportDraft) -> Adversarial:
    """Report and arrays."""
    rows = book.signed(row for key in book.keys for row in book.rows[key])
    return Adversarial(Report(task.key, NAME, book.settings, book.provenance(), rows), dict(book.arrays))
