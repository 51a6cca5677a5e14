"""Tiny untrained generators, kept in a folder as those that ship are, and reports `latent` of made-up figures."""

from pathlib import Path

import numpy as np
import torch

from core.data.tasks import task_named
from core.latent.autoencoder import AutoencoderCard, save
from core.latent.network import AutoencoderConfig, AutoencoderNetwork
from core.models.zoo import cards
from core.reports.claims.latent import readings
from core.reports.form.report import Report, write_report
from core.reports.latent.measurements import KINDS, NOISE, LatentSettings
from core.reports.latent.report import Latent
from core.reports.latent.rows import rows_of
from tests.helpers.resamples import few_resamples

LATENT = 16
SETTINGS = LatentSettings(images=120, paper_images=0, accuracy_images=200, noise_images=100)


def write_autoencoders(folder: Path, tasks: tuple[str, ...] = ("cifar10", "fashion-mnist")) -> Path:
    """`folder` with a generator for each task, each from a seed of its own."""
    for seed, task in enumerate(map(task_named, tasks)):
        config = AutoencoderConfig(task.classes, task.shape, LATENT, (8, 8, 4))
        network = AutoencoderNetwork(config, torch.Generator().manual_seed(seed))
        with torch.no_grad():  # fresh ones draw nearly the same for every code
            network.decoder.last.weight.mul_(40)
        save(network, AutoencoderCard(task.key, config, "untrained", {}, seed, "none", {}), folder)
    return folder


@few_resamples()
def write_latent_reports(models: Path, reports: Path, task: str) -> Path:
    """`latent.json` and `.npz`, and `latent-readings.json`, for every model of the task; its folder.

    Severities in latent space fall along the zoo, those in image space and the pictures' changes rise.
    """
    arrays, rng = {"rebuilt": np.full(SETTINGS.accuracy_images, 0.1, np.float32)}, np.random.default_rng(0)
    found = cards(task, models)
    for index, key in enumerate(found):
        arrays |= _arrays(key, index, rng)
    rows = tuple(row for key, card in found.items() for row in rows_of(key, card.sha256, SETTINGS, LATENT, arrays))
    settings = {"eps": SETTINGS.eps, "bound": SETTINGS.bound, "images": SETTINGS.images, "restarts": SETTINGS.restarts}
    made = Latent(Report(task, "latent", settings, {"data": "made up", "seconds": 1.0}, rows), arrays)
    made.write(reports / task / "latent.json")
    write_report(readings(made), reports / task / "latent-readings.json")
    return reports / task


def _arrays(key: str, index: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """All arrays of one network, the later ones less accurate and more robust."""
    n, right = SETTINGS.images, 0.95 - 0.1 * index
    made = {name: rng.random(SETTINGS.accuracy_images) < right for name in ("right", "right_gaussian")}
    for kind in KINDS:
        made[f"right_{kind}"] = rng.random(SETTINGS.accuracy_images) < right
        made |= {f"decayed_{kind}_{epsilon:g}": made["right"] for epsilon in (0.5, 1.0)}
        made |= {f"noise_{kind}_{epsilon:g}": rng.random(SETTINGS.noise_images).astype(np.float32) for epsilon in NOISE}
        distance = rng.gamma(4, 0.15 / (index + 1), n).astype(np.float32)
        distance[:5], distance[-index - 1 :] = 0, np.inf
        part = f"{kind}_{SETTINGS.settings_of(key)[0].name}_{SETTINGS.eps:g}"
        made |= {f"distance_{part}": distance, f"plain_{part}": distance, f"fooled_{part}": distance < SETTINGS.bound}
        made |= {f"outward_{part}": rng.normal(0, 0.1, n).astype(np.float32)}
        made |= {f"{name}_{part}": np.full(n, 0.05 * (index + 1), np.float32) for name in ("l2", "l1")}
    made |= {f"image_{norm}": rng.gamma(4, 0.01 * (index + 1), n).astype(np.float32) for norm in ("l2", "linf")}
    return {f"{name}__{key}": values for name, values in made.items()}
