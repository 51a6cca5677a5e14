"""The report `student`: how a student and its teacher answer attacked photographs, at radii as small as in training.

It is measured on the photographs of Tiny ImageNet that no student learned from, 64 pixels wide and of 200 classes,
enlarged to the task's size: ImageNet's own can't be passed on. They are blurred, so that shares say how networks
compare and not how good they are. Tiny ImageNet was cut from ImageNet: a teacher may have learned these very ones.

Rows, one per model and radius in L-infinity, 0 first: `model`, `sha256` of its weights, `epsilon` in [0, 1], `steps` of
PGD, and `right`, the share of photographs that are answered as labelled, at a radius above 0 under every iterate of PGD
(see `core.attacks.robust_at`), with `right_low`, `right_high` (Wilson, 95 %) and `right_n`. PGD alone says too much
where an answer has many near rivals: what it leaves at the smallest radius above 0 is right there only if APGD, on
cross-entropy and then targeted, leaves it, too. What falls at a radius has fallen at all larger ones.

Arrays, the photographs in their order: `right__<model>` (n, radii), bool, before what fell counts as fallen further on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.attacks.apgd import Apgd
from core.attacks.pgd import Pgd
from core.attacks.robust_at import robust_at
from core.data.datasets import LabelledImages
from core.data.tasks import Task
from core.data.tiny_imagenet import enlarged, load_tiny_imagenet
from core.models.zoo import ZooModel
from core.reports.form.measuring import Measurer, Measuring, Request
from core.reports.form.report import Row, share
from core.reports.form.resume import Measured, Part, ReportDraft
from core.reports.form.settings import ReportSettings
from core.training.student.shipped import student_plan

NAME = "student"
EPSILONS = (0.0, 0.5 / 255, 1 / 255, 2 / 255)
BATCH = 25


@dataclass(frozen=True, slots=True)
class StudentSettings(ReportSettings):
    """What the report measures.

    Attributes:
        images: the first so many photographs.
        steps: of PGD, each of size 2.5 epsilon / steps.
        restarts: its random starts.
        apgd_iterations: of each run of APGD; in float32, as bfloat16 has no room for changes as small as these.
        apgd_targets: classes that its targeted part aims at.
    """

    counts: ClassVar = ("images", "steps", "restarts", "apgd_iterations", "apgd_targets")

    images: int = 200
    steps: int = 50
    restarts: int = 2
    apgd_iterations: int = 50
    apgd_targets: int = 2


class Student(Measured):
    """The report with its arrays; the module's text says what is in both."""


def photographs(task: Task) -> LabelledImages:
    """What the report is measured on, at the task's size.

    Raises:
        ConfigError: the task has no student.
        DataMissingError: Tiny ImageNet is not here.
    """
    student_plan(task.key)
    return enlarged(load_tiny_imagenet("test"), task.shape)


def student_report(request: Request[StudentSettings]) -> Student:
    """The report over a task's student and its teacher."""
    settings, task = request.settings, request.task
    data = request.data.first(settings.images)
    stated: dict[str, Any] = settings.with_images(data) | {"epsilons": EPSILONS, "precision": "float32, fast form"}

    def result(draft: ReportDraft) -> Student:
        return Student(draft.report(task.key, NAME, draft.signed(_rows(draft, settings.steps))), dict(draft.arrays))

    def measure(model: ZooModel) -> tuple[Part, float, list[Row]]:
        found, seconds = bench.over(model, "small radii", len(data), partial(_right, bench, model))
        return {f"right__{model.card.key}": found["right"]}, seconds, [{"sha256": model.card.sha256}]

    bench = Measurer(request, {"report": NAME} | stated, BATCH)
    return Measuring(request, request.draft(stated), result).networks(measure)


def standing(model: ZooModel, x: Tensor, labels: Tensor, settings: StudentSettings, seed: int) -> NDArray[np.bool_]:
    """Whether the answers to images (n, C, H, W) are the labels (n,) at each of `EPSILONS`, bool (n, radii)."""
    with torch.no_grad():
        clean = model.fast(x).argmax(1) == labels
    attack = Pgd(EPSILONS[1], "linf", settings.steps, restarts=settings.restarts)
    stands = robust_at(model.fast, x, labels, EPSILONS[1:], attack, torch.Generator().manual_seed(seed))
    left = stands[:, 0].clone()
    if left.any():
        harder = Apgd(EPSILONS[1], "linf", settings.apgd_iterations, settings.apgd_targets)
        x_adv = harder(model.fast, x[left], labels[left], seed)
        with torch.no_grad():
            stands[left, 0] = model.fast(x_adv).argmax(1) == labels[left]
    return torch.cat([clean[:, None], stands], 1).cpu().numpy()


def nested(right: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The same (n, radii), where what fell at a radius has fallen at all larger ones."""
    stands: NDArray[np.bool_] = np.logical_and.accumulate(right, axis=1)
    return stands


def _right(bench: Measurer[StudentSettings], model: ZooModel, start: int, stop: int) -> Part:
    x, labels = bench.data.images(start, stop), bench.data.labels[start:stop]
    return {"right": standing(model, x, labels, bench.settings, bench.seed(start))}


def _rows(draft: ReportDraft, steps: int) -> Iterator[Row]:
    """A row for each network and radius."""
    for key in draft.keys:
        right = nested(draft.arrays[f"right__{key}"])
        for column, epsilon in enumerate(EPSILONS):
            head: Row = {"model": key, "sha256": draft.weights[key], "epsilon": epsilon, "steps": steps}
            yield head | share("right", int(np.count_nonzero(right[:, column])), len(right))
