"""Networks whose recipes were chosen on test images get figures of images that chose nothing."""

import dataclasses

import pytest
import torch

from core.data.datasets import LabelledImages
from core.models.zoo import load_zoo_model
from core.reports.accuracy.report import AccuracySettings, accuracy_report, in_words
from core.reports.form import chosen
from core.reports.form.measuring import Request
from core.training.zoo_plans import CHOSEN_ON_TEST, FRESH, NOTES, SHIPPED

TASK, KEY = "fashion-mnist", "pgd-l2"


@pytest.fixture
def data():
    """Images that are their own number."""
    number = torch.arange(1300)
    pixels = torch.stack([number // 256, number % 256], 1).to(torch.uint8).view(-1, 2, 1, 1)
    return LabelledImages(pixels, number % 10, "numbers")


def numbers(images: LabelledImages) -> list[int]:
    high, low = images.pixels.flatten(1).to(torch.int64).T
    return (256 * high + low).tolist()


def test_their_own_images_come_after_those_that_they_are_compared_on(data):
    images, own = chosen.with_fresh(data, TASK, KEY, 200)
    assert own == 200 and numbers(images) == [*range(200), *range(1000, 1200)]
    assert images.labels.tolist() == [number % 10 for number in numbers(images)]


@pytest.mark.parametrize(("key", "count"), [("standard", 200), (KEY, 301)])
def test_others_and_those_for_whom_there_are_too_few_have_the_first(data, key, count):
    images, own = chosen.with_fresh(data, TASK, key, count)
    assert own == 0 and numbers(images) == [*range(count)] and chosen.first_image(data, TASK, key, count) == 0


def test_accuracy_under_attack_is_of_the_images_after_those_that_chose(zoo_folder):
    """The first images are labelled wrongly, the others as the network answers."""
    model = load_zoo_model(TASK, "standard", zoo_folder)
    pixels = torch.randint(0, 256, (1040, 1, 28, 28), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    answers = model.fast(pixels.float() / 255).argmax(1)
    labels = torch.where(torch.arange(1040) < FRESH, (answers + 1) % 10, answers)
    data, settings = LabelledImages(pixels, labels, "noise"), AccuracySettings(robust_images=40, steps=1, restarts=1)
    tuned = dataclasses.replace(model, card=dataclasses.replace(model.card, key=KEY))
    report = accuracy_report(Request([model, tuned], data, settings))
    plain, own = report.rows[0], report.rows[2]
    assert (plain["robust"], plain["robust_first"], plain["clean_n"]) == (0.0, 0, 1040)
    x, generator = data.images(FRESH, 1040), torch.Generator().manual_seed(FRESH)
    x_adv = settings.attack("linf", own["epsilon"])(model.fast, x, labels[FRESH:], generator)
    stands = (model.fast(x_adv).argmax(1) == labels[FRESH:]).float().mean()
    assert own["robust"] == pytest.approx(float(stands)) and own["robust"] > 0 and own["robust_n"] == 40
    assert own["robust_first"] == FRESH and "test images 1,000 to 1,039" in in_words(report.rows[2:])
    assert "test images" not in in_words(report.rows[:2])
    assert report.settings["fresh_models"] == [KEY] and report.settings["fresh_from"] == FRESH


def test_every_network_that_was_chosen_so_ships_and_its_card_says_so():
    assert CHOSEN_ON_TEST.keys() <= SHIPPED.keys()
    assert all(f"first {FRESH:,} test images" in NOTES[network] for network in CHOSEN_ON_TEST)
    assert not any("test images" in note for network, note in NOTES.items() if network not in CHOSEN_ON_TEST)
