"""A synthetic report `robustness` over the models of a folder, in the form that the engine writes."""

from pathlib import Path

import numpy as np

from core.data.tasks import task_named
from core.metrics.intervals import wilson
from core.models.zoo import cards
from core.norms import NORMS
from core.npz import write_npz
from tests.helpers.checked_files import write_json

IMAGES = 300
SETTINGS = {"steps": 50, "restarts": 2}
ORIGIN = {"data": "made up", "code": "0.1.0"}


def write_report(models: Path, reports: Path, task: str) -> Path:
    """`robustness.json` and `.npz`, and `orderings.json`, for every model of the task; its folder."""
    rows, arrays = [], {}
    problem, rng = task_named(task), np.random.default_rng(0)
    for index, (key, card) in enumerate(cards(task, models).items()):
        arrays[f"log_probability__{key}"] = -rng.exponential(0.05 + index / 3, IMAGES).astype(np.float32)
        for name, size in (("gradient_norm", 1.0), ("gradient_norm_other", 2.0)):
            arrays[f"{name}__{key}"] = (size * rng.lognormal(1 - index, 1, IMAGES)).astype(np.float32)
        for norm in NORMS:
            radius = problem.radii[norm]
            grid = (np.array([0.25, 0.5, 1, 2]) * radius).astype(np.float32)
            broken = rng.geometric(0.6 / (index + 1), IMAGES) - 1
            smallest = np.array([0, *grid, np.inf], np.float32)[np.minimum(broken, 5)]
            arrays[f"grid_{norm}"], arrays[f"smallest_{norm}__{key}"] = grid, smallest
            row = {"model": key, "sha256": card.sha256, "norm": norm, "epsilon": radius, "cost": 1 + index / 2}
            counts = {"clean": (smallest > 0).sum(), "pgd": (smallest > grid[2]).sum()}
            for name, count in (counts | {"apgd": counts["pgd"] * 9 // 10}).items():
                low, high = wilson(int(count), IMAGES)
                row |= {name: count / IMAGES, f"{name}_low": low, f"{name}_high": high, f"{name}_n": IMAGES}
            rows.append(row | {"masking": "single-step,transfer" if index == 0 else ""})
    folder = reports / task
    folder.mkdir(parents=True, exist_ok=True)
    claims = [
        {
            "claim": "A network trained against attacks withstands more",
            "task": task,
            "model": "pgd-linf",
            "against": "standard",
            "measure": "accuracy under PGD",
            "difference": 0.31,
            "difference_low": 0.25,
            "difference_high": 0.37,
            "n": IMAGES,
            "holds": "yes",
        }
    ]
    claims += [
        claims[0]
        | {
            "measure": "accuracy under APGD",
            "difference": -0.1,
            "difference_low": -0.2,
            "difference_high": -0.05,
            "holds": "no",
        },
        claims[0]
        | {
            "model": "pgd-l2",
            "difference": 0.01,
            "difference_low": -0.02,
            "difference_high": 0.04,
            "holds": "undecided",
        },
    ]
    for name, content in (("robustness", rows), ("orderings", claims)):
        report = {"task": task, "report": name, "settings": SETTINGS, "provenance": ORIGIN, "rows": content}
        write_json(folder / f"{name}.json", report, default=float)
    write_npz(arrays, folder / "robustness.npz")
    return folder
