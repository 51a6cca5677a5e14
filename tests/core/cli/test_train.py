"""The command `train`: what it writes, what it refuses."""

import json

import pytest
import torch

from core.cli import folders
from core.cli.main import main
from core.models.zoo import load_weights
from core.training import loop
from core.training.recipes.registry import RECIPES
from tests.helpers.added_recipe import BRIGHTENED_RECIPE


@pytest.mark.slow
def test_train_writes_weights_and_card_that_load(fashion_root, tmp_path, capsys):
    command = [
        "train",
        "fashion-mnist",
        "standard",
        "--epochs",
        "1",
        "--images",
        "128",
        "--out",
        str(tmp_path),
        "--json",
    ]
    assert main(command) == 0
    printed = json.loads(capsys.readouterr().out)
    model = load_weights(tmp_path / "fashion-mnist" / "standard.safetensors")
    assert model.card.sha256 == printed["sha256"]
    assert model.card.command == "robustscope train fashion-mnist standard --epochs 1 --images 128"
    assert model.card.training["epochs"] == 1 and len(model.card.training["loss"]) == 1


def test_train_refuses_to_overwrite_a_shipped_model_with_a_changed_plan(capsys):
    assert main(["train", "cifar10", "standard", "--epochs", "1"]) == 2
    assert "--out" in capsys.readouterr().err


@pytest.mark.slow
def test_train_takes_another_attack(fashion_root, tmp_path, capsys):
    command = ["train", "fashion-mnist", "pgd-linf", "--epochs", "1", "--images", "128", "--out", str(tmp_path)]
    assert main([*command, "--epsilon", "16/255", "--steps", "1", "--step-size", "0.05"]) == 0
    card = load_weights(tmp_path / "fashion-mnist" / "pgd-linf.safetensors").card
    attack = card.settings["recipe"]["attack"]
    assert (attack["epsilon"], attack["steps"], attack["step_size"]) == (16 / 255, 1, 0.05)
    assert "16/255" in card.recipe


def test_a_recipe_without_an_attack_takes_no_epsilon(tmp_path, capsys):
    assert main(["train", "fashion-mnist", "standard", "--epsilon", "0.1", "--out", str(tmp_path)]) == 2
    assert "epsilon" in capsys.readouterr().err


def test_train_without_data_says_where_to_put_it(tmp_path, capsys):
    assert main(["train", "cifar10", "standard", "--out", str(tmp_path)]) == 1
    assert "cifar-10-batches-py" in capsys.readouterr().err


def test_unknown_recipe_is_a_usage_error(capsys):
    assert main(["train", "cifar10", "magic"]) == 2
    assert "pgd-linf" in capsys.readouterr().err


SHORT = ("--epochs", "1", "--images", "128")


@pytest.mark.slow
def test_train_takes_a_recipe_that_does_not_ship_with_settings_of_its_own(fashion_root, tmp_path):
    words = ("--set", "zeta=1/4", "--set", "controller.start=10")
    assert main(["train", "fashion-mnist", "lipschitz", *SHORT, *words, "--out", str(tmp_path)]) == 0
    card = load_weights(tmp_path / "fashion-mnist" / "lipschitz.safetensors").card
    recipe = card.settings["recipe"]
    assert (recipe["zeta"], recipe["controller"]["start"]) == (0.25, 10)
    assert card.command.endswith("--set zeta=1/4 --set controller.start=10")


@pytest.mark.slow
def test_a_recipe_that_joins_the_catalogue_is_trained_with_its_settings(fashion_root, tmp_path, monkeypatch):
    """Its entry alone: no plan, no words of its settings, no menu elsewhere."""
    monkeypatch.setitem(RECIPES, "brightened", BRIGHTENED_RECIPE)
    assert main(["train", "fashion-mnist", "brightened", *SHORT, "--set", "more=0.2", "--out", str(tmp_path)]) == 0
    card = load_weights(tmp_path / "fashion-mnist" / "brightened.safetensors").card
    assert card.settings["recipe"] == {"name": "Brightened", "more": 0.2} and "x + 0.2" in card.recipe


@pytest.mark.slow
def test_a_teacher_is_trained_at_the_temperature_of_its_student(fashion_root, tmp_path, monkeypatch):
    """Distillation from a teacher of another temperature would be another recipe."""
    from core.training import zoo_plans
    from core.training.recipes.settings import changed

    short = {key: zoo_plans.replace(plan, epochs=1, tail=0, images=128) for key, plan in zoo_plans.FORERUNNERS.items()}
    monkeypatch.setattr(zoo_plans, "FORERUNNERS", short)
    words = ("--set", "temperature=20")
    assert main(["train", "fashion-mnist", "distilled", *SHORT, *words, "--out", str(tmp_path)]) == 0
    student = zoo_plans.plan_named("fashion-mnist", "distilled")
    warm = zoo_plans.replace(student, recipe=changed(student.recipe, {"temperature": 20.0}))
    assert zoo_plans.teacher_plan(warm).recipe.temperature == 20.0
    assert (tmp_path / "runs" / "fashion-mnist" / "distilled-teacher").is_dir()


@pytest.mark.slow
def test_what_a_network_goes_on_from_is_trained_first_where_it_does_not_ship(fashion_root, tmp_path, monkeypatch):
    """Hardly trained further, the network is the one that came before it."""
    from core.training import zoo_plans

    fresh = zoo_plans.plan_named("fashion-mnist", "pgd-l2-radii")
    before = zoo_plans.replace(fresh, key="pgd-l2-radii-wide", epochs=1, images=128)
    recipe = zoo_plans.replace(fresh.recipe, start=before.key)
    after = zoo_plans.replace(before, key="pgd-l2-radii-far", recipe=recipe, learning_rate=1e-9)
    monkeypatch.setattr(zoo_plans, "FORERUNNERS", {(before.task, before.key): before})
    monkeypatch.setattr(zoo_plans, "SHIPPED", {**zoo_plans.SHIPPED, (after.task, after.key): after})
    monkeypatch.setattr(folders, "RUNS", tmp_path / "before")
    assert main(["train", after.task, after.key, *SHORT, "--out", str(tmp_path)]) == 0
    first = torch.load(tmp_path / "before" / before.task / before.key / "checkpoint.pt", weights_only=True)
    network = load_weights(tmp_path / after.task / f"{after.key}.safetensors").plain
    for name, weight in network.named_parameters():
        assert torch.allclose(weight, first["average"][name], atol=1e-6), name


def test_what_does_not_ship_is_not_written_among_what_ships(capsys):
    assert main(["train", "cifar10", "insensitive"]) == 2
    assert "--out" in capsys.readouterr().err


def test_every_recipe_of_every_task_has_a_plan():
    from core.data.tasks import TASKS
    from core.training.recipes.registry import recipes_for
    from core.training.zoo_plans import plan_named

    for task in TASKS.values():
        for key in recipes_for(task):
            assert plan_named(task.key, key).task == task.key


def test_maps_take_the_place_of_noise_as_fast_as_in_the_authors_hundred_epochs():
    from core.training.recipes.saliency_perturbation import ALPHA
    from core.training.zoo_plans import plan_named

    plan = plan_named("fashion-mnist", "sat-strong-robust")
    assert plan.recipe.perturbation.share(plan.epochs) == pytest.approx(1 - ALPHA**100)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--set", "attack.epsilon=8"), "8/255"),
        (("--epsilon", "8"), "8/255"),
        (("--set", "attack.epsilon=8/0"), "attack.epsilon"),
        (("--set", "attack.steps=2.5"), "whole"),
        (("--set", "attack.steps=100000"), "1000"),
        (("--set", "magic=1"), "attack.epsilon"),
        (("--set", "attack.epsilon=0.1", "--set", "attack.epsilon=0.2"), "twice"),
        (("--epsilon", "0.1", "--set", "attack.epsilon=0.2"), "twice"),
    ],
)
def test_impossible_settings_are_refused_and_leave_nothing(words, said, tmp_path, capsys):
    assert main(["train", "cifar10", "pgd-linf", *words, "--out", str(tmp_path / "new")]) == 2
    error = capsys.readouterr().err
    assert said in error and len(error.splitlines()) == 1
    assert not (tmp_path / "new").exists()


def test_a_length_of_a_whole_picture_may_be_above_one():
    """An L2 radius is no move of a value: 8 is possible there."""
    from core.training.recipes.settings import changed
    from core.training.zoo_plans import plan_named

    assert changed(plan_named("cifar10", "pgd-l2").recipe, {"attack.epsilon": 8.0}).attack.epsilon == 8.0


def test_a_training_that_a_device_has_no_memory_for_says_how_to_go_on(fashion_root, tmp_path, monkeypatch, capsys):
    def full(*given, **how):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(loop, "train", full)
    command = ["train", "fashion-mnist", "standard", "--epochs", "1", "--images", "128", "--out", str(tmp_path)]
    assert main(command) == 1
    assert "memory of cpu is full" in capsys.readouterr().err
