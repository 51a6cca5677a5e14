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
from tests.helpers.pages import ROOT

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
    assert read_report(report_path(task, "latent")).settings["generator"] == card.sha256
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


def percent(row, name="value"):
    return f"{row[name]:.1%}".replace("%", " %")


def test_readme_quotes_the_reports():
    """Judged by a network that the Fashion-MNIST generator never saw."""
    said = " ".join((ROOT / "README.md").read_text().split())
    rows = {
        (task, row["metric"], row["of"]): row
        for task in TASKS
        for row in read_report(report_path(task, NAME)).rows
        if row["model"] == "standard"
    }
    samples, rebuilt, recall = (
        rows["fashion-mnist", *key] for key in (("LGA", "samples"), ("LRA", "reconstructions"), ("recall", "samples"))
    )
    span = f"{percent(samples)} of its samples (interval {percent(samples, 'value_low')} to "
    assert f"{span}{percent(samples, 'value_high')}, full prior, none left out)" in said
    assert f"and {percent(rebuilt)} of the rebuilt test images; recall is {recall['value']:.2f}." in said
    ours, theirs = (
        f"{rows['cifar10', *key]['value']:.0%}".replace("%", " %")
        for key in (
            ("LGA", "samples"),
            ("LRA", "reconstructions"),
        )
    )
    assert f"`standard` recognises {ours} of them, and {theirs} of rebuilt test images" in said


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


def test_the_note_on_photographs_quotes_the_report():
    rows = read_report(report_path("cifar10", NAME)).rows
    note = NOTES["cifar10"]
    for metric, model, form in (
        ("LGA", "standard", "recognises {} of them"),
        ("LRA", "standard", "rebuilt test images {}"),
        ("accuracy", "standard", "against {} of the images"),
        ("LGA", "pgd-linf", "`pgd-linf` recognises {} of the samples"),
    ):
        (value,) = [row["value"] for row in rows if (row["metric"], row["model"]) == (metric, model)]
        assert form.format(f"{value:.0%}".replace("%", " %")) in note
    ratios = [row["value"] for row in rows if row["metric"] == "variance_ratio"]
    assert f"{min(ratios):.2f} to {max(ratios):.2f}" in note
