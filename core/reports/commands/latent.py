"""The report `latent` as a command; the report `latent-readings` is written beside it."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.latent.autoencoder import Autoencoder, load_autoencoder
from core.latent.search import Search
from core.models.zoo import ZooModel
from core.reports.claims import latent
from core.reports.form.command import Answer, Command
from core.reports.form.measuring import Request
from core.reports.form.report import Row, write_report
from core.reports.form.settings import sized
from core.reports.form.verification import Recomputation, Sample, from_entries, settings_from
from core.reports.latent.measurements import LatentSettings, accuracies, codes_of, searched
from core.reports.latent.report import BATCH, Latent, latent_report
from core.reports.latent.rows import counted


def _run(request: Request[LatentSettings]) -> Answer:
    made = latent_report(request, load_autoencoder(request.task.key).on(request.data.device))
    claims = latent.readings(made)
    if request.path is not None:
        write_report(claims, request.path.with_name(f"{latent.NAME}.json"))
    told = [row for row in made.report.rows if row["search"] != "minimum" or "median" in row]
    return Answer(made.report, (*map(_line, told), *map(latent.line, claims.rows)))


def _line(row: Row) -> str:
    at = ", ".join(f"{words} {row[name]:g}" for words, name in (("epsilon", "epsilon"), ("rho", "rho")) if row[name])
    head = f"{row['model']:16} {row['metric']:17} {row['codes']:14} {row['setting']:7} {at:18}"
    interval = "({value_low:.3f} to {value_high:.3f}, n = {value_n:,})"
    value = "unknown" if row["value"] is None else f"{row['value']:.3f} {interval.format_map(row)}"
    if "median" not in row:
        return f"{head} {value}"
    shares = f"not found {row['not_found']:.1%}, wrong already {row['already_wrong']:.1%}"
    if row.get("l2") is None:
        return f"{head} {value}, {shares}"
    return f"{head} {value}, {shares}; picture's change {row['l2']:.3f}, outward {row['outward']:+.3f}"


def _recompute(sample: Sample) -> Recomputation:
    """A network's accuracy on images or reconstructions, or its severity on reconstructions, code by code."""
    found = Latent.read(sample.path)
    autoencoder = load_autoencoder(found.report.task).on(sample.data.device)
    if autoencoder.card.sha256 != found.report.settings["generator"]:
        raise InputError(f"{sample.path.name} tells of another generator than the one that is here")
    row = sample.draw.choice(found.report.rows)
    settings = settings_from(LatentSettings, found.report.settings)
    severity = f"distance_{settings.settings_of(row['model'])[0].part('reconstruction', settings.eps)}"
    metric, name = sample.draw.choice([("accuracy", "right"), ("LRA", "right_reconstruction"), ("LARS", severity)])
    reported = found.arrays[f"{name}__{row['model']}"]
    model, n = sample.network(row), sample.count(len(reported))
    few = replace(settings, images=n, paper_images=0, accuracy_images=n, noise_images=1)
    if metric != "LARS":
        codes = codes_of(autoencoder, sample.data, few)
        again = accuracies(autoencoder, model.fast, sample.data, codes, few)[name]
        return from_entries(f"{row['model']}, {metric}", reported[:n], again)
    distance = _distances(autoencoder, model, sample, few)
    most = Search().rho
    return from_entries(f"{row['model']}, LARS", counted(reported[:n], most), counted(distance, most))


def _distances(
    autoencoder: Autoencoder, model: ZooModel, sample: Sample, settings: LatentSettings
) -> NDArray[np.float32]:
    """Severity of the reconstructions of the first `settings.images` images (n,)."""
    codes = codes_of(autoencoder, sample.data, settings)["reconstruction"]
    setting = settings.settings_of(model.card.key)[0]
    parts = []
    for start in range(0, settings.images, BATCH):
        part = codes.first(start, min(start + BATCH, settings.images))
        found = searched(autoencoder, model.fast, part, settings.eps, setting, settings.bound, settings.seed)
        parts.append(found["distance"])
    return np.concatenate(parts)


COMMAND = Command(sized(LatentSettings, "images", "accuracy_images", "noise_images", paper_images=0), _run, _recompute)
