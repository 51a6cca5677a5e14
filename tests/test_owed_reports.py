"""What ships is measured, or stands in `owed_report_parts.toml` as what still has to be: neither more nor less."""

import tomllib
from functools import cache
from pathlib import Path

import pytest

from core.anomaly.calibrate import light_lacking
from core.anomaly.calibration import calibration_path, read_calibration
from core.anomaly.catalogue import DETECTORS
from core.anomaly.label_references import read_references, references_path
from core.data.outliers import OUTLIERS
from core.data.tasks import TASKS, trained_tasks
from core.errors import InputError
from core.models.zoo import cards, load_zoo_model
from core.reports.adversarial.measurements import MORE, SEARCHES
from core.reports.anomaly.report import AnomalySettings
from core.reports.form.report import read_report, report_path
from core.reports.seeds.report import NAME as SEEDS
from core.reports.seeds.report import networks as compared

OWED = tomllib.loads((Path(__file__).parent / "owed_report_parts.toml").read_text())
EVERYWHERE = ("accuracy", "robustness", "anomaly", "answers")
JUDGED = ("adversarial", "explanations", "fooling", "latent", "saliency", "transfer")
"""Reports for the tasks of the Makefile's `JUDGED` alone."""
JUDGED_TASKS = ("cifar10", "fashion-mnist")
DETECTION = "anomaly-detection"
"""Of the report `anomaly` the part with AUROC, where a task has outliers, for the networks that are measured whole."""
CALIBRATION, LABELS = "calibration", "labels"
CALIBRATED, REPORTED = "calibration-detectors", "anomaly-detectors"
"""Calibrations, and networks of the report `anomaly`, without some detector that came later and can be added."""
PAPER = "latent-paper"
"""Networks of the report `latent` that were not searched in the paper's setting."""
REACH = "adversarial-apgd"
"""Networks of the report `adversarial` that APGD is asked about, and was not yet."""
AREA_ALONE = "adversarial-searches"
"""Networks of the report `adversarial` whose area is known, and of the other searches not all."""
WITHDRAWN = "saliency-withdrawn"
"""Of the report `saliency` figures that were taken back, and not made again since."""


def in_report(task, report):
    """The networks of the weights that ship that a report tells of."""
    path, shipped = report_path(task, report), {key: card.sha256 for key, card in cards(task).items()}
    if not path.exists():
        return set()
    found = read_report(path)
    weights = found.provenance.get("weights", {})
    pairs = {(row.get("model"), row.get("sha256", weights.get(row.get("model")))) for row in found.rows}
    return {key for key, sha256 in shipped.items() if (key, sha256) in pairs}


def detected(task):
    """The networks of the weights that ship that detectors' figures are there of."""
    path, shipped = report_path(task, "anomaly"), {key: card.sha256 for key, card in cards(task).items()}
    rows = read_report(path).rows if path.exists() else ()
    return {row["model"] for row in rows if row["kind"] != "promise" and shipped.get(row["model"]) == row["sha256"]}


def withdrawn(task):
    """The networks of which the report `saliency` says that a figure is withdrawn."""
    path = report_path(task, "saliency")
    rows = read_report(path).rows if path.exists() else ()
    return {row["model"] for row in rows if str(row.get("reason")).startswith("withdrawn")}


def unsearched(task):
    """Of the networks that the report `latent` searches in the paper's setting, those that it tells of without it."""
    path = report_path(task, "latent")
    if not path.exists():
        return set()
    report = read_report(path)
    told = {
        setting: {row["model"] for row in report.rows if row["setting"] == setting} for setting in ("default", "paper")
    }
    return (told["default"] & set(report.settings["paper_models"])) - told["paper"]


def unreached(task):
    """Of the networks that the report `adversarial` asks APGD about, those that it tells of without it."""
    path = report_path(task, "adversarial")
    rows = read_report(path).rows if path.exists() else ()
    return {row["model"] for row in rows if (task, row["model"]) in MORE and "apgd_near" not in row}


def searched_in_part(task):
    """Of the networks that the report `adversarial` tells of those that some search was not made of."""
    path = report_path(task, "adversarial")
    rows = read_report(path).rows if path.exists() else ()
    return {row["model"] for row in rows if not row.keys() >= {*SEARCHES.values()}}


def told_in_part(task):
    """The networks of the report `anomaly` that it does not tell every detector of which can be added."""
    path = report_path(task, "anomaly")
    pairs = {(row["model"], row["detector"]) for row in read_report(path).rows} if path.exists() else set()
    light = {key for key, detector in DETECTORS.items() if detector.light}
    return {model for model, _ in pairs for key in light if (model, key) not in pairs}


@cache
def network(task, key):
    return load_zoo_model(task, key)


@cache
def content(task, key, read, path):
    """What a file of a network says; None where it is not there, or of other weights than those that ship."""
    try:
        return read(network(task, key), path)
    except InputError:
        return None


def missing(task):
    """By part the networks of a task that it lacks."""
    zoo = set(cards(task))
    parts = {report: zoo - in_report(task, report) for report in EVERYWHERE}
    if task in JUDGED_TASKS:
        parts |= {report: zoo - in_report(task, report) for report in JUDGED}
    parts |= {SEEDS: {*compared(task)} - in_report(task, SEEDS), WITHDRAWN: withdrawn(task), PAPER: unsearched(task)}
    parts |= {REACH: unreached(task), AREA_ALONE: searched_in_part(task)}
    if task in OUTLIERS:
        parts[DETECTION] = (zoo & set(AnomalySettings().sizes)) - detected(task)
    screens = {key: content(task, key, read_calibration, calibration_path(task, key)) for key in zoo}
    parts[CALIBRATION] = {key for key, screen in screens.items() if screen is None}
    parts[CALIBRATED] = {key for key, screen in screens.items() if screen is not None and light_lacking(screen)}
    parts[REPORTED] = told_in_part(task)
    parts[LABELS] = {key for key in zoo if content(task, key, read_references, references_path(task, key)) is None}
    return {part: sorted(keys) for part, keys in parts.items() if keys}


@pytest.mark.slow
@pytest.mark.parametrize("task", trained_tasks())
def test_what_is_missing_is_what_is_owed(task):
    """A network that is missing and not on the list fails, and so does one that is on it and there."""
    owed = {part: sorted(keys) for part, keys in OWED.get(task, {}).items()}
    assert missing(task) == owed


def test_the_list_names_tasks_that_are_there():
    assert OWED.keys() <= TASKS.keys()
