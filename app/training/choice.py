"""What is to be trained, as the page Train has it: to and from a link's query parameters."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from app.state import query_fields
from app.state.query_fields import QueryField, matching, one_of
from core.data.tasks import FASHION_MNIST, task_named, trained_tasks
from core.errors import ConfigError
from core.training.jobs.messages import TrainingRequest
from core.training.recipes.registry import RECIPES, recipes_for
from core.training.recipes.settings import Setting, Value, settings_of

IMAGES, EPOCHS = 8_000, 6
FIRST = TrainingRequest(FASHION_MNIST.key, "pgd-linf", "own", IMAGES, EPOCHS)
PAIR = (("standard", "Garments standard"), ("pgd-linf", "Garments robust"))

Teachers = Mapping[str, Collection[str]]


def pair() -> list[tuple[TrainingRequest, str]]:
    """The orders of the standard-against-robust pair on garments, with their names."""
    return [(replace(FIRST, recipe=recipe), name) for recipe, name in PAIR]


def read(query: Mapping[str, str], teachers: Teachers) -> tuple[TrainingRequest, list[str]]:
    """The order that query parameters describe, and a sentence for each value that had to be replaced.

    Args:
        query: the parameters; unknown ones are ignored.
        teachers: keys of the networks that can be learned from, by task.
    """
    order, notes = query_fields.read(FIELDS, FIRST, query, teachers)
    order, more = query_fields.read(_settings_table(order), order, query, teachers)
    return order, notes + more


def to_query(order: TrainingRequest) -> dict[str, str]:
    """The query parameters of a link to this order; the name stays with the visitor."""
    return query_fields.to_query((*FIELDS, *_settings_table(order)), order)


def _take(name: str) -> Callable[[TrainingRequest, Any, Teachers], TrainingRequest]:
    return lambda order, value, teachers: with_field(order, name, value, teachers)


def _count(name: str) -> QueryField[TrainingRequest, Teachers]:
    """A number that may be an impossible one: the engine refuses it in a sentence of its own."""
    return QueryField(
        name, name, matching(r"\d{1,7}", int), lambda value, order, teachers: True,
        lambda order, teachers, text: f"must be a whole number; {getattr(order, name)} is used.", instead="",
    )  # fmt: skip


FIELDS: tuple[QueryField[TrainingRequest, Teachers], ...] = (
    QueryField(
        "task", "task", str, one_of(lambda order, teachers: trained_tasks()),
        lambda order, teachers, text: f"must be one of {', '.join(trained_tasks())}; {order.task} is used.", instead="",
        put=_take("task"),
    ),
    QueryField(
        "recipe", "recipe", str, one_of(lambda order, teachers: recipes_for(task_named(order.task))),
        lambda order, teachers, text: (
            f"is not one that {task_named(order.task).title} can be trained with; {order.recipe} is used."
        ),
        instead="", put=_take("recipe"),
    ),
    *map(_count, ("images", "epochs", "seed")),
    QueryField(
        "teacher", "teacher", str, one_of(lambda order, teachers: teachers.get(order.task, ())),
        "is not a network that you have here; another is used.", instead="", text=lambda key: key or "",
    ),
)  # fmt: skip


def _settings_table(order: TrainingRequest) -> tuple[QueryField[TrainingRequest, Teachers], ...]:
    """The settings of the order's recipe."""
    return tuple(map(_setting_field, settings(order)))


def _setting_field(setting: Setting) -> QueryField[TrainingRequest, Teachers]:
    path = setting.path
    return QueryField(
        path, path, partial(_value, setting), lambda value, order, teachers: True,
        f"is not a value that it can have; {setting.value} is used.", instead="",
        put=lambda order, value, teachers: replace(order, changes={**order.changes, path: value}),
        held=lambda order: order.changes.get(path),
        text=lambda value: f"{value:.9g}" if isinstance(value, float) else str(value),
        written=lambda order: path in order.changes,
    )  # fmt: skip


def _value(setting: Setting, text: str) -> Value | None:
    if setting.options:
        return text if text in setting.options else None
    if isinstance(setting.value, int):
        return matching(r"-?\d{1,7}", int)(text)
    return matching(r"-?\d{1,7}(\.\d{1,9})?(e-\d{1,2})?", float)(text)


def with_field(order: TrainingRequest, field: str, value: Any, teachers: Teachers) -> TrainingRequest:
    """The order with one field changed and the others brought along.

    A new task keeps the recipe that it also has; a new recipe starts from its own settings and teacher.
    """
    order = replace(order, **{field: value})
    if field not in ("task", "recipe"):
        return order
    recipes = recipes_for(task_named(order.task))
    order = replace(order, recipe=order.recipe if order.recipe in recipes else recipes[0], changes={})
    wanted = RECIPES[order.recipe].build(task_named(order.task)).teacher_key
    known = list(teachers.get(order.task, ()))
    teacher = None if wanted is None or not known else wanted if wanted in known else known[0]
    return replace(order, teacher=teacher)


def settings(order: TrainingRequest) -> tuple[Setting, ...]:
    """What can be set in the order's recipe, with the values that it has without changes."""
    return settings_of(order.unchanged())


def refusal(order: TrainingRequest) -> str | None:
    """Why an order is impossible, in the engine's own sentence; None for one that is possible."""
    try:
        order.plan()
    except ConfigError as error:
        return str(error)
    return None


def needs_teacher(order: TrainingRequest) -> bool:
    """Whether the order's recipe learns from another network."""
    return RECIPES[order.recipe].build(task_named(order.task)).teacher_key is not None


def formula(order: TrainingRequest) -> str:
    """The recipe in one line with its formula, with the settings as they are where these are possible."""
    try:
        return order.plan().recipe.describe()
    except ConfigError:
        return order.unchanged().describe()
