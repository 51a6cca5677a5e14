"""What ships of the generators belongs together, and keeps what it promises."""

import json

import pytest

from core.data.galleries import ASSETS as GALLERY
from core.data.galleries import MADE, gallery
from core.data.tasks import task_named
from core.latent.autoencoder import ASSETS, load_autoencoder
from core.models.zoo import cards
from core.reports.form.report import read_report, report_path
from core.reports.generator.report import NAME, GeneratorSettings
from core.training.autoencoder.shipped import AUTOENCODERS, DESIGN, NOTES

TASKS = sorted({task for task, _ in AUTOENCODERS})
MEGABYTES = 25  # in all, at most


@pytest.mark.parametrize("task", TASKS)
def test_card_weights_and_report_belong_together(task):
    card = load_autoencoder(task).card  # checks the checksum
    plan = AUTOENCODERS[task, DESIGN]
    assert card.settings == json.loads(json.dumps(plan.settings())) and card.network == plan.network
    assert card.recipe == plan.recipe.describe() and card.command == f"robustscope train-generator {task}"
    assert card.note == NOTES[task]
    report = read_report(report_path(task, NAME))
    assert report.settings["generator"] == card.sha256 and list(card.figures) == list(report.rows)
    assert report.settings["images"] == 10_000 and report.settings["seed"] == GeneratorSettings().seed
    zoo = {key: known.sha256 for key, known in cards(task).items()}
    assert report.settings["models"] == {key: zoo[key] for key in report.settings["models"]}


def test_they_are_small():
    assert sum(path.stat().st_size for path in ASSETS.glob("*")) < MEGABYTES * 1e6


@pytest.mark.parametrize("task", TASKS)
def test_the_gallery_shows_every_class_and_was_made_by_the_generator_that_ships(task):
    made = json.loads((GALLERY / task / MADE).read_text())
    assert made["generator"] == load_autoencoder(task).card.sha256
    labels = [item.label for item in gallery(task_named(task)).items.values() if item.key.startswith("generated:")]
    assert set(labels) == set(range(task_named(task).classes))


def figures(metric, of, model=""):
    report = read_report(report_path("fashion-mnist", NAME))
    return [row["value"] for row in report.rows if (row["metric"], row["of"], row["model"]) == (metric, of, model)]


def test_fashion_mnist_keeps_its_promises():
    """As judged by a network that the generator never saw: labels kept, nothing of the data left out, no collapse."""
    assert figures("LRA", "reconstructions", "standard")[0] >= 0.85
    assert figures("LGA", "samples", "standard")[0] >= 0.95
    assert figures("recall", "samples", "standard")[0] >= 0.3
    ratios = figures("variance_ratio", "samples")
    assert len(ratios) == 10 and all(0.5 <= ratio <= 2 for ratio in ratios)


def test_the_note_quotes_the_reports_of_both_designs():
    """The better design was chosen by these figures; MSE is the one that it loses."""
    ours = read_report(report_path("fashion-mnist", NAME)).rows
    plain = read_report(report_path("fashion-mnist", f"{NAME}-vae")).rows
    note = NOTES["fashion-mnist"]
    for metric, of, model, form in (
        ("mse", "reconstructions", "", "{:.4f}"),
        ("LGA", "samples", "standard", "{:.0%}"),
        ("kid", "samples", "standard", "{:.2f}"),
    ):
        for rows in (ours, plain):
            (value,) = [row["value"] for row in rows if (row["metric"], row["of"], row["model"]) == (metric, of, model)]
            assert form.format(value).replace("%", " %") in note
    for rows in (ours, plain):
        ratios = [row["value"] for row in rows if row["metric"] == "variance_ratio"]
        assert f"{min(ratios):.2f} to {max(ratios):.2f}" in note.replace("\n", " ")
