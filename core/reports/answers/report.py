"""The report `answers`: what each network answers to the first test images, clean and attacked.

Rows, one per model and norm (a figure `f` of those with an interval comes with `f_low`, `f_high`, Wilson's at 95 %, and
`f_n` images): `model`, `sha256` of its weights, `norm`, `epsilon` (the task's radius), and

- `clean`: share of images that are answered as labelled;
- `robust`: share that are so under PGD, the worse of clean and attacked by loss;
- `ece`, `ece_adv`: expected calibration error of the clean and the attacked images' answers, in [0, 1], over
  `core.metrics.calibration.BINS` bins.

Arrays, the first images of the test set in its order: `labels` (n,) int16, `logits__<model>` (n, K) and
`logits_adv__<model>__<norm>` (n, K), float16 in steps of `STEP`, so that they take little room. Rows are counted from
these, and not from what was measured before it was rounded.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from core.data.datasets import LabelledImages
from core.explanations.labelled_answers import ATTACK, CHUNK, AnswerSettings, LabelledAnswers, measure_answers, stated
from core.metrics.answers import likeliest
from core.metrics.calibration import reliability, tempered
from core.models.zoo import ZooModel
from core.reports.form.measuring import Measurer, Measuring, Request
from core.reports.form.report import Row, share
from core.reports.form.resume import Measured, Part, ReportDraft
from core.reports.form.settings import ReportSettings

NAME = "answers"
STEP_OF_LOGITS = "step_of_logits"  # in the settings of answers that were kept
STEP = 1 / 32
"""Of the logits kept: a probability is off by 3 % of itself at most."""


@dataclass(frozen=True, slots=True)
class AnswersSettings(ReportSettings):
    """What the report measures.

    Attributes:
        images: the first so many test images.
        steps: of PGD, from one random start, at the task's radius in each norm.
    """

    counts: ClassVar = ("images", "steps")

    images: int = 300
    steps: int = 20


class Answers(Measured):
    """The report with its arrays per image; the module's text says what is in both."""

    @property
    def images(self) -> int:
        """How many of the first test images it holds answers to."""
        return len(self.arrays["labels"])

    def of(self, sha256: str, settings: AnswerSettings, images: int) -> LabelledAnswers | None:
        """The answers of a network to the first images; None where the report holds no such ones.

        Args:
            sha256: the checksum of its weights.
            settings: how they are to be measured.
            images: how many.
        """
        found = [row for row in self.report.rows if row["sha256"] == sha256 and row["norm"] == settings.norm]
        if not found or images > self.images or self._settings(found[0]) != settings:
            return None
        key, norm = found[0]["model"], settings.norm
        labels, clean, attacked = (
            self.arrays[name][:images] for name in ("labels", f"logits__{key}", f"logits_adv__{key}__{norm}")
        )
        return LabelledAnswers(
            key,
            stated(settings, self.report.settings["data"], images, sha256) | {STEP_OF_LOGITS: STEP},
            labels.astype(np.int64),
            clean.astype(np.float32),
            attacked.astype(np.float32),
            np.zeros(0, bool),
        )

    def _settings(self, row: Row) -> AnswerSettings:
        made = self.report.settings
        return AnswerSettings(row["epsilon"], row["norm"], made["steps"], made["seed"])


def answers_report(request: Request[AnswersSettings]) -> Answers:
    """The report over networks of one task."""
    settings, task = request.settings, request.task
    data = request.data.first(settings.images)
    told: dict[str, Any] = {
        **settings.with_images(data),
        "radii": dict(task.radii),
        "batch": CHUNK,
        "attack": ATTACK,
        "precision": f"float32, fast form; logits kept in steps of {STEP}",
    }

    def result(draft: ReportDraft) -> Answers:
        return Answers(draft.report(task.key, NAME, draft.signed(_rows(draft))), dict(draft.arrays))

    def measure(model: ZooModel) -> tuple[Part, float, list[Row]]:
        arrays: Part = {"labels": data.labels.cpu().numpy().astype(np.int16)}
        seconds = 0.0
        for norm, epsilon in task.radii.items():
            of = partial(answers_of, model, request.data, AnswerSettings(epsilon, norm, settings.steps, settings.seed))
            found, spent = bench.over(model, norm, len(data), of)
            seconds += spent
            arrays[f"logits__{model.card.key}"] = found["logits"]
            arrays[f"logits_adv__{model.card.key}__{norm}"] = found["logits_adv"]
        return arrays, seconds, [{"sha256": model.card.sha256}]

    parts = {name: value for name, value in told.items() if name != "images"}  # an image's draws are its place's alone
    bench = Measurer(request, parts, CHUNK)
    return Measuring(request, request.draft(told), result).networks(measure)


def answers_of(
    model: ZooModel, data: LabelledImages, settings: AnswerSettings, start: int, stop: int
) -> Mapping[str, NDArray[np.float16]]:
    """`logits` and `logits_adv` (stop - start, K) of some images as they are kept, drawn as for all of them."""
    found = measure_answers(model, data.part(start, stop), replace(settings, seed=settings.seed + start))
    return {"logits": round_logits(found.logits), "logits_adv": round_logits(found.logits_adv)}


def round_logits(logits: NDArray[np.floating[Any]]) -> NDArray[np.float16]:
    """Logits in steps of `STEP`."""
    rounded: NDArray[np.float16] = (np.round(logits / STEP) * STEP).astype(np.float16)
    return rounded


def _rows(draft: ReportDraft) -> Iterator[Row]:
    """A row for each network and norm."""
    labels = draft.arrays["labels"]
    for key in draft.keys:
        clean = draft.arrays[f"logits__{key}"]
        for norm, epsilon in draft.settings["radii"].items():
            attacked = draft.arrays[f"logits_adv__{key}__{norm}"]
            head: Row = {"model": key, "sha256": draft.weights[key], "norm": norm, "epsilon": epsilon}
            for figure, error, logits in (("clean", "ece", clean), ("robust", "ece_adv", attacked)):
                hits = int((likeliest(logits) == labels).sum())
                head |= share(figure, hits, len(labels)) | {error: reliability(tempered(logits), labels).ece}
            yield head
