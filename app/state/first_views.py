"""What the first visitor of a server would wait for, made beforehand: networks, pictures and answers of the opening."""

from collections.abc import Callable
from functools import partial
from threading import Event

from app.state import judgements, openings, pictures, zoo
from app.state.choice import Choice, Options, default
from app.state.predictions import predictions_of
from core.data.tasks import task_named


def prepare(stopped: Event) -> None:
    """Load the opening's networks and make its answers, as the pages ask for them; until told to stop.

    Raises:
        InputError: files are damaged.
    """
    choice = opening()
    if choice is None:
        return
    task, shown = task_named(choice.task), pictures.chosen(choice)
    work: list[Callable[[], object]] = [partial(predictions_of, task, [key], shown) for key in choice.models]
    work += [partial(pictures.thumbnail, task.key, key) for key in pictures.items(task.key)]
    work += [partial(judgements.judgements_of, task, key, shown) for key in choice.models]
    for make in work:
        if stopped.is_set():
            return
        make()


def opening() -> Choice | None:
    """The choice of a first visit; None where there is no network."""
    tasks = zoo.zoo_tasks()
    if not tasks:
        return None
    here = Options(
        {task: tuple(zoo.cards_of(task)) for task in tasks},
        {task: pictures.items(task).keys() for task in tasks},
        openings.pictures_of(tasks, ""),
    )
    return default(here)
