"""Where a visitor stands in latent space: told by text and numbers, and resolved once for all that is drawn from it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from app.state import device, zoo
from app.state.autoencoders import autoencoder
from app.state.result_cache import cached_result
from core.latent.autoencoder import Autoencoder
from core.latent.codes import read_code
from core.latent.directions import (
    Direction,
    decay_direction,
    directions,
    moved,
    noise_direction,
    picture_change,
    towards,
)
from core.models.zoo import ZooModel


@dataclass(frozen=True, slots=True)
class LatentPosition:
    """Where the visitor stands in latent space, told by text and numbers alone, so that it is its own key.

    Attributes:
        task: key of the task.
        generator: checksum of its generator's weights.
        code: the code that all sliders start from, as text.
        label: its class.
        way: the class that the class slider leads to.
        draw: which noise.
        count: how many leading directions have a slider; the others are class, decay and noise.
        at: where the sliders stand.
    """

    task: str
    generator: str
    code: str
    label: int
    way: int
    draw: int
    count: int
    at: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ResolvedPosition:
    """A position with all that it names, and the networks that are asked there.

    Attributes:
        place: the position.
        networks: key and checksum of each network.
        generator: of the task.
        loaded: the networks.
        directions: the sliders' directions there.
    """

    place: LatentPosition
    networks: tuple[tuple[str, str], ...]
    generator: Autoencoder
    loaded: tuple[ZooModel, ...]
    directions: tuple[Direction, ...]

    @property
    def cache_key(self) -> tuple[LatentPosition, tuple[tuple[str, str], ...]]:
        """What results at this position are found again by."""
        return (self.place, self.networks)

    @property
    def models(self) -> tuple[str, ...]:
        """Keys of the networks."""
        return tuple(key for key, _ in self.networks)

    @property
    def decoder(self) -> Autoencoder:
        """The task's generator, on the device of the work."""
        return _told(self.place, self.generator)[0]

    @property
    def classifiers(self) -> tuple[nn.Module, ...]:
        """The networks in their fast form, there too."""
        return tuple(device.placed(model).fast for model in self.loaded)

    @property
    def start(self) -> Tensor:
        """The code (1, n) that all sliders start from."""
        return _told(self.place, self.generator)[1]

    @property
    def labels(self) -> Tensor:
        """The class (1,) of the code."""
        return _told(self.place, self.generator)[2]

    @property
    def code(self) -> Tensor:
        """The code (1, n) where the sliders stand."""
        return moved(self.start, self.directions, self.place.at)

    def at(self, *positions: float) -> "ResolvedPosition":
        """The same with the sliders elsewhere."""
        return replace(self, place=replace(self.place, at=positions))

    def at_rest(self) -> "ResolvedPosition":
        """The same where all sliders start."""
        return self.at(*(0.0,) * len(self.place.at))


def resolve(place: LatentPosition, models: Sequence[str]) -> ResolvedPosition:
    """A position with all that it names, to be handed on to everything that is drawn from it.

    Raises:
        ConfigError: there is no generator.
        InputError: files of the generator or of a network are damaged.
    """
    loaded = [zoo.model(place.task, key) for key in models]
    generator = autoencoder(place.task)
    return ResolvedPosition(
        place,
        tuple((model.card.key, model.card.sha256) for model in loaded),
        generator,
        tuple(loaded),
        _directions(replace(place, at=()), generator),
    )


@cached_result
def _directions(place: LatentPosition, _generator: Autoencoder) -> tuple[Direction, ...]:
    """The sliders' directions at the code that all start from."""
    return (
        *_leading(replace(place, way=0, draw=0), _generator),
        *towards(*_told(place, _generator), [place.way], _change(place, _generator)),
        decay_direction(_generator.latent),
        noise_direction(_generator.latent, torch.Generator().manual_seed(place.draw)),
    )


@cached_result
def _leading(place: LatentPosition, _generator: Autoencoder) -> tuple[Direction, ...]:
    """The directions in which the picture changes most; they hang on the code and its class alone."""
    count = min(place.count, _generator.latent)
    return directions(*_told(place, _generator), count, _change(place, _generator))


def _change(place: LatentPosition, generator: Autoencoder) -> Tensor:
    """How the picture changes with each entry of the code (n, C H W), on the device of the work."""
    return device.placed(_change_of(replace(place, way=0, draw=0, count=0), generator))


@cached_result
def _change_of(place: LatentPosition, _generator: Autoencoder) -> Tensor:
    return picture_change(*_told(place, _generator))


def _told(place: LatentPosition, generator: Autoencoder) -> tuple[Autoencoder, Tensor, Tensor]:
    """The generator on the device of the work, with the code (1, n) and its class (1,)."""
    where = device.device()
    code = read_code(place.code, generator.latent)
    return generator.on(where), code.to(where), torch.tensor([place.label], device=where)
