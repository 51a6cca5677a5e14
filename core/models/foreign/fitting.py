"""Which architecture tensors are of: names and shapes against networks on the meta device, which hold nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

import torch

from core.errors import ConfigError
from core.models.architectures.factory_networks import FACTORIES, FactoryConfig
from core.models.architectures.library import Library
from core.models.architectures.timm_networks import TIMM_LIBRARY, TimmConfig
from core.models.architectures.torchvision_networks import TORCHVISION_LIBRARY, TorchvisionConfig
from core.text import shorten

LIBRARIES: Mapping[str, tuple[Library, type[Any]]] = {
    "torchvision": (TORCHVISION_LIBRARY, TorchvisionConfig),
    "timm": (TIMM_LIBRARY, TimmConfig),
    "factory": (FACTORIES, FactoryConfig),
}
PASSED_OVER = (
    "num_batches_tracked", "relative_position_index", "relative_coords_table", "attn_mask", "total_ops", "total_params"
)  # fmt: skip
"""Last parts of names of what a network makes anew where a file lacks it, and what profilers leave in files."""
_CLASSES = 7919  # a number of classes that no other size of a network is
_SIDES = (32, 64, 96, 112, 128, 160, 176, 192, 224, 240, 256, 288, 299, 320, 336, 384, 448, 480, 512)
_SHOWN = 4

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class NetworkName:
    """A network of a library by its name there; written `library/name`."""

    library: str
    name: str

    def __str__(self) -> str:
        """As it is written."""
        return f"{self.library}/{self.name}"


@dataclass(frozen=True, slots=True)
class Fit:
    """How tensors fit a network.

    Attributes:
        network: which one.
        classes: K by the file's last layer; 0 where it has none that fits.
        channels: C of the pictures, by the first layer.
        side: the size that the network is built for where its weights depend on it, else 0.
        missing: names that the network has and the file lacks.
        extra: names that the file has and the network lacks.
        wrong: names with the shape in the file and the one expected.
    """

    network: NetworkName
    classes: int
    channels: int
    side: int
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    wrong: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]

    @property
    def whole(self) -> bool:
        """Whether every tensor has its place."""
        return not (self.missing or self.extra or self.wrong) and self.classes > 0

    def sentences(self) -> list[str]:
        """What does not fit, in plain words."""
        said = []
        if self.missing:
            said.append(f"{self.network} has {_count(self.missing)} that the file lacks: {_some(self.missing)}.")
        if self.extra:
            said.append(f"The file has {_count(self.extra)} that {self.network} lacks: {_some(self.extra)}.")
        for name, got, expected in self.wrong[:_SHOWN]:
            wanted = " × ".join("classes" if size == _CLASSES else str(size) for size in expected)
            said.append(f"{shorten(name, 60)} is {' × '.join(map(str, got)) or 'one number'}, and should be {wanted}.")
        if len(self.wrong) > _SHOWN:
            said.append(f"{len(self.wrong) - _SHOWN:,} more have other shapes.")
        if not said and not self.classes:
            said.append(f"{self.network} has no last layer that tells the number of classes.")
        return said


def named(text: str) -> list[NetworkName]:
    """The networks that a name means: `library/name`, or a name that one library has, or both.

    Raises:
        ConfigError: none has it; the message holds names that come near.
    """
    library, slash, name = text.strip().partition("/")
    if slash and library not in LIBRARIES:
        raise ConfigError(f"networks are of {' or '.join(LIBRARIES)}; got {shorten(text, 60)}")
    if slash:
        lists = {library: LIBRARIES[library][0].names()}
    else:
        lists = {key: _names(one) for key, (one, _) in LIBRARIES.items()}
    found = [NetworkName(key, name or library) for key, names in lists.items() if (name or library) in names]
    if not found:
        known = [name for one, _ in LIBRARIES.values() for name in _names(one)]
        near = ", ".join(dict.fromkeys(get_close_matches(name or library, known, 4))) or "nothing with a name near it"
        raise ConfigError(f"no library has a network {shorten(text, 60)}; there is {near}")
    return found


def fit(network: NetworkName, shapes: Shapes) -> Fit:
    """How tensors of these shapes fit a network, for any number of classes, one channel or three, and any size.

    Raises:
        ConfigError: the library can't build the network.
    """
    found = _compared(network, shapes, 3, 0)
    if any(_is_first(expected, got) for _, got, expected in found.wrong):
        found = _compared(network, shapes, 1, 0)
    if found.wrong and not found.missing and all("pos" in name for name, _, _ in found.wrong):
        for side in _SIDES:
            try:
                other = _compared(network, shapes, found.channels, side)
            except ConfigError:  # it is not built for this size
                continue
            if other.whole:
                return other
    return found


def _compared(network: NetworkName, shapes: Shapes, channels: int, side: int) -> Fit:
    expected, counts = expected_shapes(network, channels, side), set()
    wrong = []
    for name, wanted in expected.items():
        got = shapes.get(name)
        if got is None or got == wanted:
            continue
        places = [place for place, size in enumerate(wanted) if size == _CLASSES]
        alike = len(got) == len(wanted) and all(
            one == other for place, (one, other) in enumerate(zip(got, wanted, strict=True)) if place not in places
        )
        if alike and places:
            counts |= {got[place] for place in places}
        else:
            wrong.append((name, got, wanted))
    classes = counts.pop() if len(counts) == 1 else 0
    missing = tuple(name for name in expected if name not in shapes and not _passed_over(name))
    extra = tuple(name for name in shapes if name not in expected and not _passed_over(name))
    return Fit(network, classes, channels, side, missing, extra, tuple(wrong))


@lru_cache(maxsize=64)
def expected_shapes(network: NetworkName, channels: int = 3, side: int = 0) -> Shapes:
    """The shapes of a network's tensors by name.

    Raises:
        ConfigError: the library can't build it.
    """
    library, _ = LIBRARIES[network.library]
    try:
        with torch.device("meta"):
            made = library.make(network.name, _CLASSES, channels, side)
    except Exception as error:  # the libraries' own ways to refuse
        raise ConfigError(f"{network} can't be built here ({shorten(error, 80)})") from error
    return {name: tuple(value.shape) for name, value in made.state_dict().items()}


def _names(library: Library) -> list[str]:
    """The classifiers of a library; none where it can't say, so that a damaged list of one hides no other's."""
    try:
        return library.names()
    except ConfigError:
        return []


def _passed_over(name: str) -> bool:
    return name.rpartition(".")[2] in PASSED_OVER


def _is_first(expected: tuple[int, ...], got: tuple[int, ...]) -> bool:
    """Whether a shape is that of a first convolution for colour where the file's is for grey."""
    return len(expected) == 4 and len(got) == 4 and expected[1] == 3 and got[1] == 1 and expected[0] == got[0]


def _count(names: tuple[str, ...]) -> str:
    return f"{len(names):,} tensor{'s' if len(names) != 1 else ''}"


def _some(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(shorten(name, 60) for name in names[:_SHOWN]) + more
