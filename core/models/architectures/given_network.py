"""A network that was given as it is, in a notebook; no file holds it."""

from dataclasses import dataclass
from typing import Literal

from torch import nn

from core.errors import InputError
from core.models.architectures.architecture import Architecture


@dataclass(frozen=True, slots=True)
class GivenConfig:
    """The settings of a network that was given as it is.

    Attributes:
        classes: K.
        channels: C of the images.
        parameters: the number of trainable values.
        architecture: its name in cards.
    """

    classes: int
    channels: int
    parameters: int
    architecture: Literal["given"] = "given"


def _no_file(config: GivenConfig, shape: tuple[int, int, int]) -> nn.Module:
    raise InputError("a network that was registered in a notebook is in no file: import its weights instead")


GIVEN = Architecture(
    "given", "A network of a notebook",
    "A network that was registered in a notebook; it lives as long as the notebook.",
    "whoever registered it", "theirs",
    config=GivenConfig, build=_no_file,
)  # fmt: skip
