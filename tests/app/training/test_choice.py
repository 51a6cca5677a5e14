"""An order in a link: what is written is read back, and what anyone else wrote is checked."""

from dataclasses import replace

import pytest

from app.training.choice import FIRST, needs_teacher, pair, read, refusal, settings, to_query, with_field
from core.data.tasks import task_named, trained_tasks
from core.training.jobs.messages import TrainingRequest
from core.training.recipes.registry import recipes_for

TEACHERS = {"cifar10": ["standard", "pgd-linf", "own-mine"], "fashion-mnist": ["standard", "pgd-linf"], "tiny20": []}


def test_a_first_visit_can_start_at_once():
    order, notes = read({}, TEACHERS)
    assert order == FIRST and notes == [] and refusal(order) is None


def test_the_pair_differs_in_its_recipe_alone():
    (one, first), (other, second) = pair()
    assert replace(one, recipe=other.recipe) == other and one.recipe == "standard" and other.recipe == "pgd-linf"
    assert first != second and refusal(one) is refusal(other) is None


@pytest.mark.parametrize(
    "order",
    [
        FIRST,
        replace(FIRST, changes={"attack.steps": 7, "attack.epsilon": 0.0314}),
        TrainingRequest(
            "cifar10", "sat-strong-robust", "own", 512, 3, 7, {"perturbation.maps": "grad-cam++"}, "own-mine"
        ),
        TrainingRequest("tiny20", "sat-box", "own", 1000, 2),
        replace(FIRST, epochs=0, changes={"attack.epsilon": -0.5}),  # impossible, but a link may say it
    ],
)
def test_a_link_restores_the_order(order):
    again, notes = read(to_query(order), TEACHERS)
    assert again == order and notes == []


@pytest.mark.parametrize("task", trained_tasks())
def test_every_recipe_of_a_task_can_be_chosen_and_is_possible_or_says_that_it_lacks_a_teacher(task):
    start = with_field(FIRST, "task", task, TEACHERS)
    for recipe in recipes_for(task_named(task)):
        order = with_field(start, "recipe", recipe, TEACHERS)
        assert order.changes == {} and (order.teacher is not None) == (
            needs_teacher(order) and bool(TEACHERS.get(task))
        )
        refused = refusal(order)
        assert refused is None or (needs_teacher(order) and "learns from another network" in refused)


def test_a_new_task_keeps_the_recipe_it_also_has_and_a_new_recipe_forgets_the_old_ones_settings():
    order = replace(FIRST, changes={"attack.steps": 7})
    assert with_field(order, "task", "cifar10", TEACHERS).recipe == "pgd-linf"
    assert with_field(order, "recipe", "trades", TEACHERS).changes == {}
    boxed = TrainingRequest("tiny20", "sat-box", "own", 1000, 2)
    assert with_field(boxed, "task", "pasted", TEACHERS).recipe in recipes_for(task_named("pasted"))


def test_a_recipe_of_a_network_gets_the_one_that_it_means_where_that_is_here():
    assert with_field(FIRST, "recipe", "sat-strong-robust", TEACHERS).teacher == "pgd-linf"
    assert with_field(FIRST, "recipe", "distilled", TEACHERS).teacher == "standard"


HOSTILE = ["", "nan", "inf", "1e999", "<script>alert(1)</script>", "../../etc/passwd", "٤", "\x00", "x" * 9999, "--1"]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize(
    "name", ["task", "recipe", "images", "epochs", "seed", "teacher", "attack.epsilon", "attack.steps"]
)
def test_a_hostile_value_is_replaced_with_a_sentence_that_does_not_repeat_it(name, value):
    order, notes = read({name: value}, TEACHERS)
    assert order == FIRST and len(notes) == 1 and f"`{name}`" in notes[0]
    assert len(value) < 4 or value not in notes[0]


def test_a_link_cannot_name_somebody_elses_network():
    order, notes = read({"recipe": "distilled", "teacher": "own-somebody"}, TEACHERS)
    assert order.teacher == "standard" and len(notes) == 1


def test_a_refusal_is_the_engines_own_sentence():
    assert "epochs must lie in" in (refusal(replace(FIRST, epochs=51)) or "")
    assert "epsilon >= 0" in (refusal(replace(FIRST, changes={"attack.epsilon": -1.0})) or "")
    assert {setting.path for setting in settings(FIRST)} == {"attack.epsilon", "attack.steps", "attack.step_size"}
