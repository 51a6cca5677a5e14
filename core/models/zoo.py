"""The zoo: classifiers loaded through their cards, checked before a single weight is copied."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as save_tensors
from torch import Tensor

from core.data.tasks import Task, task_named
from core.errors import ConfigError, CoreError, InputError
from core.files import read_limited, write_atomically
from core.models.fast import fast_form
from core.models.resnet import PreActResNet, ResNetConfig
from core.models.weights import check_tensors, read_tensors

ASSETS = Path(__file__).resolve().parents[2] / "assets" / "models"
MAX_WEIGHT_BYTES = 200_000_000
MAX_CARD_BYTES = 1_000_000
MAX_PARAMETERS = 50_000_000


@dataclass(frozen=True, slots=True)
class Card:
    """What is known about one classifier; stored as JSON beside its weights.

    Attributes:
        task: key of the task it solves.
        key: its name in the zoo.
        network: its architecture.
        recipe: how it was trained, one line with the formula.
        settings: the whole training plan as plain values.
        seed: of weights, order, augmentation and attack starts.
        command: what reproduces it.
        training: cost and course: `seconds`, `threads`, `device`, `epochs`, and per-epoch `loss` and `val_accuracy`.
        sha256: of the weights file.
        parameters: the number of trainable values.
        figures: rows of the `accuracy` report (see `core.reports.accuracy.report`) for this model.
        measured: how and when `figures` came about (the report's settings and provenance).
        note: what a reader must know besides; may be empty.
    """

    task: str
    key: str
    network: ResNetConfig
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


@dataclass(frozen=True, slots=True)
class ZooModel:
    """A loaded classifier: its card, the network as trained, and its fast form.

    Both are in eval mode and frozen; nobody may write to them.
    """

    card: Card
    plain: PreActResNet
    fast: PreActResNet

    @property
    def task(self) -> Task:
        """The task it solves."""
        return task_named(self.card.task)


def cards(task: str, folder: Path = ASSETS) -> dict[str, Card]:
    """The cards of a task's zoo by key: `standard` first, then in alphabetical order.

    Raises:
        InputError: a card is damaged.
    """
    task_named(task)
    found = [read_card(path) for path in sorted((folder / task).glob("*.json"))]
    found.sort(key=lambda card: (card.key != "standard", card.key))
    return {card.key: card for card in found}


def load_zoo_model(task: str, key: str, folder: Path = ASSETS) -> ZooModel:
    """The shipped classifier `key` of a task.

    Raises:
        ConfigError: the zoo has no such model.
        InputError: its files are damaged.
    """
    known = cards(task, folder)
    if key not in known:
        raise ConfigError(f"model must be one of {', '.join(known) or 'none: the zoo is empty'}; got {key!r}")
    return load_weights(folder / task / f"{key}.safetensors")


def load_weights(path: Path) -> ZooModel:
    """The classifier in `path`, a safetensors file with its card beside it (same name, `.json`).

    Checked before anything is copied: sizes, the checksum, and that names, shapes and types are those of the card's
    architecture; then that every value is finite.

    Raises:
        InputError: a file is missing, too large, damaged, or does not match its card.
    """
    card = read_card(path.with_suffix(".json"))
    return assemble(card, read_tensors(path, card.sha256, MAX_WEIGHT_BYTES))


def assemble(card: Card, tensors: Mapping[str, Tensor]) -> ZooModel:
    """The classifier of a card with the given weights.

    Raises:
        InputError: names, shapes or types differ from the architecture's, or a value is not finite.
    """
    model = PreActResNet(card.network)
    check_tensors(card.key, tensors, model.state_dict())
    model.load_state_dict(dict(tensors))
    model.eval().requires_grad_(False)
    return ZooModel(card, model, fast_form(model))


def save(model: PreActResNet, card: Card, folder: Path) -> Card:
    """Write weights and card under `folder / card.task`, each in one move; returns the card with checksum and size.

    Raises:
        InputError: the folder can't be written.
    """
    data = save_tensors({name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()})
    count = sum(parameter.numel() for parameter in model.parameters())
    values = {name: getattr(card, name) for name in Card.__dataclass_fields__}
    card = Card(**values | {"sha256": hashlib.sha256(data).hexdigest(), "parameters": count})
    target = folder / card.task / f"{card.key}.safetensors"
    write_atomically(target, data)
    write_card(card, folder)
    return card


def write_card(card: Card, folder: Path = ASSETS) -> None:
    """Write a card under `folder / card.task` in one move.

    Raises:
        InputError: the folder can't be written.
    """
    text = json.dumps(asdict(card), indent=1, sort_keys=True, allow_nan=False) + "\n"
    write_atomically(folder / card.task / f"{card.key}.json", text.encode())


def read_card(path: Path) -> Card:
    """The card in a JSON file from anywhere.

    Raises:
        InputError: missing, too large, not JSON, or fields that are absent, unknown or of the wrong kind.
    """
    data = read_limited(path, MAX_CARD_BYTES)
    try:
        fields = json.loads(data)
        network: dict[str, Any] = {name: _as_tuple(value) for name, value in fields["network"].items()}
        figures = tuple(fields.get("figures", ()))
        card = Card(**fields | {"network": ResNetConfig(**network), "figures": figures})
        task = task_named(card.task)
        _check(card, task)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, CoreError) as error:
        raise InputError(f"{path.name} is not a model card: {error}") from error
    return card


def _check(card: Card, task: Task) -> None:
    """Refuse a card whose values are of the wrong kind, before they are used."""
    if not all(isinstance(value, str) for value in (card.key, card.recipe, card.command, card.sha256, card.note)):
        raise InputError("key, recipe, command, sha256 and note must be text")
    if not isinstance(card.seed, int) or not isinstance(card.settings, dict) or not isinstance(card.training, dict):
        raise InputError("seed must be a whole number, settings and training objects")
    if not isinstance(card.measured, dict) or not all(isinstance(row, dict) for row in card.figures):
        raise InputError("measured and figures must be objects")
    if card.network.classes != task.classes or len(card.network.mean) != task.shape[0]:
        raise InputError(f"classes and channels of the network are not those of {task.key}")
    with torch.device("meta"):
        count = sum(parameter.numel() for parameter in PreActResNet(card.network).parameters())
    if count > MAX_PARAMETERS:
        raise InputError(f"the network has {count:,} parameters; at most {MAX_PARAMETERS:,} are allowed")


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
