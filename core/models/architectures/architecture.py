"""What is known of an architecture: its words, its settings in a card, and how a network of it is built."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from torch import nn

from core.data.tasks import Task
from core.errors import InputError


class NetworkConfig(Protocol):
    """The settings of a network, as its card holds them: a frozen dataclass that refuses impossible ones when built."""

    @property
    def architecture(self) -> str:
        """The key of its architecture."""

    @property
    def classes(self) -> int:
        """K."""

    @property
    def channels(self) -> int:
        """C of the images."""

    @property
    def parameters(self) -> int:
        """The number of trainable values, by arithmetic: nothing is built to find it out."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """One kind of network.

    A network takes images (B, C, H, W) in [0, 1] at its task's shape and gives logits (B, K): whatever it does to a
    picture, resizing or normalising, happens inside, so that all networks see the same image and epsilon means one
    thing. One that derives from `core.models.pooled.PooledClassifier` names its features; what needs them says so of
    any other.

    Attributes:
        key: its name in cards.
        title: its name for people.
        sentence: what it is, for people.
        source: paper and code.
        licence: of the code.
        config: its settings, a `NetworkConfig`. A card's settings name the key in the field `architecture`, which only
            those of the project's own network lack.
        build: a network with any weights from its settings and the task's shape (C, H, W).
        smallest_side: pixels that an image must have each way.
        fast_form: a frozen copy with the same outputs and input gradients, computed quicker; None where there is none,
            and the network itself stands in.
        gradients: whether its answers can be differentiated; what needs that says so of a network whose can't.
    """

    key: str
    title: str
    sentence: str
    source: str
    licence: str
    config: type[Any]
    build: Callable[[Any, tuple[int, int, int]], nn.Module]
    smallest_side: int = 1
    fast_form: Callable[[Any], nn.Module] | None = None
    gradients: bool = True

    def check(self, network: NetworkConfig, task: Task) -> None:
        """Refuse settings of a network that is none for a task.

        Raises:
            InputError: other classes, channels, or images that are too small.
        """
        if network.classes != task.classes or network.channels != task.shape[0]:
            raise InputError(f"classes and channels of the network are not those of {task.key}")
        if min(task.shape[1:]) < self.smallest_side:
            raise InputError(
                f"{self.title} takes images of at least {self.smallest_side} pixels a side; "
                f"those of {task.key} have {min(task.shape[1:])}"
            )
