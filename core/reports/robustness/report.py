"""The report `robustness`: each network of a task under several attacks, and what would betray a masked one.

Rows, one per model and norm (shares in [0, 1]; a figure `f` comes with `f_low`, `f_high` at 95 % and `f_n` images):

- `model`, `sha256` of its weights, `norm`, `epsilon` (the task's radius);
- `clean`: accuracy on clean images;
- `pgd`, `pgd_double`: accuracy under PGD at epsilon, and at twice epsilon;
- `apgd`: accuracy under APGD on cross-entropy followed by targeted APGD-DLR at epsilon;
- `single_step`: accuracy under one gradient step of length epsilon;
- `far`: accuracy under PGD at `far_epsilon`, where every image can be made plain grey;
- `zero_gradient`: share of images whose input gradient is numerically zero;
- `transfer`, `transfer_source`: the lowest accuracy on the PGD images of another model, and that model; null and ""
  where the report has no other;
- `cost`: time of an epoch over that of the standard recipe; null where the recipe is not known;
- `masking`: the flags raised, joined by commas (see `core.reports.form.masking`); "" for none.

Arrays, in the data set's order of images (n is 1,000 for some models and 300 for others: take the array's length):

- `grid_<norm>` float32 (m,): the radii of the curves;
- `smallest_<norm>__<model>` float32 (n,): the smallest radius of the grid at which PGD broke the image; 0 where it was
  wrong when clean, inf where it never broke;
- `standing_apgd_<norm>__<model>` bool (n,): right under APGD at epsilon;
- `standing_single_step_<norm>__<model>` bool (n,): right under a single step;
- `standing_far_<norm>__<model>` bool (n,): right under PGD at `far_epsilon`;
- `log_probability__<model>` float32 (n,): of the true label, on the clean image, in nats;
- `gradient_norm__<model>`, `gradient_norm_other__<model>` float32 (n,): L2 norm of the input gradient of cross-entropy
  with the true label, and with the next one;
- `transfer_<norm>__<source>__<model>` bool (n,): the model is right on the image that PGD made against the source.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.attacks.apgd import LIBRARY, load_library
from core.data.datasets import LabelledImages
from core.data.tasks import Task
from core.models.zoo import ZooModel
from core.norms import NORMS
from core.progress import OnPartProgress, silent_on_parts
from core.reports.form.parts_cache import PartsCache
from core.reports.form.report import Report, Row, common_task, share
from core.reports.form.resume import Measured, Part, ReportDraft, joined
from core.reports.robustness.measurements import (
    FLOOR,
    MULTIPLES,
    PARTS,
    RobustnessSettings,
    Unit,
    examples,
    far_epsilon,
    grid,
    right,
)
from core.reports.robustness.rows import row
from core.training.cost import CostSettings, relative_cost
from core.training.zoo_plans import SHIPPED

NAME = "robustness"
BATCH = 100
CLEAN_BATCH = 500

FACTS = ("sha256", "clean", "clean_low", "clean_high", "clean_n", "cost")
"""What a row says that the arrays do not."""
BF16_AGREES = (
    "with bfloat16 gradients the same 75 of the first 200 test images stand for cifar10 pgd-linf in L-infinity as with "
    "float32 gradients, in 0.61 of the time"
)
"""Why `apgd_precision` may be "bf16": measured on CPU, stated in each report."""


class Robustness(Measured):
    """The report with its arrays per image; the module's text says what is in both."""


def robustness_report(
    models: Sequence[ZooModel],
    data: LabelledImages,
    settings: RobustnessSettings,
    scratch: Path,
    path: Path | None = None,
    on_progress: OnPartProgress = silent_on_parts,
    allow_uncommitted: bool = False,
) -> Robustness:
    """The report over the networks of one task.

    Args:
        models: classifiers of one task.
        data: labelled images of that task.
        settings: what to measure.
        scratch: folder for what is measured so far, a file for each part and batch of each network, so that a killed
            run goes on within a minute or so of where it stopped; several runs may share it.
        path: where the report is kept, its arrays beside it. What is there already with the same settings, data and
            weights is kept, other networks' rows too. None keeps nothing.
        on_progress: called with what is measured, images done, and of how many.
        allow_uncommitted: keep the report also where no commit stands for the code.

    Raises:
        InputError: no images, networks of several tasks, images of another shape, the library of APGD is missing, or a
            folder can't be written.
        ConfigError: the report is to be kept, the code is uncommitted, and that is not allowed.
    """
    task = common_task(models, data)
    load_library()
    stated = _stated(task, data, settings)
    book = ReportDraft(path, stated, models, allow_uncommitted)
    bench = _Bench(task, data, settings, PartsCache(scratch / task.key, stated), on_progress)
    for model in models:
        if model not in book:
            facts, arrays, seconds = bench.network(model)
            book.add(model, arrays, seconds, [facts])
            _result(task, data, book).write(path)
    for source in models:
        missing = [model for model in models if model is not source and not _passed_on(book, source, model)]
        if missing:
            book.add_arrays(*bench.transfer(source, missing))
            _result(task, data, book).write(path)
    return _result(task, data, book)


def _stated(task: Task, data: LabelledImages, settings: RobustnessSettings) -> dict[str, Any]:
    """Everything that decides the figures, as plain values."""
    return {
        **asdict(settings),
        "data": data.origin,
        "test_images": len(data),
        "radii": dict(task.radii),
        "multiples": list(MULTIPLES),
        "far_epsilon": {norm: far_epsilon(task, norm) for norm in NORMS},
        "floor_models": sorted(key for floor_task, key in FLOOR if floor_task == task.key),
        "batch": BATCH,
        "precision": "float32, fast form",
        "apgd": f"{LIBRARY} {version(LIBRARY)}: APGD-CE, then targeted APGD-DLR on what stands, one restart each",
        "apgd_judged": "in float32, inside the ball and [0, 1]; " + BF16_AGREES,
        "cost_threads": 1,
    }


class _Bench:
    """Measures, looking into the scratch folder first; gives arrays by their full names, and the seconds they took."""

    def __init__(
        self,
        task: Task,
        data: LabelledImages,
        settings: RobustnessSettings,
        scratch: PartsCache,
        on_progress: OnPartProgress,
    ) -> None:
        self.task = task
        self.data = data
        self.settings = settings
        self.scratch = scratch
        self.on_progress = on_progress
        self.shared = min(settings.shared_images, settings.images, settings.floor_images, len(data))

    def network(self, model: ZooModel) -> tuple[Row, Part, float]:
        """What a row can't take from the arrays, the arrays, and seconds, for one network."""
        key = model.card.key
        clean, spent = self._clean(model)
        cost = self.scratch.get(f"{key}-cost", model.card.recipe, lambda: {"cost": np.array(self._cost(model))})
        spent += float(cost["seconds"])
        arrays: Part = {}
        count = min(self.settings.images_of(self.task.key, key), len(self.data))
        for part, measure in PARTS.items():
            found, seconds = self._batches(model, part, measure, count)
            arrays |= {f"{name}__{key}": array for name, array in found.items()}
            spent += seconds
        price = float(cost["cost"])
        facts = {"sha256": model.card.sha256, **clean, "cost": None if np.isnan(price) else price}
        return facts, arrays, spent

    def transfer(self, source: ZooModel, targets: Sequence[ZooModel]) -> tuple[Part, float]:
        """Whether each of the others is right on the images made against `source`, and seconds."""
        made, spent = self._batches(source, "examples", examples, self.shared)
        began = time.perf_counter()
        labels = self.data.labels[: self.shared]
        arrays: Part = {}
        for index, model in enumerate(targets):
            for norm in NORMS:
                images = torch.from_numpy(made[norm]).split(BATCH)
                hits = [right(model.fast, x, y) for x, y in zip(images, labels.split(BATCH), strict=True)]
                arrays[f"transfer_{norm}__{source.card.key}__{model.card.key}"] = torch.cat(hits).numpy()
            self.on_progress(f"{source.card.key} passed on", (index + 1) * self.shared, len(targets) * self.shared)
        return arrays, spent + time.perf_counter() - began

    def _batches(self, model: ZooModel, part: str, measure: Callable[[Unit], Part], count: int) -> tuple[Part, float]:
        """A part's arrays over the first `count` images, and seconds."""
        found = []
        for start in range(0, count, BATCH):
            stop = min(start + BATCH, count)
            seed = self.settings.seed * 1_000_003 + start
            x, labels = self.data.images(start, stop), self.data.labels[start:stop]
            unit = Unit(model.fast, self.task, x, labels, self.settings, seed)
            name = f"{model.card.key}-{part}-{start}-{stop}"
            found.append(self.scratch.get(name, model.card.sha256, partial(measure, unit)))
            self.on_progress(f"{model.card.key} {part}", stop, count)
        return joined(found)

    def _clean(self, model: ZooModel) -> tuple[Row, float]:
        """Clean accuracy."""
        data = self.data if self.settings.clean_images is None else self.data.first(self.settings.clean_images)
        began = time.perf_counter()
        hits = 0
        for start in range(0, len(data), CLEAN_BATCH):
            stop = min(start + CLEAN_BATCH, len(data))
            hits += int(right(model.fast, data.images(start, stop), data.labels[start:stop]).sum())
            self.on_progress(f"{model.card.key} clean", stop, len(data))
        return share("clean", hits, len(data)), time.perf_counter() - began

    def _cost(self, model: ZooModel) -> float:
        """The relative cost of the network's recipe; NaN where it is not one of ours."""
        plan = SHIPPED.get((self.task.key, model.card.key))
        if plan is None or (plan.recipe.describe(), plan.network) != (model.card.recipe, model.card.network):
            return float("nan")
        self.on_progress(f"{model.card.key} cost", 0, 1)
        return relative_cost(plan, CostSettings(self.settings.cost_steps, self.settings.cost_rounds))


def _passed_on(book: ReportDraft, source: ZooModel, model: ZooModel) -> bool:
    """Whether the answers of `model` to the images made against `source` are known, for all norms."""
    return all(f"transfer_{norm}__{source.card.key}__{model.card.key}" in book.arrays for norm in NORMS)


def _result(task: Task, data: LabelledImages, book: ReportDraft) -> Robustness:
    """Report and arrays."""

    def rests(row: Row) -> list[str]:
        """What a row tells of: its network, and those whose images it was asked about."""
        key = row["model"]
        return [key, *sorted({name.partition("__")[2] for name in book.arrays if name.endswith(f"__{key}")} - {key})]

    rows = [
        row(task, data.labels, key, norm, {name: book.rows[key][0][name] for name in FACTS}, book.arrays)
        for key in book.keys
        for norm in NORMS
    ]
    grids = {f"grid_{norm}": np.array(grid(task, norm), np.float32) for norm in NORMS}
    return Robustness(
        Report(task.key, NAME, book.settings, book.provenance(), book.signed(rows, rests)), grids | book.arrays
    )
