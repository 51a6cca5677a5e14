"""The classification problems by key: a file each, one line here. Costs no import of torch, so that help is quick."""

from core.data.tasks.cifar10 import CIFAR10
from core.data.tasks.fashion_mnist import FASHION_MNIST
from core.data.tasks.imagenet import IMAGENET
from core.data.tasks.own import private_task, tasks_in, user_folder
from core.data.tasks.pasted import PASTED
from core.data.tasks.task import Task
from core.data.tasks.tiny20 import TINY20
from core.errors import choice_of

__all__ = [
    "CIFAR10",
    "FASHION_MNIST",
    "IMAGENET",
    "PASTED",
    "TASKS",
    "TINY20",
    "Task",
    "listed_tasks",
    "task_named",
    "trained_tasks",
]

TASKS: dict[str, Task] = {task.key: task for task in (CIFAR10, FASHION_MNIST, TINY20, PASTED, IMAGENET)}


def trained_tasks() -> list[str]:
    """The keys of those that networks are trained for here."""
    return [key for key, task in TASKS.items() if task.trained]


def listed_tasks() -> dict[str, Task]:
    """The project's tasks, and those that whoever runs this has brought, by key."""
    return TASKS | {key: task for key, task in tasks_in(user_folder()).items() if key not in TASKS}


def task_named(key: str) -> Task:
    """The task with this key: one that is listed, or one that only its owner knows.

    Raises:
        ConfigError: no task has it.
    """
    found = TASKS.get(key) or private_task(key)
    if found is not None:
        return found
    listed = listed_tasks()
    return listed[choice_of("task", listed, key)]
