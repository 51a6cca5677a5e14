"""Classifiers of a library, by name: counted on the meta device, made safe to be asked, and asked with any picture."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, ClassVar, Protocol, get_args, get_type_hints

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from core.errors import ConfigError, InputError
from core.models.architectures.architecture import Architecture
from core.models.architectures.explicit import EXPLICIT
from core.models.folding import folded
from core.models.preprocessing import Preprocess, Preprocessing
from core.text import shorten

MAX_PARAMETERS = 400_000_000
MAX_CLASSES = 100_000
MAX_NAME = 80


class Library(Hashable, Protocol):
    """Where networks come from by name: its name for people, and what they should know of it."""

    title: str
    sentence: str
    source: str
    licence: str

    def names(self) -> list[str]:
        """The classifiers that it has."""

    def make(self, name: str, classes: int, channels: int, side: int) -> nn.Module:
        """One of them with any weights, on torch's current device; `side` is 0 where no size was said."""

    def usual_preprocessing(self, name: str) -> Preprocessing:
        """What its published weights were trained with."""


@dataclass(frozen=True, slots=True)
class LibraryConfig:
    """The settings of a network of a library; a subclass says which, in `library`.

    Attributes:
        name: its name there.
        classes: K, in 1..100,000.
        preprocessing: what is done to a picture first; its `side` is also the size that networks are built for whose
            weights depend on it.

    Raises:
        ConfigError: a value out of range. Whether the library has such a network, and how large it is, is found out
            when `parameters` is asked for or the network is built.
    """

    library: ClassVar[Library]
    name: str
    classes: int
    preprocessing: Preprocessing

    def __post_init__(self) -> None:
        if not 1 <= self.classes <= MAX_CLASSES:
            raise ConfigError(f"classes must lie in 1..{MAX_CLASSES:,}; got {self.classes}")
        if not 1 <= len(self.name) <= MAX_NAME:
            raise ConfigError(f"the network's name must have 1..{MAX_NAME} characters; got {shorten(self.name, 40)}")

    @property
    def channels(self) -> int:
        """C of the images."""
        return self.preprocessing.channels

    @property
    def parameters(self) -> int:
        """See `count`."""
        return count(self, self.library)


class PreprocessedClassifier(nn.Module):
    """Images (B, C, H, W) in [0, 1] at the task's shape to logits (B, K), by a network from elsewhere."""

    def __init__(self, network: nn.Module, preprocessing: Preprocessing, shape: tuple[int, int, int]) -> None:
        """Put `network` behind its preprocessing; `shape` (C, H, W) is that of the images it will be asked with."""
        super().__init__()
        self.preprocess = Preprocess(preprocessing)
        self.network = network
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, K)."""
        logits: Tensor = self.network(self.preprocess(x))
        return logits


def check_name(name: str, library: Library) -> None:
    """Refuse a name that a library does not have.

    Raises:
        ConfigError: with the names that come near.
    """
    names = library.names()
    if name not in names:
        near = ", ".join(get_close_matches(name, names, 3)) or "nothing with a name near it"
        raise ConfigError(f"{library.title} has no classifier {shorten(name, 40)}; it has {near}")


def count(config: LibraryConfig, library: Library) -> int:
    """The number of trainable values of a network: built on the meta device, where nothing is allocated.

    Raises:
        ConfigError: the library has no such network, can't build it with these settings, or it is too large.
    """
    return _count(config, library)


@lru_cache(maxsize=256)
def _count(config: LibraryConfig, library: Library) -> int:
    return sum(parameter.numel() for parameter in _on_meta(config, library).parameters())


def _on_meta(config: LibraryConfig, library: Library) -> nn.Module:
    check_name(config.name, library)
    try:
        with torch.device("meta"):
            network = _made(config, library)
    except ConfigError:  # some work out their widths by tensors, which the meta device can't read back
        with _NothingAllocated():
            network = _made(config, library).to("meta")
    parameters = sum(parameter.numel() for parameter in network.parameters())
    if parameters > MAX_PARAMETERS:
        raise ConfigError(f"{config.name} has {parameters:,} parameters; at most {MAX_PARAMETERS:,} are allowed")
    return network


class _NothingAllocated(TorchFunctionMode):
    """While entered, the empty tensors that weights begin as are on the meta device; all others are what they are."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        return func(*args, **(kwargs | {"device": "meta"} if func is torch.empty else kwargs))


def _made(config: LibraryConfig, library: Library) -> nn.Module:
    try:
        return library.make(config.name, config.classes, config.channels, config.preprocessing.side)
    except Exception as error:  # the library's own ways to refuse a setting are of every kind
        raise ConfigError(
            f"{library.title} can't build {config.name} with {config.channels} channels at "
            f"{config.preprocessing.side or 'any'} pixels ({shorten(error, 120)})"
        ) from error


@lru_cache(maxsize=256)
def _check_shape(config: LibraryConfig, library: Library, shape: tuple[int, int, int]) -> None:
    """Refuse pictures of a shape (C, H, W) that a network can't take, by sending an empty one through it."""
    network = safe(_on_meta(config, library)).eval()
    with torch.device("meta"):
        classifier = PreprocessedClassifier(network, config.preprocessing, shape)
        picture = torch.zeros(2, *shape)
    try:
        with torch.no_grad():
            answer = classifier(picture)
    except NotImplementedError:
        return  # an operation that the meta device lacks says nothing about the shape
    except Exception as error:
        raise InputError(
            f"{config.name} can't take pictures of {shape[1]} by {shape[2]} pixels; "
            f"let its preprocessing resize them ({shorten(error, 120)})"
        ) from error
    if not isinstance(answer, Tensor) or answer.shape != (2, config.classes):
        raise InputError(f"{config.name} does not answer a picture with {config.classes} numbers")


def of_library(config: type[LibraryConfig], title: str = "") -> Architecture:
    """The architecture of whatever a library has, by the key that its settings name in a card.

    Args:
        config: the settings of its networks.
        title: its name for people, where it is not the key.
    """
    library, (key,) = config.library, get_args(get_type_hints(config)["architecture"])
    return Architecture(
        key, title or key, library.sentence, library.source, library.licence,
        config=config, build=build, fast_form=folded,
    )  # fmt: skip


def build(config: LibraryConfig, shape: tuple[int, int, int]) -> PreprocessedClassifier:
    """The network with any weights, safe to be asked by every method.

    Raises:
        ConfigError: as for `count`.
        InputError: it can't take pictures of this shape.
    """
    _check_shape(config, config.library, shape)
    return PreprocessedClassifier(safe(_made(config, config.library)), config.preprocessing, shape)


def safe(network: nn.Module) -> nn.Module:
    """The same network without what gets in the way of methods.

    Activations do not work in place, so that what a layer was given stays what it was; what can't be differentiated
    twice is written out.
    """
    for module in network.modules():
        if getattr(module, "inplace", False) is True:
            module.inplace = False  # type: ignore[assignment]
        if hasattr(module, "fused_attn"):
            module.fused_attn = False  # type: ignore[assignment]
        if type(module) in EXPLICIT:
            module.__class__ = EXPLICIT[type(module)]
    return network
