"""Synthetic reports of what the Adversarial page shows, over the models of a folder, in the engine's form."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from core.data.tasks import task_named
from core.explanations.smoothed_network import SMOOTHED_METHODS
from core.metrics.ara import ara
from core.metrics.intervals import wilson
from core.models.zoo import cards
from core.npz import write_npz
from core.reports.form.report import share
from core.reports.transfer.report import epsilons, transferred_attacks
from tests.helpers.checked_files import write_json

IMAGES = 200
THRESHOLDS = {"rho": 0.1, "thresholds": {"transfer": 0.6, "low_frequency": 0.3, "agreement": 0.7}}
READINGS = [
    {"reading": reading, "pooled": pooled, "verdict": verdict, "n": IMAGES}
    for reading, pooled, verdict in (
        ("a", True, "held"),
        ("d", True, "held"),
        ("d", True, "reversed"),
        ("a", False, "?"),
    )
]
ORIGIN = {"data": "made up", "code": "0.1.0"}


def write_adversarial_reports(models: Path, reports: Path, task: str) -> Path:
    """The four reports for every model of the task; their folder."""
    found, folder = cards(task, models), reports / task
    folder.mkdir(parents=True, exist_ok=True)
    weights = {key: card.sha256 for key, card in found.items()}
    _write(folder, task, "adversarial", *_adversarial(task, weights))
    _write(folder, task, "transfer", *_transfer(task, weights), weights=weights)
    _write(folder, task, "transfer-readings", READINGS, {}, weights=weights)
    _write(folder, task, "fooling", *_fooling(task, weights))
    _write(folder, task, "explanations", *_explanations(weights), settings=THRESHOLDS)
    return folder


def _write(
    folder: Path, task: str, name: str, rows: list, arrays: Mapping, settings: Mapping | None = None, **origin: object
) -> None:
    report = {"task": task, "report": name, "settings": settings or {}, "provenance": ORIGIN | origin, "rows": rows}
    write_json(folder / f"{name}.json", report, default=float)
    write_npz(arrays, folder / f"{name}.npz")


def _adversarial(task: str, weights: Mapping[str, str]) -> tuple[list, dict]:
    rows, arrays, rng = [], {}, np.random.default_rng(0)
    for index, (key, sha256) in enumerate(weights.items()):
        attack = rng.gamma(2, 0.002 * (1 + 3 * index), IMAGES).astype(np.float32)
        attack[: 20 + 30 * index] = 0
        attack[-1 - index :] = np.inf
        distances = {"attack": attack, "btr": attack * 2, "clamped": attack * 0.9}
        row = {"model": key, "sha256": sha256, **share("accuracy", int((attack > 0).sum()), IMAGES)}
        for (name, distance), measure in zip(distances.items(), ("ara", "btr_ara", "ara_clamped"), strict=True):
            arrays[f"distance_{name}__{key}"] = distance
            arrays[f"first_{name}__{key}"] = np.zeros(IMAGES, np.int16)
            area = ara(distance, task_named(task).classes).value
            row |= {measure: area, f"{measure}_low": area * 0.9, f"{measure}_high": area * 1.1}
            row |= {f"{measure}_n": IMAGES, f"{measure}_censored": index + 1}
        median = float(np.median(attack[attack > 0]))
        row |= {"median_rmse": median, "median_rmse_low": median * 0.9, "median_rmse_high": median * 1.1}
        if index == 0:  # as in what ships, APGD was asked about some networks alone
            for place, reach in enumerate(("near", "middle", "far")):
                row |= share(f"apgd_{reach}", 90 - 30 * place, 100) | {f"apgd_{reach}_l2": 0.25 * 2**place}
        rows.append(row | {"median_rmse_n": int((attack > 0).sum())})
    return rows, arrays


def _transfer(task: str, weights: Mapping[str, str]) -> tuple[list, dict]:
    radii, rows = epsilons(task_named(task)), []
    for attack in transferred_attacks():
        for column, source in enumerate(weights):
            for line, model in enumerate(weights):
                for step, epsilon in enumerate(radii):
                    hits = max(0, 180 - 20 * line - step * (45 if source == model else 10 + 5 * column))
                    row = {"source": source, "model": model, "attack": attack, "epsilon": epsilon}
                    rows.append(row | share("accuracy", hits, IMAGES))
    return rows, {"epsilons": np.array(radii, np.float32)}


def _explanations(weights: Mapping[str, str]) -> tuple[list, dict]:
    rows = [
        {"model": key, "sha256": sha256, **share("draws", 10 + 80 * (index > 0), 100)}
        for index, (key, sha256) in enumerate(weights.items())
    ]
    return rows, {}


def _fooling(task: str, weights: Mapping[str, str]) -> tuple[list, dict]:
    rows = []
    for key, sha256 in weights.items():
        for method in SMOOTHED_METHODS:
            for what, hits in (("moved", 93), ("outside", 41)):
                low, high = wilson(hits, 100)
                row = {"model": key, "sha256": sha256, "method": method, "what": what}
                row |= {"epsilon": task_named(task).radii["linf"], "succeeded": hits / 100}
                rows.append(row | {"succeeded_low": low, "succeeded_high": high, "succeeded_n": 100})
    return rows, {}
