"""A synthetic report `saliency` over the models of a folder, in the engine's form."""

from itertools import combinations
from pathlib import Path

import numpy as np

from core.explanations.catalogue import ATTRIBUTION_METHODS
from core.metrics.map_agreement import AGREEMENTS
from core.models.zoo import cards
from core.npz import write_npz
from core.reports.form.report import Report, write_report
from core.saliency.measures.catalogue import SALIENCY_MEASURES

IMAGES = 30


def write_saliency_report(models: Path, reports: Path, task: str) -> Path:
    """The report for every model of the task; its path."""
    rng, rows, arrays = np.random.default_rng(0), [], {}
    known = cards(task, models)
    for index, (key, card) in enumerate(known.items()):
        head = {"model": key, "sha256": card.sha256}
        for method in ATTRIBUTION_METHODS:
            for measure in (name for name, one in SALIENCY_MEASURES.items() if one.of == "map"):
                values = rng.beta(2 + index, 5, IMAGES).astype(np.float32)
                values[0] = np.nan
                arrays[f"{measure}__{key}__{method}"] = values
                more = {"method": method, "measure": measure, "better": "neither"}
                rows.append(head | more | {"value": float(np.nanmedian(values)), "value_n": IMAGES - 1})
        figures = {"value": 2.0 + index, "value_low": 1.5 + index, "value_high": 3.0 + index, "value_n": IMAGES}
        rows.append(head | {"method": "", "measure": "alignment"} | figures)
        arrays[f"pgd__{key}"] = np.arange(IMAGES) < 8 * index
        for name in AGREEMENTS:
            arrays[f"within-{name}__{key}"] = (0.25 + 0.75 * np.eye(len(ATTRIBUTION_METHODS))).astype(np.float32)
    for one, other in combinations(known, 2):
        arrays |= {
            f"between-{name}__{one}__{other}": np.full(len(ATTRIBUTION_METHODS), 0.75, np.float32)
            for name in AGREEMENTS
        }
    zoo = {"model": "", "sha256": "", "method": "zoo", "measure": "relation-alignment", "against": "pgd"}
    rows.append(zoo | {"value": 0.9, "value_low": 0.5, "value_high": 1.0, "value_n": len(known)})
    settings = {"methods": list(ATTRIBUTION_METHODS), "images": IMAGES, "costly_images": IMAGES}
    path = reports / task / "saliency.json"
    write_report(Report(task, "saliency", settings, {"data": "made up", "code": "0.1.0"}, tuple(rows)), path)
    write_npz(arrays, path.with_suffix(".npz"))
    return path
