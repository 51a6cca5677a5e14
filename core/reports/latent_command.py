"""The report `latent` as a command; the report `latent-readings` is written beside it."""

from core.latent.generator import load_generator
from core.reports import latent_readings
from core.reports.command import Answer, Command, Request
from core.reports.latent import latent_report
from core.reports.latent_parts import LatentSettings
from core.reports.report import Row, common_task, write_report


def _settings(images: int | None, seed: int) -> LatentSettings:
    if images is None:
        return LatentSettings(seed=seed)
    return LatentSettings(images, paper_images=0, accuracy_images=images, noise_images=images, seed=seed)


def _run(request: Request[LatentSettings]) -> Answer:
    task = common_task(request.models, request.data)
    made = latent_report(
        load_generator(task.key),
        request.models,
        request.data,
        request.settings,
        request.scratch,
        request.path,
        request.on_progress,
        allow_uncommitted=request.allow_uncommitted,
    )
    claims = latent_readings.readings(made)
    if request.path is not None:
        write_report(claims, request.path.with_name(f"{latent_readings.NAME}.json"))
    told = [row for row in made.report.rows if row["search"] != "minimum" or "median" in row]
    return Answer(made.report, (*map(_line, told), *map(latent_readings.line, claims.rows)))


def _line(row: Row) -> str:
    at = ", ".join(f"{words} {row[name]:g}" for words, name in (("eps", "epsilon"), ("rho", "rho")) if row[name])
    head = f"{row['model']:16} {row['metric']:17} {row['codes']:14} {row['setting']:7} {at:18}"
    value = f"{row['value']:.3f} ({row['value_low']:.3f} to {row['value_high']:.3f}, n = {row['value_n']:,})"
    if "median" not in row:
        return f"{head} {value}"
    shares = f"not found {row['not_found']:.1%}, wrong already {row['already_wrong']:.1%}"
    if row.get("l2") is None:
        return f"{head} {value}, {shares}"
    return f"{head} {value}, {shares}; picture's change {row['l2']:.3f}, outward {row['outward']:+.3f}"


COMMAND = Command(_settings, _run)
