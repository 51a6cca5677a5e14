"""The report `accuracy`: how often a classifier is right, on clean images and under PGD-50."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor

from core.attacks.pgd import Pgd
from core.data.datasets import LabelledImages
from core.models.zoo import ZooModel
from core.norms import Norm, radius_words
from core.reports.form import chosen
from core.reports.form.measuring import Measurer, Measuring, Request
from core.reports.form.report import Report, Row, share
from core.reports.form.resume import MeasuredRows, Part, ReportDraft
from core.reports.form.settings import ReportSettings

NAME = "accuracy"
BATCH = 250


@dataclass(frozen=True, slots=True)
class AccuracySettings(ReportSettings):
    """What the report measures.

    Attributes:
        images: clean accuracy is taken on the first so many images; None takes all.
        robust_images: accuracy under attack is taken on the first so many of those, or on as many after the ones that
            chose the network's recipe.
        steps: PGD steps, of size 2.5 epsilon / steps.
        restarts: random starts; an image counts as right only if no iterate of any of them is misclassified.
    """

    counts: ClassVar = ("images", "robust_images", "steps", "restarts")

    images: int | None = None
    robust_images: int = 1000
    steps: int = 50
    restarts: int = 3

    def attack(self, norm: Norm, epsilon: float) -> Pgd:
        """The attack whose survivors are counted: float32, random start, clamped to [0, 1]."""
        return Pgd(epsilon, norm, self.steps, restarts=self.restarts, stop_when_wrong=True)


def accuracy_report(request: Request[AccuracySettings]) -> Report:
    """Clean accuracy and accuracy under PGD for each model and norm, at the task's radii, with Wilson intervals.

    Rows have the keys `model`, `clean`, `clean_n`, `robust`, `robust_n`, `norm`, `epsilon`, with `clean_low`,
    `clean_high`, `robust_low`, `robust_high`; shares in [0, 1]. `robust` is of as many images as `robust_n` says,
    beginning with number `robust_first` (see `core.reports.form.chosen`). There are no arrays.
    """
    task, settings = request.task, request.settings
    data = request.data if settings.images is None else request.data.first(settings.images)
    stated: dict[str, Any] = settings.with_images(data) | {"radii": dict(task.radii)}
    stated |= {"precision": "float32, fast form", **chosen.stated(task.key)}

    def result(draft: ReportDraft) -> MeasuredRows:
        rows = draft.signed(row for of_model in draft.rows.values() for row in of_model)
        return MeasuredRows(draft.report(task.key, NAME, rows), {})

    def measure(model: ZooModel) -> tuple[Part, float, list[Row]]:
        return {}, *_measure(bench, model, data)

    bench = Measurer(request, {"report": NAME} | stated, BATCH)
    return Measuring(request, request.rows_draft(stated), result).networks(measure).report


def _measure(bench: Measurer[AccuracySettings], model: ZooModel, data: LabelledImages) -> tuple[float, list[Row]]:
    """The seconds that one model took, and its rows, one per norm."""
    settings, n = bench.settings, len(data)
    found, seconds = bench.over(model, "clean", n, partial(_clean, model, data))
    right = torch.from_numpy(found["right"])
    clean = share("clean", int(right.sum()), n)
    first = chosen.first_image(data, model.card.task, model.card.key, settings.robust_images)
    attacked = data.part(first, first + settings.robust_images)
    rows: list[Row] = []
    for index, (norm, epsilon) in enumerate(model.task.radii.items()):
        seed = settings.seed * 1_000_003 + index * 100_003 + first
        attack = partial(_standing, model, attacked, right[first:], settings.attack(norm, epsilon), seed)
        found, spent = bench.over(model, f"under {norm}", len(attacked), attack)
        seconds += spent
        head = {"model": model.card.key, "sha256": model.card.sha256, "norm": norm, "epsilon": epsilon}
        robust = share("robust", int(found["standing"].sum()), len(attacked))
        rows.append({**head, **clean, **robust, "robust_first": first})
    return seconds, rows


def _clean(model: ZooModel, data: LabelledImages, start: int, stop: int) -> Part:
    """`right`: whether each of the images from `start` to `stop` is classified as labelled."""
    return {"right": _right(model, data.images(start, stop), data.labels[start:stop]).cpu().numpy()}


def _standing(
    model: ZooModel, data: LabelledImages, stands: Tensor, attack: Pgd, seed: int, start: int, stop: int
) -> Part:
    """`standing`: whether each of the images that `stands` (n,) when clean is right under attack, too."""
    alive = stands[start:stop].to(data.device)
    x, labels = data.images(start, stop)[alive], data.labels[start:stop][alive]
    x_adv = attack(model.fast, x, labels, torch.Generator().manual_seed(seed + start))
    standing = alive.clone()
    standing[alive] = _right(model, x_adv, labels)
    return {"standing": standing.cpu().numpy()}


def _right(model: ZooModel, x: Tensor, labels: Tensor) -> Tensor:
    """Whether each image is classified as labelled (B,)."""
    with torch.no_grad():
        correct: Tensor = model.fast(x).argmax(1) == labels
        return correct


def in_words(rows: Sequence[Mapping[str, Any]]) -> str:
    """Clean and robust accuracy of one model's rows, from its card or a report, in one line."""
    if not rows:
        return "not measured yet"
    clean = f"clean {rows[0]['clean']:.2%} (n = {rows[0]['clean_n']:,})"
    return ", ".join([clean, *(f"{row['robust']:.1%} at {radius(row)} ({attacked_in_words(row)})" for row in rows)])


def attacked_in_words(row: Mapping[str, Any]) -> str:
    """How many images of a row were attacked, and which where they are not the first."""
    count, first = int(row["robust_n"]), int(row.get("robust_first", 0))
    return f"n = {count:,}" + (f", {chosen.images_in_words(first, count)}" if first else "")


def radius(row: Mapping[str, Any]) -> str:
    """The norm and radius of a row."""
    return f"{row['norm']} {radius_words(row['norm'], row['epsilon'])}"
