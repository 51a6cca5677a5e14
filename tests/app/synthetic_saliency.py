"""A synthetic report `saliency` over the models of a folder, in the engine's form."""

from pathlib import Path

import numpy as np

from core.explanations.methods import METHODS
from core.models.zoo import cards
from core.reports.report import Report, write_arrays, write_report
from core.saliency.measures import MEASURES

IMAGES = 30


def write_saliency_report(models: Path, reports: Path, task: str) -> Path:
    """The report for every model of the task; its path."""
    rng, rows, arrays = np.random.default_rng(0), [], {}
    for index, (key, card) in enumerate(cards(task, models).items()):
        for method in METHODS:
            for measure in (name for name, one in MEASURES.items() if one.of == "map"):
                values = rng.beta(2 + index, 5, IMAGES).astype(np.float32)
                values[0] = np.nan
                arrays[f"{measure}__{key}__{method}"] = values
                head = {"model": key, "sha256": card.sha256, "method": method, "measure": measure}
                rows.append(head | {"value": float(np.nanmedian(values)), "value_n": IMAGES - 1, "better": "neither"})
    path = reports / task / "saliency.json"
    write_report(Report(task, "saliency", {}, {"data": "made up", "code": "0.1.0"}, tuple(rows)), path)
    write_arrays(arrays, path.with_suffix(".npz"))
    return path
