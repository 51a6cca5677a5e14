"""The zoo: classifiers loaded through their cards, checked before a single weight is copied."""

import copy
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from core.data.tasks import Task, task_named
from core.data.tasks.own import user_folder
from core.devices import CPU
from core.errors import ConfigError, InputError
from core.files import read_limited, write_atomically
from core.models import cards as files
from core.models.architectures.architecture import NetworkConfig
from core.models.architectures.catalogue import architecture_of, settings_class
from core.models.packaged import read_packaged
from core.models.weights import check_tensors, read_tensors
from core.text import shorten

ASSETS = Path(__file__).resolve().parents[2] / "assets" / "models"
MAX_WEIGHT_BYTES = 400_000_000


@dataclass(frozen=True, slots=True)
class Card:
    """What is known about one classifier; stored as JSON beside its weights.

    Attributes:
        task: key of the task it solves.
        key: its name in the zoo.
        network: the settings of its architecture.
        recipe: how it was trained, one line with the formula.
        settings: the whole training plan as plain values.
        seed: of weights, order, augmentation and attack starts.
        command: what reproduces it.
        training: cost and course: `seconds`, `threads`, `device`, `epochs`, and per-epoch `loss` and `val_accuracy`; a
            student has `steps`, `steps_a_round` and the rounds' `losses` instead.
        sha256: of the weights file.
        parameters: the number of trainable values.
        figures: rows of the `accuracy` report (see `core.reports.accuracy.report`) for this model.
        measured: how and when `figures` came about (the report's settings and provenance).
        note: what a reader must know besides; may be empty.
        weights_from: the package that the weights lie in, a key of `core.models.packaged.PACKAGED`, instead of a
            safetensors file beside the card; empty for the others.
    """

    task: str
    key: str
    network: NetworkConfig = field(metadata={files.CLASS_OF: settings_class})
    recipe: str
    settings: Mapping[str, Any]
    seed: int
    command: str
    training: Mapping[str, Any]
    sha256: str
    parameters: int
    figures: tuple[Mapping[str, Any], ...] = ()
    measured: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    weights_from: str = field(default="", metadata={files.OPTIONAL: True})


@dataclass(frozen=True, slots=True)
class ZooModel:
    """A loaded classifier: its card, the network as trained, and its fast form.

    Both take images (B, C, H, W) in [0, 1] at the task's shape to logits (B, K). They are in eval mode and frozen;
    nobody may write to them. Where the architecture has no fast form, both are the same network.
    """

    card: Card
    plain: nn.Module
    fast: nn.Module

    @property
    def task(self) -> Task:
        """The task it solves."""
        return task_named(self.card.task)

    @property
    def device(self) -> torch.device:
        """Where its weights are, and images must be."""
        weights = chain(self.plain.parameters(), self.plain.buffers())
        return next((each.device for each in weights), CPU)

    def on(self, device: torch.device) -> "ZooModel":
        """The same classifier on a device; itself where it is there already."""
        if self.device == device:
            return self
        plain = copy.deepcopy(self.plain).to(device)
        return replace(
            self, plain=plain, fast=plain if self.fast is self.plain else copy.deepcopy(self.fast).to(device)
        )


def cards(task: str, folder: Path = ASSETS) -> dict[str, Card]:
    """The cards of a task's zoo by key: `standard` first, then in alphabetical order.

    Raises:
        InputError: a card is damaged.
    """
    found, refused = readable_cards(task, folder)
    if refused:
        raise InputError(refused[0])
    return found


def readable_cards(task: str, folder: Path = ASSETS) -> tuple[dict[str, Card], tuple[str, ...]]:
    """The cards that `cards` gives, without the damaged ones, and a sentence for each of those."""
    task_named(task)
    found, refused = [], []
    for path in sorted((folder / task).glob("*.json")):
        try:
            found.append(read_card(path))
        except InputError as error:
            refused.append(str(error))
    found.sort(key=lambda card: (card.key != "standard", card.key))
    return {card.key: card for card in found}, tuple(refused)


def known_cards(task: str) -> dict[str, Card]:
    """The cards of a task's zoo as it ships, and then those that whoever runs this has brought.

    Raises:
        InputError: a card is damaged.
    """
    return cards(task) | cards(task, user_models())


def user_models() -> Path:
    """Where the networks lie that whoever runs this has brought, laid out as a zoo."""
    return user_folder() / "models"


def folder_of(task: str, key: str) -> Path:
    """Where the network `key` of a task lies: among those that ship, or those that were brought."""
    brought = user_models()
    return brought if (brought / task / f"{key}.json").exists() else ASSETS


def load_zoo_model(task: str, key: str, folder: Path = ASSETS) -> ZooModel:
    """The shipped classifier `key` of a task.

    Raises:
        ConfigError: the zoo has no such model.
        InputError: its files are damaged.
    """
    task_named(task)
    known = sorted(path.stem for path in (folder / task).glob("*.json"))
    if key not in known:
        raise ConfigError(f"model must be one of {', '.join(known) or 'none: the zoo is empty'}; got {key!r}")
    return load_weights(folder / task / f"{key}.safetensors")


def load_weights(path: Path) -> ZooModel:
    """The classifier in `path`, a safetensors file with its card beside it (same name, `.json`).

    Where the card says that its weights lie in a package, there is no such file, and they come from there. What is
    stored in half precision is computed with in float32. Checked
    before anything is copied: sizes, the checksum, and that names, shapes and types are those of the card's
    architecture; then that every value is finite, and so are the answers to a few pictures.

    Raises:
        InputError: a file is missing, too large, damaged, or does not match its card, or answers are not finite.
    """
    card = read_card(path.with_suffix(".json"))
    model = _network(card)
    if card.weights_from:
        tensors = read_packaged(card.weights_from, card.sha256, model.state_dict())
    else:
        tensors = _widened(read_tensors(path, card.sha256, MAX_WEIGHT_BYTES))
    found = _with_weights(card, model, tensors)
    probe(found)
    return found


def model_files(model: ZooModel, folder: Path = ASSETS) -> dict[str, bytes]:
    """The card and the weights of a classifier under `folder`, by the suffixes of their files.

    Where the weights lie in a package, they are written as they would be beside the card, and the card says so.

    Raises:
        InputError: they can't be read.
    """
    if model.card.weights_from:
        weights = _weight_bytes(model.plain)
        card = replace(model.card, weights_from="", sha256=hashlib.sha256(weights).hexdigest())
        return {".json": files.card_bytes(card), ".safetensors": weights}
    path = folder / model.card.task / model.card.key
    limits = {".json": files.MAX_BYTES, ".safetensors": MAX_WEIGHT_BYTES}
    return {suffix: read_limited(path.with_name(path.name + suffix), limit) for suffix, limit in limits.items()}


def assemble(card: Card, tensors: Mapping[str, Tensor]) -> ZooModel:
    """The classifier of a card with the given weights.

    Raises:
        InputError: names, shapes or types differ from the architecture's, or a value is not finite.
    """
    return _with_weights(card, _network(card), tensors)


def _network(card: Card) -> nn.Module:
    """The network of a card with any weights."""
    return architecture_of(card.network).build(card.network, task_named(card.task).shape)


def _with_weights(card: Card, model: nn.Module, tensors: Mapping[str, Tensor]) -> ZooModel:
    check_tensors(shorten(card.key, 40), tensors, model.state_dict())
    model.load_state_dict(dict(tensors))
    model.eval().requires_grad_(False)
    fast_form = architecture_of(card.network).fast_form
    return ZooModel(card, model, fast_form(model) if fast_form else model)


def _widened(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.float() if value.dtype == torch.float16 else value for name, value in tensors.items()}


def _weight_bytes(model: nn.Module, half: bool = False) -> bytes:
    stored = {name: value.detach().cpu() for name, value in model.state_dict().items()}
    if half:
        stored = {name: value.half() if value.dtype == torch.float32 else value for name, value in stored.items()}
    if not all(bool(value.isfinite().all()) for value in stored.values()):
        raise InputError("a network with weights that are not finite numbers, or too large for theirs, is not stored")
    return save_tensors({name: value.contiguous() for name, value in stored.items()})


def save(model: nn.Module, card: Card, folder: Path, half: bool = False) -> Card:
    """Write weights and card under `folder / card.task`, each in one move; returns the card with checksum and size.

    Args:
        model: the network.
        card: without checksum and size.
        folder: of the zoo.
        half: store what is float32 in half precision, which takes half of the place; whoever measures the network loads
            it from there, so that figures are of the weights that ship.

    Raises:
        InputError: a weight is not finite, also where half precision made it so, or the folder can't be written.
    """
    data = _weight_bytes(model, half)
    card = replace(card, sha256=hashlib.sha256(data).hexdigest(), parameters=card.network.parameters)
    target = folder / card.task / f"{card.key}.safetensors"
    write_atomically(target, data)
    write_card(card, folder)
    return card


def write_card(card: Card, folder: Path = ASSETS) -> None:
    """Write a card under `folder / card.task` in one move.

    Raises:
        InputError: a value that JSON does not have, or the folder can't be written.
    """
    files.write_card(card, folder / card.task / f"{card.key}.json")


def read_card(path: Path) -> Card:
    """The card in a JSON file from anywhere; see `core.models.cards.card_of`.

    Raises:
        InputError: missing, too large, not JSON, fields that are absent, unknown or of the wrong kind, or a network
            that is not one of the task.
    """
    return files.read_card(path, Card, "a model card", _check)


def _check(card: Card) -> None:
    """Refuse a card whose values can't be."""
    task = files.check_facts(card.task, card.seed, card.parameters, card.sha256, card.figures)
    architecture_of(card.network).check(card.network, task)


def probe(model: ZooModel) -> None:
    """Refuse a network that answers black, white, grey or noise with anything but numbers."""
    shape = model.task.shape
    plain = torch.tensor([0.0, 0.5, 1.0]).view(-1, 1, 1, 1).expand(-1, *shape)
    x = torch.cat([plain, torch.rand(1, *shape, generator=torch.Generator().manual_seed(0))])
    with torch.no_grad():
        answers = (model.plain(x), model.fast(x))
    wanted = (len(x), model.task.classes)
    if any(logits.shape != wanted for logits in answers):
        given = tuple(answers[0].shape)
        raise InputError(f"the network {shorten(model.card.key, 40)} must answer with {wanted} numbers; got {given}")
    if not all(bool(logits.isfinite().all()) for logits in answers):
        raise InputError(
            f"the network {shorten(model.card.key, 40)} answers simple pictures with values that are not finite"
        )
