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
- `<measure>_seconds`: what the searches took;
- `apgd_near`, `apgd_middle`, `apgd_far`: accuracy under APGD (`core.attacks.apgd`, gradients in "bf16", judged in
  float32) within the L2 radius `apgd_near_l2` and so on, in input units: half, once and twice the task's. Of the first
  300 images of the row, for the networks that are measured on more images alone.

The area comes first, then APGD, then the other searches: what is not there yet is absent from row and arrays.

Arrays, in the data set's order of images from the first on (n is 1,000 for some models and 500 for others, and for
those with a `first_image` the images from there on follow: take the array's length), for `<search>` attack, btr and
clamped:

- `distance_<search>__<model>` float32 (n,): the smallest RMSE found that meets the goal; 0 where the image meets it
  unchanged, inf where nothing was found. Measured from the images, and their success by a pass of its own;
- `first_<search>__<model>` int16 (n,): the step of the reference before which the goal was first met, -1 for never;
- `gradient_norm__<model>` float32 (n,): L2 norm of the input gradient of cross-entropy with the true label;
- `reach__<model>` float32 (300,): of the row's first images the smallest of the three radii at which APGD broke it; 0
  where it was wrong when clean, inf where none did.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from core.data.datasets import LabelledImages
from core.models.zoo import ZooModel
from core.reports.adversarial.measurements import (
    MORE,
    REACH_IMAGES,
    REACHES,
    SEARCHES,
    AdversarialSettings,
    gradient_norms,
    measure,
    reached,
)
from core.reports.adversarial.rows import reach_figures, row, search_figures
from core.reports.form import chosen
from core.reports.form.masking import hides_gradient
from core.reports.form.measuring import Measurer, Measuring, Request
from core.reports.form.report import Arrays, Row
from core.reports.form.resume import Measured, Part, ReportDraft

NAME = "adversarial"
BATCH = 100


class Adversarial(Measured):
    """The report with its arrays per image; the module's text says what is in both."""


def adversarial_report(request: Request[AdversarialSettings]) -> Adversarial:
    """The report over the networks of one task."""
    task, data = request.task, request.data
    stated = request.settings.stated(task.key) | {"data": data.origin, "test_images": len(data), "batch": BATCH}
    stated |= chosen.stated(task.key)

    draft, bench = request.draft(stated), AdversarialMeasurer(request, stated)

    def subjects(row: Row) -> list[str]:
        key = str(row["model"])
        return [key, *(added for name in SEARCHES if (added := f"{key}__{name}") in draft.made)]

    def result(draft: ReportDraft) -> Adversarial:
        rows = (bench.with_reach(row, draft.arrays) for key in draft.keys for row in draft.rows[key])
        return Adversarial(draft.report(task.key, NAME, draft.signed(rows, subjects)), dict(draft.arrays))

    def unreached(model: ZooModel) -> tuple[str, ...]:
        key = model.card.key
        return () if (task.key, key) not in MORE or f"reach__{key}" in draft.arrays else tuple(REACHES)

    def unsearched(model: ZooModel) -> tuple[str, ...]:
        return tuple(name for name in SEARCHES if f"distance_{name}__{model.card.key}" not in draft.arrays)

    def search(model: ZooModel, missing: Sequence[str]) -> tuple[Part, float, list[Row]]:
        (known,) = draft.rows[model.card.key]
        return bench.searches(model, missing, known, draft.arrays)

    measuring = Measuring(request, draft, result)
    measuring.networks(bench.network)
    measuring.more(unreached, bench.reach)
    return measuring.extended(unsearched, search)


def _from(own: int, arrays: Part) -> Part:
    """The arrays of a network's own images, which begin there."""
    return {name: values[own:] for name, values in arrays.items()}


def _of_images(data: LabelledImages, of: Callable[[Tensor, Tensor], Part], start: int, stop: int) -> Part:
    """What `of` gives for the images from `start` to `stop` and their labels."""
    return of(data.images(start, stop), data.labels[start:stop])


class AdversarialMeasurer(Measurer[AdversarialSettings]):
    """Measures a network's distances."""

    def __init__(self, request: Request[AdversarialSettings], stated: Mapping[str, Any]) -> None:
        """Measure with what the report states."""
        super().__init__(request, {"report": NAME} | dict(stated), BATCH)

    def network(self, model: ZooModel) -> tuple[Part, float, list[Row]]:
        """The area's arrays of a network by their full names, the seconds that they took, and its row."""
        key, (images, own) = model.card.key, self._images(model)
        slopes = partial(_of_images, images, partial(gradient_norms, model.fast))
        norms, spent = self.over(model, "gradient", len(images), slopes)
        found, seconds = self._search(model, "attack", images, norms["gradient_norm"])
        arrays = {f"gradient_norm__{key}": norms["gradient_norm"]} | found
        first = chosen.first_image(self.data, self.task.key, key, len(images) - own)
        figures = {"sha256": model.card.sha256, "first_image": first}
        figures |= row(self.task.classes, key, self.settings, seconds, _from(own, arrays))
        return arrays, spent + seconds, [figures]

    def searches(
        self, model: ZooModel, names: Sequence[str], known: Row, arrays: Arrays
    ) -> tuple[Part, float, list[Row]]:
        """The same of further searches, for a network with a row and arrays."""
        key, (images, own) = model.card.key, self._images(model)
        added, total, figures = Part(), 0.0, dict(known)
        for name in names:
            found, seconds = self._search(model, name, images, arrays[f"gradient_norm__{key}"])
            figures |= search_figures(name, self.task.classes, key, self.settings, seconds, _from(own, found))
            added, total = added | found, total + seconds
        return added, total, [figures]

    def _images(self, model: ZooModel) -> tuple[LabelledImages, int]:
        """What a network is attacked on, and at which of these images those begin that its row is of."""
        key = model.card.key
        return chosen.with_fresh(
            self.data, self.task.key, key, min(self.settings.images_of(self.task.key, key), len(self.data))
        )

    def _search(
        self, model: ZooModel, name: str, images: LabelledImages, norms: NDArray[np.floating]
    ) -> tuple[Part, float]:
        """The arrays of one of the `SEARCHES`, by their full names, and the seconds that it took."""
        of = partial(measure, model.fast, search=self.settings.search(name), softened=hides_gradient(norms))
        found, seconds = self.over(model, name, len(images), partial(_of_images, images, of))
        return {f"{what}_{name}__{model.card.key}": values for what, values in found.items()}, seconds

    @property
    def radii(self) -> list[float]:
        """The L2 radii of `REACHES`, in input units."""
        return [multiple * self.task.radii["l2"] for multiple in REACHES.values()]

    def reach(self, model: ZooModel, missing: Sequence[str]) -> tuple[Part, float]:
        """What APGD at the radii of `REACHES` leaves of a network's images, and the seconds that it took."""
        images, own = self._images(model)
        images = images.part(own, own + min(REACH_IMAGES, len(images) - own))
        found, seconds = self.over(model, "apgd", len(images), partial(self._reached, model, images))
        return {f"reach__{model.card.key}": found["reach"]}, seconds

    def _reached(self, model: ZooModel, images: LabelledImages, start: int, stop: int) -> Part:
        x, labels = images.images(start, stop), images.labels[start:stop]
        return reached(model.fast, x, labels, self.radii, self.seed(start))

    def with_reach(self, row: Row, arrays: Arrays) -> Row:
        """A network's row with the figures of APGD, where they are known."""
        reach = arrays.get(f"reach__{row['model']}")
        return row if reach is None else dict(row) | reach_figures(self.radii, reach)
