"""A synthetic report `anomaly` and calibrations over the models of a folder, in the forms that the engine writes."""

from pathlib import Path

import numpy as np

from core.anomaly.calibrate import fit_calibration
from core.anomaly.calibration import calibration_path, write_calibration
from core.anomaly.catalogue import DETECTORS
from core.anomaly.perceptron_detector import PERCEPTRON
from core.data.corruptions import CORRUPTIONS, SEVERITIES
from core.data.outliers import OUTLIERS
from core.models.zoo import cards, load_zoo_model
from core.npz import write_npz
from core.reports.anomaly.report import ALPHAS, ATTACKS, NAME
from core.reports.form.report import Report, report_path, write_report
from tests.helpers.pictures import columns

NORMAL = 40  # pictures that fit, and as many that give p-values


def write_calibrations(models: Path, folder: Path, task: str, keys: tuple[str, ...]) -> Path:
    """`folder` with calibrations of these networks, fitted to made-up pictures."""
    for key in keys:
        screen = fit_calibration(load_zoo_model(task, key, models), columns(60, 1, task), columns(2 * NORMAL, 2, task))
        write_calibration(screen, calibration_path(task, key, folder))
    return folder


def write_anomaly_report(models: Path, reports: Path, task: str) -> Path:
    """`anomaly.json` and `.npz` for every model of the task; its path."""
    rng, rows = np.random.default_rng(0), []
    sets = dict.fromkeys(ATTACKS, "attack") | {each.key: each.kind for each in OUTLIERS[task]}
    sets |= {f"{name}-{severity}": "corruption" for name in CORRUPTIONS for severity in SEVERITIES}
    for key, card in cards(task, models).items():
        head = {"model": key, "sha256": card.sha256}
        for detector, one in DETECTORS.items():
            kind, usual = one.kind, one.trained_on
            trained = [name for name, family in sets.items() if family in ("attack", "far")]
            for trained_on in trained if detector == PERCEPTRON else [usual]:
                own = {**head, "detector": detector, "kind": kind, "trained_on": trained_on}
                for against, family in sets.items():
                    if family == "corruption" and trained_on != usual:
                        continue
                    row = {**own, "against": against, "family": family}
                    for name in ("auroc", "aupr", "fpr95"):
                        value = 0.98 if against == trained_on else round(float(rng.uniform(0.4, 0.97)), 3)
                        row |= {name: value, f"{name}_low": value - 0.02, f"{name}_high": value + 0.02}
                        row[f"{name}_n"] = 321
                    rows.append(row)
            for alpha in ALPHAS:
                kept = (detector, alpha) != ("vim", 0.05)
                promise = {"alpha": alpha, "flagged": alpha * (1.1 if kept else 3), "flagged_n": 1000, "kept": kept}
                promise |= {"promised_low": alpha / 2, "promised_high": 2 * alpha, "calibration_n": 1000}
                own = {"detector": detector, "kind": "promise", "trained_on": "", "against": "test"}
                rows.append({**head, **own, "family": "promise", **promise})
    path = report_path(task, NAME, reports)
    write_report(Report(task, NAME, {}, {"data": "made up", "code": "0.1.0"}, tuple(rows)), path)
    write_npz({"score__standard__msp__test": np.zeros(1, np.float32)}, path.with_suffix(".npz"))
    return path
