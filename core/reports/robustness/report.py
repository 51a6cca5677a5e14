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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from torch import nn

from core.attacks.apgd import LIBRARY, load_library
from core.data.datasets import LabelledImages
from core.data.tasks import Task
from core.models.zoo import ZooModel
from core.norms import NORMS
from core.reports.form.measuring import Measurer, Measuring, Request
from core.reports.form.report import Row, share
from core.reports.form.resume import Measured, Part, ReportDraft
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


def robustness_report(request: Request[RobustnessSettings]) -> Robustness:
    """The report over the networks of one task.

    Raises:
        InputError: the library of APGD is missing.
    """
    task, data = request.task, request.data
    load_library()
    stated = _stated(task, data, request.settings)
    draft, bench = request.draft(stated), RobustnessMeasurer(request, stated)

    def result(draft: ReportDraft) -> Robustness:
        grids = {f"grid_{norm}": np.array(grid(task, norm), np.float32) for norm in NORMS}
        rows = draft.signed(_rows(task, data, draft), lambda row: _subjects(row, draft))
        return Robustness(draft.report(task.key, NAME, rows), grids | draft.arrays)

    def lacking(source: ZooModel) -> list[ZooModel]:
        others = (model for model in request.models if model is not source)
        return [model for model in others if not _passed_on(draft, source, model)]

    measuring = Measuring(request, draft, result)
    measuring.networks(bench.network)
    return measuring.more(lacking, bench.transfer)


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


class RobustnessMeasurer(Measurer[RobustnessSettings]):
    """Measures networks under attack; gives arrays by their full names, and the seconds they took."""

    def __init__(self, request: Request[RobustnessSettings], stated: Mapping[str, Any]) -> None:
        """Measure with what the report states."""
        super().__init__(request, stated, BATCH)
        settings = self.settings
        self.shared = min(settings.shared_images, settings.images, settings.floor_images, len(self.data))

    def network(self, model: ZooModel) -> tuple[Part, float, list[Row]]:
        """The arrays of one network, seconds, and what its rows can't take from arrays."""
        key = model.card.key
        clean, spent = self._clean(model)
        cost = self.parts.get(f"{key}-cost", model.card.recipe, lambda: {"cost": np.array(self._cost(model))})
        spent += float(cost["seconds"])
        arrays: Part = {}
        count = min(self.settings.images_of(self.task.key, key), len(self.data))
        for part in PARTS:
            found, seconds = self._part(model, part, count)
            arrays |= {f"{name}__{key}": array for name, array in found.items()}
            spent += seconds
        price = float(cost["cost"])
        facts = {"sha256": model.card.sha256, **clean, "cost": None if np.isnan(price) else price}
        return arrays, spent, [facts]

    def transfer(self, source: ZooModel, targets: Sequence[ZooModel]) -> tuple[Part, float]:
        """Whether each of the others is right on the images made against `source`, and seconds."""
        made, spent = self._part(source, "examples", self.shared)
        began = time.perf_counter()
        labels = self.data.labels[: self.shared]
        arrays: Part = {}
        for index, model in enumerate(targets):
            for norm in NORMS:
                images = torch.from_numpy(made[norm]).to(labels.device).split(BATCH)
                hits = [right(model.fast, x, y) for x, y in zip(images, labels.split(BATCH), strict=True)]
                arrays[f"transfer_{norm}__{source.card.key}__{model.card.key}"] = torch.cat(hits).cpu().numpy()
            self.on_progress(f"{source.card.key} passed on", (index + 1) * self.shared, len(targets) * self.shared)
        return arrays, spent + time.perf_counter() - began

    def _part(self, model: ZooModel, part: str, count: int) -> tuple[Part, float]:
        """A part's arrays over the first `count` images, and seconds."""
        return self.over(model, part, count, partial(self._measured, model.fast, part))

    def _measured(self, network: nn.Module, part: str, start: int, stop: int) -> Part:
        """A part's arrays of the images from `start` to `stop`."""
        x, labels = self.data.images(start, stop), self.data.labels[start:stop]
        return PARTS.get(part, examples)(Unit(network, self.task, x, labels, self.settings, self.seed(start)))

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


def _passed_on(draft: ReportDraft, source: ZooModel, model: ZooModel) -> bool:
    """Whether the answers of `model` to the images made against `source` are known, for all norms."""
    return all(f"transfer_{norm}__{source.card.key}__{model.card.key}" in draft.arrays for norm in NORMS)


def _rows(task: Task, data: LabelledImages, draft: ReportDraft) -> Iterator[Row]:
    """A row for each network and norm."""
    for key in draft.keys:
        facts = {name: draft.rows[key][0][name] for name in FACTS}
        for norm in NORMS:
            yield row(task, data.labels, key, norm, facts, draft.arrays)


def _subjects(row: Row, draft: ReportDraft) -> list[str]:
    """What a row tells of: its network, and those whose images it was asked about."""
    key = row["model"]
    return [key, *sorted({name.partition("__")[2] for name in draft.arrays if name.endswith(f"__{key}")} - {key})]
