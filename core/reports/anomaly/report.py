"""The report `anomaly`: how well detectors tell what is odd from a task's own test images.

Rows, one per model, detector and what stands against the normal images:

- `model`, `sha256` of its weights, `detector`, `kind` ("gradient-unsupervised", "gradient-supervised", "joint",
  "supervised", "baseline");
- `trained_on`: "" for what never saw an anomaly; of the perceptron the anomalies it was trained on, one of `against`;
  of what is trained on attacks in a calibration these, several joined by commas;
- `against`: an attack, a set of `core.data.outliers`, or a corruption and its severity ("jpeg-5"), and `family`:
  "attack", "semantic", "far", "control" or "corruption"; or "mean-semantic", "mean-far", "mean-attack" of the family
  "mean": the mean over the sets of that family, each counted alike;
- `auroc`, with `auroc_low`, `auroc_high` (95 %, bootstrap over images of both sides) and `auroc_n` anomalies; `aupr`
  (anomalies are the positives) and `fpr95` (share of normal images flagged where 95 % of the anomalies are), likewise;
  `normal_n` normal images; `classes_n`: null, or the number of the set's classes where these are a sample of what could
  stand there, so that the bootstrap draws classes, with all their images, instead of images.

Of attacks only images count that were right before and wrong after, against all normal images. Normal images are test
images; attacks are made on test images, too. The perceptron's normal images are those that fit the screen, and its
anomalies are attacks on the same, or the first pictures of a set (which come evenly from all its classes, see
`core.data.outliers`), of which no row's figures are made. One detector is
trained for each attack and each set but the controls; what it was trained on and what it is tested on make a matrix.

Rows of `kind` "promise" hold the conformal promise: `detector`, `alpha`, `flagged` (share of the normal test images
with a p-value of at most alpha, with `flagged_n`), `promised_low`, `promised_high` (where it must lie, at 1 - 0.05 /
number of promise rows of the model; see `core.anomaly.conformal`), `calibration_n` and `kept`. Networks that are not
measured whole, and tasks without sets of outliers, have these rows alone.

Detectors that a network's calibration was given later (`core.anomaly.calibrate.with_lacking`) join its rows: they alone
are measured, on the same images, and named by a run of their own. The other rows stay as they are, but for what promise
rows are held to, as there are more of them now.

Arrays, for display: `score_<detector>_<against>__<model>` float32 (n,), of the first 500 images of a set; `against`
"test" are the normal ones. Of the corruptions and of perceptrons trained on anything but PGD there are none.

What the papers' methods would have shown and is not here: the AUROC of each tensor's norm alone, and the ROC curve of a
pair of normal images and a set.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, ClassVar

import numpy as np

from core.anomaly.attacked import ATTACKS, STEPS
from core.anomaly.calibration import BATCH, Calibration
from core.anomaly.catalogue import DETECTORS
from core.anomaly.measurements import MAIN, GradientMeasurements
from core.anomaly.norm_detectors import features
from core.anomaly.perceptron_detector import PERCEPTRON
from core.data.corruptions import CORRUPTIONS
from core.data.datasets import LabelledImages
from core.models.zoo import ZooModel
from core.reports.anomaly.measurements import AnomalyMeasurer, Measurements, Sizes, task_sets
from core.reports.anomaly.rows import ALPHAS, Scores, figure_rows, held_to_promise, promise_rows
from core.reports.form.measuring import Measuring, Request
from core.reports.form.report import Row
from core.reports.form.resume import Measured, Part, ReportDraft
from core.reports.form.settings import ReportSettings

NAME = "anomaly"
SHOWN = 500
FULL = Sizes(images=10_000, outliers=1_000, attacked=500, corrupted=50, trained=500)
FEWER = Sizes(images=2_000, outliers=500, attacked=200, corrupted=25, trained=300)


@dataclass(frozen=True, slots=True)
class AnomalySettings(ReportSettings):
    """What the report measures.

    Attributes:
        sizes: by network how much is measured of it; of the others the promise alone is checked.
        promised: on the first so many test images.
    """

    counts: ClassVar = ("promised",)

    sizes: Mapping[str, Sizes] = field(
        default_factory=lambda: {
            "standard": FULL,
            **dict.fromkeys(("oneepoch", "pgd-l2", "pgd-linf", "logitnorm"), FEWER),
        }
    )
    promised: int = 2_000


class Anomaly(Measured):
    """The report with its arrays; the module's text says what is in both."""


def anomaly_report(
    request: Request[AnomalySettings], screens: Mapping[str, Calibration], calibration: LabelledImages
) -> Anomaly:
    """The report over networks of one task.

    Args:
        request: what is asked; parts are of 64 images, so that a run with other sizes takes what it can.
        screens: the detectors of each network, by its key.
        calibration: the images that the detectors were fitted to and calibrated on, as `fit_screen` was given them.

    Raises:
        DataMissingError: a set is not on this machine.
    """
    task, data, settings = request.task, request.data, request.settings
    measured: dict[str, Any] = {
        "seed": settings.seed,
        "data": data.origin,
        "calibration_images": len(calibration),
        "epsilon": task.radii["linf"],
        "steps": STEPS,
        "batch": BATCH,
    }
    stated = measured | {
        "outlier_sets": task_sets(task),
        "sizes": {key: asdict(sizes) for key, sizes in settings.sizes.items()},
        "promised": settings.promised,
        "test_images": len(data),
        "attacks": list(ATTACKS),
        "alphas": list(ALPHAS),
        "corruptions": list(CORRUPTIONS),
    }

    def subject(draft: ReportDraft, row: Row) -> list[str]:
        added = f"{row['model']}__{row['detector']}"
        return [added if added in draft.made else row["model"]]

    def result(draft: ReportDraft) -> Anomaly:
        rows = draft.signed((row for key in draft.keys for row in draft.rows[key]), partial(subject, draft))
        return Anomaly(draft.report(task.key, NAME, rows), draft.arrays)

    def measure(model: ZooModel) -> tuple[Part, float, list[Row]]:
        bench = AnomalyMeasurer(request, {"report": NAME} | measured, model, screens[model.card.key], calibration)
        rows, arrays = _network(bench, settings, bench.screen.detectors)
        return arrays, bench.seconds, rows

    draft = request.draft(stated)

    def lacking(model: ZooModel) -> tuple[str, ...]:
        told = {row["detector"] for row in draft.rows[model.card.key]}
        return tuple(key for key in screens[model.card.key].detectors if DETECTORS[key].light and key not in told)

    def add(model: ZooModel, missing: Sequence[str]) -> tuple[Part, float, list[Row]]:
        parts = {"report": NAME} | measured
        bench = AnomalyMeasurer(request, parts, model, screens[model.card.key], calibration, light=True)
        rows, arrays = _network(bench, settings, missing)
        detectors = len(screens[model.card.key].detectors)
        known = (
            held_to_promise(row, detectors) if row["kind"] == "promise" else row for row in draft.rows[model.card.key]
        )
        return arrays, bench.seconds, [*known, *rows]

    measuring = Measuring(request, draft, result)
    measuring.networks(measure)
    return measuring.extended(lacking, add)


def _network(bench: AnomalyMeasurer, settings: AnomalySettings, detectors: Sequence[str]) -> tuple[list[Row], Part]:
    """Rows and arrays of these detectors of one network."""
    key, screen = bench.model.card.key, bench.screen.of(detectors)
    head = {"model": key, "sha256": bench.model.card.sha256}
    if key not in settings.sizes or not task_sets(bench.model.task):
        return list(promise_rows(head, screen, _of(detectors, screen.scores(bench.normal(settings.promised))))), {}
    found = bench.everything(settings.sizes[key])
    rows: list[Row] = []
    arrays: Part = {}
    for (detector, trained_on), scores in _scores(screen, found, settings.seed, detectors).items():
        whole = trained_on == DETECTORS[detector].trained_on  # the perceptron's matrix is of attacks and sets
        families = {against: family for against, family in found.families.items() if whole or family != "corruption"}
        kind = {"detector": detector, "kind": DETECTORS[detector].kind, "trained_on": trained_on}
        rows += figure_rows({**head, **kind}, scores, families, found.classes)
        for against in ("test", *families):
            if whole and families.get(against) != "corruption":
                arrays[f"score_{detector}_{against}__{key}"] = scores[against][:SHOWN].astype(np.float32)
    return rows + list(promise_rows(head, screen, _of(detectors, screen.scores(found.normal)))), arrays


def _of(detectors: Sequence[str], scores: Mapping[str, Scores]) -> dict[str, Scores]:
    """The scores of these detectors alone, without those that they read."""
    return {key: values for key, values in scores.items() if key in detectors}


def _scores(
    screen: Calibration, found: Measurements, seed: int, detectors: Sequence[str]
) -> dict[tuple[str, str], dict[str, Scores]]:
    """By detector and what it was trained on the scores of each set (n,), under "test" of the normal images."""
    sets: dict[str, GradientMeasurements] = {"test": found.normal, **found.tested}
    by_set = {against: screen.scores(signals) for against, signals in sets.items()}
    scores = {
        (detector, DETECTORS[detector].trained_on): {against: values[detector] for against, values in by_set.items()}
        for detector in detectors
        if detector != PERCEPTRON
    }
    norms = {against: features(signals.squared[MAIN]) for against, signals in sets.items()}
    for trained_on, trained in found.perceptrons(seed):
        scores[PERCEPTRON, trained_on] = {against: trained.score(values) for against, values in norms.items()}
    return scores
