"""The picture under natural changes, for the report: the answers along each, and the smallest that fools."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from app.ui import python_code
from core.data.tasks import Task
from core.models.zoo import ZooModel
from core.natural.catalogue import changes_of
from core.natural.change import Change
from core.natural.ribbons import ChangedRow, positions_at, ribbon
from core.natural.smallest import SmallestChange, smallest_change


@dataclass(frozen=True, slots=True, eq=False)
class NaturalView:
    """What came of one change.

    Attributes:
        change: the change.
        row: the picture along it, and the networks' answers.
        smallest: by network the smallest amount found that it answers otherwise than the picture at rest.
    """

    change: Change
    row: ChangedRow
    smallest: tuple[SmallestChange, ...]


def changes(task: Task) -> list[Change]:
    """The changes that a task's pictures can have."""
    return [*changes_of(task.shape[0]).values()]


def views(task: Task, models: Sequence[ZooModel], x: Tensor) -> Iterator[NaturalView]:
    """Each change of the picture `x` (1, C, H, W), one after another."""
    classifiers = [model.fast for model in models]
    for change in changes(task):
        row = ribbon(classifiers, x, {}, change.key, change.positions(positions_at(task.shape)))
        yield NaturalView(change, row, tuple(smallest_change(classifier, x, change) for classifier in classifiers))


def nearest(found: Sequence[NaturalView], network: int) -> tuple[Change, SmallestChange] | None:
    """The change whose slider a network stands least of, by its place; None where it stands all."""
    one = min(found, key=lambda view: view.smallest[network].share)
    return (one.change, one.smallest[network]) if one.smallest[network].found else None


def program(task: Task) -> str:
    """The same as Python, after the networks are loaded."""
    keys = [change.key for change in changes(task)]
    return python_code.smallest_natural(keys) + (
        "\nfrom core.natural.ribbons import positions_at, ribbon\n\n"
        "classifiers, along = [model.fast for model in models.values()], {}\n"
        f"for change in {keys}:\n"
        "    places = CHANGES[change].positions(positions_at(task.shape))\n"
        "    along[change] = ribbon(classifiers, x, {}, change, places)\n"
    )
