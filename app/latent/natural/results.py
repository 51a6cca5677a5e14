"""What visitors of the natural changes share: pictures with their answers, and ribbons."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from app.latent.natural.amounts import Amounts
from app.state import device, zoo
from app.state.pictures import ModelInput
from app.state.result_cache import cached_result
from core.data.tasks import Task
from core.natural.catalogue import CHANGES
from core.natural.change import Change
from core.natural.ribbons import ChangedRow, positions_at, ribbon


@dataclass(frozen=True, slots=True)
class NaturalScene:
    """A picture, and the networks that are asked about it.

    Attributes:
        task: the task.
        picture: what the networks get.
        networks: key and checksum of each.
        classifiers: the networks in their fast form.
    """

    task: Task
    picture: ModelInput
    networks: tuple[tuple[str, str], ...]
    classifiers: tuple[nn.Module, ...]

    @property
    def cache_key(self) -> tuple[str, str, tuple[tuple[str, str], ...]]:
        """What results are found again by."""
        return (self.task.key, self.picture.digest, self.networks)

    @property
    def models(self) -> tuple[str, ...]:
        """Keys of the networks."""
        return tuple(key for key, _ in self.networks)

    @property
    def placed(self) -> tuple[nn.Module, ...]:
        """The networks on the device of the work."""
        return tuple(map(device.placed, self.classifiers))

    @property
    def x(self) -> Tensor:
        """The picture (1, C, H, W)."""
        return device.picture(self.picture.x)


def scene(task: Task, shown: ModelInput, models: Sequence[str]) -> NaturalScene:
    """A picture with the networks loaded.

    Raises:
        InputError: a network's files are damaged.
    """
    loaded = [zoo.model(task.key, key) for key in models]
    networks = tuple((model.card.key, model.card.sha256) for model in loaded)
    return NaturalScene(task, shown, networks, tuple(model.fast for model in loaded))


@cached_result
def row_at(here: NaturalScene, amounts: Amounts) -> ChangedRow:
    """The one picture under some changes, and what the networks answer to it.

    Raises:
        InputError: a network answers with values that are not finite.
    """
    first, rest = next((key, change.rest) for key, change in CHANGES.items())
    return ribbon(here.placed, here.x, dict(amounts), first, [dict(amounts).get(first, rest)])


def answers_at_rest(here: NaturalScene) -> NDArray[np.int64]:
    """What each network answers to the picture as it is (M,)."""
    return row_at(here, ()).predicted[:, 0]


def slider_row(here: NaturalScene, amounts: Amounts, change: Change) -> ChangedRow:
    """What the networks would answer along one slider, all others staying where they are.

    Raises:
        InputError: a network answers with values that are not finite.
    """
    others = tuple((key, amount) for key, amount in amounts if key != change.key)
    return _slider_row(here, others, change.key)


@cached_result
def _slider_row(here: NaturalScene, others: Amounts, key: str) -> ChangedRow:
    places = CHANGES[key].positions(positions_at(here.task.shape))
    return ribbon(here.placed, here.x, dict(others), key, places)
