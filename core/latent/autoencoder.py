"""Generators of a task's images: loaded through their cards, checked before a single weight is copied."""

import copy
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as save_tensors
from torch import Tensor

from core.data.tasks import Task, task_named
from core.draws import gaussian
from core.errors import ConfigError, InputError
from core.files import write_atomically
from core.latent.network import AutoencoderConfig, AutoencoderNetwork
from core.models import cards
from core.models.weights import check_tensors, read_tensors

ASSETS = Path(__file__).resolve().parents[2] / "assets" / "generators"
MAX_WEIGHT_BYTES = 100_000_000
CHUNK = 32  # codes that a processor decodes at once: the features of more leave its cache


@dataclass(frozen=True, slots=True)
class AutoencoderCard:
    """What is known about one generator; stored as JSON beside its weights.

    Attributes:
        task: key of the task whose images it makes.
        network: its architecture.
        recipe: how it was trained, one line with the formula.
        settings: the whole training plan as plain values.
        seed: of weights, order, codes and noise.
        command: what reproduces it.
        training: cost and course: `seconds`, `threads`, `device`, `epochs`, and the losses of each epoch.
        sha256: of the weights file.
        parameters: the number of trained values.
        figures: rows of the report `generator` (see `core.reports.generator.report`).
        measured: how and when `figures` came about (the report's settings and provenance).
        note: what a reader must know besides; may be empty.
    """

    task: str
    network: AutoencoderConfig
    recipe: str
    settings: Mapping[str, Any]
    seed: int
    command: str
    training: Mapping[str, Any]
    sha256: str = ""
    parameters: int = 0
    figures: tuple[Mapping[str, Any], ...] = ()
    measured: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Autoencoder:
    """A class-conditional generator with prior `z ~ N(0, I_n)`: frozen, in eval mode, float32; nobody may write to it.

    Attributes:
        card: what is known about it.
        network: its decoder and encoder.
    """

    card: AutoencoderCard
    network: AutoencoderNetwork

    @property
    def task(self) -> Task:
        """The task whose images it makes."""
        return task_named(self.card.task)

    @property
    def latent(self) -> int:
        """The length n of a code."""
        return self.card.network.latent

    @property
    def device(self) -> torch.device:
        """Where its weights are, and codes and images must be."""
        return next(self.network.parameters()).device

    def on(self, device: torch.device) -> "Autoencoder":
        """The same generator on a device; itself where it is there already."""
        return self if self.device == device else replace(self, network=copy.deepcopy(self.network).to(device))

    def decode(self, z: Tensor, labels: Tensor) -> Tensor:
        """The images (N, C, H, W) in [0, 1] of codes `z` (N, n) in the classes `labels` (N,); differentiable in `z`.

        Raises:
            InputError: codes of another length, or not one label a code.
        """
        if z.dim() != 2 or z.shape[1] != self.latent or labels.shape != z.shape[:1]:
            raise InputError(
                f"codes must be (N, {self.latent}) with one label each; got {tuple(z.shape)} and {tuple(labels.shape)}"
            )
        if self.network.prior is not None:
            z = self.network.prior(z, labels)
        size = CHUNK if z.device.type == "cpu" else max(1, len(z))
        parts = [self.network.decoder(*part) for part in zip(z.split(size), labels.split(size), strict=True)]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def encode(self, x: Tensor, labels: Tensor) -> Tensor:
        """The codes (N, n) of images `x` (N, C, H, W) in [0, 1] seen as the classes `labels` (N,).

        They are the means of the encoder's Gaussians, taken back through the flow if there is one, in the prior's
        scale. Their norm is below sqrt(n) by as much as the Gaussians are wide, for means and widths together are like
        the prior: the report `generator` says by how much (`code_norm`).

        Raises:
            InputError: images of another shape, or not one label an image.
        """
        if tuple(x.shape[1:]) != self.card.network.shape or labels.shape != x.shape[:1]:
            raise InputError(
                f"images must be (N, {', '.join(map(str, self.card.network.shape))}) with one label each; "
                f"got {tuple(x.shape)} and {tuple(labels.shape)}"
            )
        z: Tensor = self.network.encoder(x, labels)[0]
        return z if self.network.prior is None else self.network.prior.inverse(z, labels)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Codes (count, n) from the prior N(0, I), on its device."""
        return gaussian((count, self.latent), generator, next(self.network.parameters()))


def shipped(task: str, folder: Path = ASSETS) -> bool:
    """Whether there is a generator for a task."""
    return (folder / f"{task}.json").exists()


def load_autoencoder(task: str, folder: Path = ASSETS) -> Autoencoder:
    """The shipped generator of a task.

    Checked before anything is copied: sizes, the checksum, and that names, shapes and types are those of the card's
    architecture; then that every value is finite. Weights are stored in half precision and computed with in float32.

    Raises:
        ConfigError: there is none.
        InputError: its files are damaged.
    """
    task_named(task)
    if not shipped(task, folder):
        raise ConfigError(f"there is no generator for {task}; `robustscope train-generator {task}` makes one")
    card = read_card(folder / f"{task}.json")
    path = folder / f"{task}.safetensors"
    if card.task != task:
        raise InputError(f"{path.name} is not the file its card describes: that is of {card.task}")
    return assemble(card, read_tensors(path, card.sha256, MAX_WEIGHT_BYTES))


def assemble(card: AutoencoderCard, tensors: Mapping[str, Tensor]) -> Autoencoder:
    """The generator of a card with the given weights, which are in half precision as they are stored.

    Raises:
        InputError: names, shapes or types differ from the architecture's, or a value is not finite.
    """
    network = AutoencoderNetwork(card.network)
    check_tensors(card.task, tensors, network.state_dict(), torch.float16)
    network.load_state_dict({name: value.float() for name, value in tensors.items()})
    network.eval().requires_grad_(False)
    return Autoencoder(card, network.to(memory_format=torch.channels_last))  # type: ignore[call-overload]


def save(network: AutoencoderNetwork, card: AutoencoderCard, folder: Path) -> AutoencoderCard:
    """Write weights (in half precision) and card to `folder`, each in one move; the card then has checksum and size.

    Raises:
        InputError: the folder can't be written.
    """
    data = save_tensors(
        {name: value.detach().cpu().half().contiguous() for name, value in network.state_dict().items()}
    )
    card = replace(card, sha256=hashlib.sha256(data).hexdigest(), parameters=network.config.parameters)
    write_atomically(folder / f"{card.task}.safetensors", data)
    write_card(card, folder)
    return card


def write_card(card: AutoencoderCard, folder: Path = ASSETS) -> None:
    """Write a card to `folder` in one move.

    Raises:
        InputError: a value that JSON does not have, or the folder can't be written.
    """
    cards.write_card(card, folder / f"{card.task}.json")


def read_card(path: Path) -> AutoencoderCard:
    """The card in a JSON file from anywhere; see `core.models.cards.card_of`.

    Raises:
        InputError: missing, too large, not JSON, fields that are absent, unknown or of the wrong kind, or a network
            that is not one of the task.
    """
    return cards.read_card(path, AutoencoderCard, "a generator's card", _check)


def _check(card: AutoencoderCard) -> None:
    """Refuse a card whose values can't be."""
    task = cards.check_facts(card.task, card.seed, card.parameters, card.sha256, card.figures)
    if card.network.classes != task.classes or card.network.shape != task.shape:
        raise InputError(f"classes and shape of the network are not those of {task.key}")
