"""The report `natural`: the share of test images whose answer stands natural changes of stated amounts.

Rows, one per model, change and level (shares in [0, 1]; a figure `f` comes with `f_low`, `f_high`, Wilson's interval at
95 %, and `f_n` images): `model`, `sha256` of its weights, `change`, `level` (the share of the way from rest to the end
of the slider, see `core.natural`), `amounts` (those tried, on one or both sides of rest, joined by commas), and

- `kept`: share of images that are answered at every amount of the level as they are at rest, right or wrong;
- `right`: share of images that are answered as labelled at every amount of the level.

Arrays, the first images of the test set in its order: `kept__<model>__<change>` and `right__<model>__<change>`
(n, levels), bool.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.data.datasets import LabelledImages
from core.data.tasks import Task
from core.models.zoo import ZooModel
from core.natural.catalogue import CHANGES, changes_of
from core.natural.change import Change
from core.natural.quality import SEED
from core.natural.ribbons import CHUNK
from core.reports.form.measuring import Measurer, Measuring, Request
from core.reports.form.report import Row, share
from core.reports.form.resume import Measured, Part, ReportDraft
from core.reports.form.settings import ReportSettings

NAME = "natural"
LEVELS = (0.1, 0.25, 0.5, 0.75, 1.0)
"""Shares of the way from rest to the ends of a slider."""
MOST = 200


@dataclass(frozen=True, slots=True)
class NaturalSettings(ReportSettings):
    """What the report measures.

    Attributes:
        images: the first so many test images.
    """

    images: int = 1000


class Natural(Measured):
    """The report with its arrays per image; the module's text says what is in both."""


def natural_report(request: Request[NaturalSettings]) -> Natural:
    """The report over networks of one task."""
    settings, task = request.settings, request.task
    data = request.data.first(settings.images)
    stated: dict[str, Any] = {
        **settings.with_images(data),
        "levels": list(LEVELS),
        "changes": {change.key: [amounts_at(change, level) for level in LEVELS] for change in _changes(task)},
        "drawn": SEED,
        "precision": "float32, fast form",
    }

    def result(draft: ReportDraft) -> Natural:
        return Natural(draft.report(task.key, NAME, draft.signed(_rows(draft, task))), dict(draft.arrays))

    def measure(model: ZooModel) -> tuple[Part, float, list[Row]]:
        return *_measure(bench, model, len(data)), [{"sha256": model.card.sha256}]

    bench = Measurer(request, stated, batch_of(task))
    return Measuring(request, request.draft(stated), result).networks(measure)


def batch_of(task: Task) -> int:
    """Images looked at in one pass."""
    return max(1, min(MOST, CHUNK // (task.shape[1] * task.shape[2])))


def amounts_at(change: Change, level: float) -> list[float]:
    """The amounts so far from rest, as a share of the way, on the sides that a change has."""
    ends = [end for end in (change.low, change.high) if end != change.rest]
    return [change.settled(change.rest + level * (end - change.rest)) for end in ends]


@torch.no_grad()
def standing(model: ZooModel, x: Tensor, labels: Tensor, change: Change) -> Part:
    """Whether the answers to images (n, C, H, W) are `kept`, and `right`, at each level (n, levels), bool."""
    rest = model.fast(x).argmax(1)
    kept, right = [], []
    for level in LEVELS:
        answers = torch.stack([model.fast(change(x, amount)).argmax(1) for amount in amounts_at(change, level)])
        kept.append((answers == rest).all(0))
        right.append((answers == labels).all(0))
    return {"kept": torch.stack(kept, 1).cpu().numpy(), "right": torch.stack(right, 1).cpu().numpy()}


def _changes(task: Task) -> list[Change]:
    return list(changes_of(task.shape[0]).values())


def _measure(bench: Measurer[NaturalSettings], model: ZooModel, count: int) -> tuple[Part, float]:
    """The arrays of a network by their full names, and the seconds that they took."""
    arrays: Part = {}
    seconds = 0.0
    for change in _changes(model.task):
        measure = partial(_standing, model, bench.data, change.key)
        found, spent = bench.over(model, change.key, count, measure)
        seconds += spent
        arrays |= {f"{figure}__{model.card.key}__{change.key}": values for figure, values in found.items()}
    return arrays, seconds


def _standing(model: ZooModel, data: LabelledImages, change: str, start: int, stop: int) -> Part:
    """`standing` of the images from `start` to `stop`."""
    return standing(model, data.images(start, stop), data.labels[start:stop], CHANGES[change])


def _rows(draft: ReportDraft, task: Task) -> Iterator[Row]:
    """A row for each network, change and level."""
    for key in draft.keys:
        for change in _changes(task):
            arrays = {figure: draft.arrays[f"{figure}__{key}__{change.key}"] for figure in ("kept", "right")}
            for number, level in enumerate(LEVELS):
                amounts = ",".join(f"{amount:g}" for amount in amounts_at(change, level))
                head: Row = {"model": key, "sha256": draft.weights[key], "change": change.key, "level": level}
                figures: Row = {}
                for figure, values in arrays.items():
                    figures |= share(figure, int(np.count_nonzero(values[:, number])), len(values))
                yield head | {"amounts": amounts} | figures
