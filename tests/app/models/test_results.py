"""The steps of a perturbation as the page gets them: the map that was chosen, the true class where it is known."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from app.models import results
from app.models.choice import BOX, GIVEN, NONE, PerturbationChoice
from app.state import pictures, predictions
from app.state import zoo as state_zoo
from core.data.tasks import CIFAR10
from core.errors import InputError
from core.training.inspect_perturbation import strong_map
from tests.helpers.synthetic.robustness import write_report

UNASKED = ("standard", "pgd-l2", 100, "clean", "no", 1.0)  # what the perturbation does not hang on
CHOSEN = PerturbationChoice("gradient-sign", "pgd-l2", "standard", 4, 30, 0.9, (3, 10), (20, 20), *UNASKED)


@pytest.fixture
def shown(zoo):
    return pictures.model_input("cifar10", "photo:chelsea", "crop", False)


def made(shown, chosen):
    return results.perturbation_result(CIFAR10, shown, "photo:chelsea", chosen)


def test_the_map_is_that_of_the_chosen_teacher(shown):
    x = np.ascontiguousarray(shown.x)
    for teacher in ("pgd-l2", "pgd-linf"):
        found = made(shown, replace(CHOSEN, teacher=teacher)).steps
        expected = strong_map(state_zoo.model("cifar10", teacher).fast, torch.from_numpy(x), "gradient-sign")
        np.testing.assert_array_equal(found.saliency, expected)
        assert np.abs(found.x_new - found.x).max() <= 4 / 255 + 1e-6


def test_the_box_lies_where_it_was_set_borders_inside(shown):
    saliency = made(shown, replace(CHOSEN, maps=BOX)).steps.saliency
    assert saliency.shape == (3, 32, 32) and (saliency[:, 20, 3:11] == 1).all() and (saliency == 1).sum() == 3 * 8


def test_the_pictures_own_mask_is_taken_where_it_has_one(shown, monkeypatch):
    mask = np.where(np.arange(32) < 5, 1, -1).astype(np.float32)[None, None].repeat(32, 1)
    monkeypatch.setattr(results, "gallery_of", lambda task: SimpleNamespace(annotation=lambda image: mask))
    results._annotation.clear()
    np.testing.assert_array_equal(made(shown, replace(CHOSEN, maps=GIVEN)).steps.saliency[0], mask[0])
    results._annotation.clear()


def test_without_a_map_there_is_noise_alone(shown):
    assert made(shown, replace(CHOSEN, maps=NONE)).steps.share == 0


def test_the_loss_is_of_the_true_class_where_it_is_known_else_of_the_networks_answer(shown):
    answer = predictions.predictions_of(CIFAR10, ["standard"], shown)[0].target
    unknown, known = made(shown, CHOSEN), made(replace(shown, label=(answer + 1) % 10), CHOSEN)
    assert (unknown.harm.label, unknown.true) == (answer, False)
    assert (known.harm.label, known.true) == ((answer + 1) % 10, True)
    for found in (unknown, known):
        assert found.harm.losses["pgd"] > found.harm.losses["clean"]


def test_a_report_is_read_again_when_its_file_changes(zoo, tmp_path, monkeypatch):
    monkeypatch.setenv("ROBUSTSCOPE_REPORTS", str(tmp_path))
    assert results.robustness("cifar10") is None and results.orderings("cifar10") == ()
    folder = write_report(zoo, tmp_path, "cifar10")
    first = results.robustness("cifar10")
    assert first is results.robustness("cifar10") and len(results.orderings("cifar10")) == 3
    (folder / "robustness.json").write_text("{")
    with pytest.raises(InputError, match=r"robustness\.json"):
        results.robustness("cifar10")


def test_comparisons_over_seeds_are_of_the_networks_that_ship(monkeypatch):
    rows = results.seed_comparisons("fashion-mnist")
    assert {row["difference_n"] for row in rows} == {3} and {row["holds"] for row in rows} <= {"yes", "undecided"}
    cards = dict(state_zoo.cards_of("fashion-mnist"))
    cards["pgd-linf"] = replace(cards["pgd-linf"], sha256="0" * 64)  # trained again since
    monkeypatch.setattr(state_zoo, "cards_of", lambda task: cards)
    assert not results.seed_comparisons("fashion-mnist") and not results.seed_comparisons("tiny20")
