"""What is to be trained, as the page Train has it: to and from a link's query parameters."""

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from core.data.tasks import FASHION_MNIST, TASKS, task_named
from core.errors import ConfigError
from core.training.job import Order, recipes_for
from core.training.registry import RECIPES
from core.training.settings import Setting, Value, settings_of

IMAGES, EPOCHS = 8_000, 6
FIRST = Order(FASHION_MNIST.key, "pgd-linf", "own", IMAGES, EPOCHS)
PAIR = (("standard", "Garments standard"), ("pgd-linf", "Garments robust"))
_COUNTS = ("images", "epochs", "seed")

Teachers = Mapping[str, Collection[str]]


def pair() -> list[tuple[Order, str]]:
    """The orders of the standard-against-robust pair on garments, with their names."""
    return [(replace(FIRST, recipe=recipe), name) for recipe, name in PAIR]


def read(query: Mapping[str, str], teachers: Teachers) -> tuple[Order, list[str]]:
    """The order that query parameters describe, and a sentence for each value that had to be replaced.

    Args:
        query: the parameters; unknown ones are ignored.
        teachers: keys of the networks that can be learned from, by task.
    """
    notes: list[str] = []

    def refuse(name: str, because: str) -> None:
        notes.append(f"The link's `{name}` {because}")

    order = FIRST
    if query.get("task", order.task) in TASKS:
        order = with_field(order, "task", query.get("task", order.task), teachers)
    else:
        refuse("task", f"must be one of {', '.join(TASKS)}; {order.task} is used.")
    task = task_named(order.task)
    if query.get("recipe", order.recipe) in recipes_for(task):
        order = with_field(order, "recipe", query.get("recipe", order.recipe), teachers)
    else:
        refuse("recipe", f"is not one that {task.title} can be trained with; {order.recipe} is used.")
    for name in _COUNTS:
        if re.fullmatch(r"\d{1,7}", query.get(name, "0"), re.ASCII):
            order = with_field(order, name, int(query.get(name, getattr(order, name))), teachers)
        else:
            refuse(name, f"must be a whole number; {getattr(order, name)} is used.")
    if query.get("teacher", order.teacher) in (*teachers.get(order.task, ()), None):
        order = replace(order, teacher=query.get("teacher", order.teacher))
    else:
        refuse("teacher", "is not a network that you have here; another is used.")
    for setting in settings(order):
        if setting.path in query:
            value = _value(setting, query[setting.path])
            if value is None:
                refuse(setting.path, f"is not a value that it can have; {setting.value} is used.")
            else:
                order = replace(order, changes={**order.changes, setting.path: value})
    return order, notes


def _value(setting: Setting, text: str) -> Value | None:
    if setting.options:
        return text if text in setting.options else None
    if isinstance(setting.value, int):
        return int(text) if re.fullmatch(r"-?\d{1,7}", text, re.ASCII) else None
    return float(text) if re.fullmatch(r"-?\d{1,7}(\.\d{1,9})?(e-\d{1,2})?", text, re.ASCII) else None


def to_query(order: Order) -> dict[str, str]:
    """The query parameters of a link to this order; the name stays with the visitor."""
    fields = {name: str(getattr(order, name)) for name in ("task", "recipe", *_COUNTS)}
    teacher = {"teacher": order.teacher} if order.teacher else {}
    return (
        fields
        | teacher
        | {path: f"{value:.9g}" if isinstance(value, float) else str(value) for path, value in order.changes.items()}
    )


def with_field(order: Order, field: str, value: Any, teachers: Teachers) -> Order:
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


def settings(order: Order) -> tuple[Setting, ...]:
    """What can be set in the order's recipe, with the values that it has without changes."""
    return settings_of(order.unchanged())


def refusal(order: Order) -> str | None:
    """Why an order is impossible, in the engine's own sentence; None for one that is possible."""
    try:
        order.plan()
    except ConfigError as error:
        return str(error)
    return None


def needs_teacher(order: Order) -> bool:
    """Whether the order's recipe learns from another network."""
    return RECIPES[order.recipe].build(task_named(order.task)).teacher_key is not None


def formula(order: Order) -> str:
    """The recipe in one line with its formula, with the settings as they are where these are possible."""
    try:
        return order.plan().recipe.describe()
    except ConfigError:
        return order.unchanged().describe()
