"""The networks that visitors see: cards, models and their threads; shared by all, never written to."""

import gc
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock

import streamlit as st
import torch

from app.state import visitors
from app.state.bounded_store import SERVER, shared_store
from app.state.device import device
from app.state.names import OWN
from app.state.presence import owner
from app.state.result_cache import cached_for_all
from core.data.tasks import Task, listed_tasks
from core.models.architectures.catalogue import architecture_of
from core.models.zoo import ASSETS, Card, ZooModel, load_zoo_model, readable_cards, user_models
from core.models.zoo import model_files as files_of

MODELS = "models"
MODEL_BYTES = 2_000_000_000  # of all networks in memory; a shipped one has 6 MB, the largest that is taken 800
OWN_MODEL_BYTES = 1_000_000_000  # of one visitor's


def zoo_folder() -> Path:
    """Where the models lie: `ROBUSTSCOPE_MODELS`, or those that ship."""
    configured = os.environ.get("ROBUSTSCOPE_MODELS")
    return Path(configured).expanduser() if configured else ASSETS


def cards_of(task: str) -> dict[str, Card]:
    """The cards of a task by key; read again when a card's file changes.

    Networks that whoever serves has brought follow those that ship, the visitor's own come last. A network
    whose card is damaged is none of them; see `damaged_cards`.
    """
    return _cards_in(task, zoo_folder()) | _cards_in(task, user_models()) | own_cards(task)


def own_cards(task: str) -> dict[str, Card]:
    """The cards of this visitor's own networks for a task by key."""
    visitor = visitors.me()
    return _cards_in(task, visitors.models(visitor)) if visitor else {}


def damaged_cards(task: str) -> tuple[str, ...]:
    """A sentence for each network of a task that is passed over because its card is damaged."""
    return tuple(one for folder in (zoo_folder(), user_models()) for one in _cards_and_refusals(task, folder)[1])


def _cards_in(task: str, folder: Path) -> dict[str, Card]:
    return _cards_and_refusals(task, folder)[0]


def _cards_and_refusals(task: str, folder: Path) -> tuple[dict[str, Card], tuple[str, ...]]:
    return _read_cards(task, str(folder), _stamps(folder / task))


def _stamps(folder: Path) -> frozenset[tuple[str, int]]:
    """When each card in a folder was written, with its name; empty where there is no folder."""
    with suppress(FileNotFoundError), os.scandir(folder) as files:
        return frozenset((file.name, file.stat().st_mtime_ns) for file in files if file.name.endswith(".json"))
    return frozenset()


@cached_for_all
def _read_cards(task: str, folder: str, stamps: frozenset[tuple[str, int]]) -> tuple[dict[str, Card], tuple[str, ...]]:
    return readable_cards(task, Path(folder))


def zoo_tasks() -> list[str]:
    """The tasks that have at least one model."""
    return [task for task in tasks() if cards_of(task)]


def tasks() -> dict[str, Task]:
    """The tasks that this visitor may know, by key: those of the project and of whoever serves, and their own."""
    visitor = visitors.me()
    return listed_tasks() | (visitors.tasks(visitor) if visitor else {})


def with_gradients(task: str, keys: Sequence[str]) -> tuple[str, ...]:
    """Those of some models whose answers can be differentiated: a network from an ONNX file is none."""
    known = cards_of(task)
    return tuple(key for key in keys if key not in known or architecture_of(known[key].network).gradients)


def model(task: str, key: str) -> ZooModel:
    """A model of the zoo on the device of the work, shared by everyone and never written to.

    Raises:
        ConfigError: the zoo has no such model.
        InputError: its files are damaged.
    """
    card, folder = cards_of(task).get(key), _folder(task, key)
    where = device()
    name = (task, key, str(folder), card.sha256 if card else "", str(where))
    store, whose = shared_store(MODELS, MODEL_BYTES, OWN_MODEL_BYTES), owner() if key.startswith(OWN) else SERVER
    found: ZooModel | None = store.get(name, whose)
    if found is None:
        with _turn(name):
            found = store.get(name, whose)
            if found is None:
                _use_the_cores()
                leave_the_imports()
                found = load_zoo_model(task, key, folder).on(where)
                store.put(name, found, whose)
    return found


@st.cache_resource(max_entries=256, show_spinner=False)
def _turn(name: tuple[str, ...]) -> Lock:
    """Held by whoever loads this network, so that it is not loaded twice at once."""
    return Lock()


def _folder(task: str, key: str) -> Path:
    """Where this visitor's model of this key lies."""
    visitor = visitors.me()
    if visitor and key.startswith(OWN):
        return visitors.models(visitor)
    brought = user_models()
    return brought if (brought / task / f"{key}.json").exists() else zoo_folder()


@st.cache_resource(show_spinner=False)
def leave_the_imports() -> None:
    """Keep the collection of garbage off what is there for good: the half million objects that were imported.

    Each collection (see `housekeeping.sweep`) would hold up all visitors for 0.25 s.
    """
    gc.collect()
    gc.freeze()


def model_files(task: str, key: str) -> dict[str, bytes]:
    """The card and the weights of a model, by the suffixes of their files.

    Raises:
        ConfigError: the zoo has no such model.
        InputError: its files are damaged.
    """
    return files_of(model(task, key), _folder(task, key))


@st.cache_resource(show_spinner=False)
def _use_the_cores() -> None:
    """Half the cores for one visitor's work: small images gain little from more, and others are at work too.

    Whoever serves may say another number by `OMP_NUM_THREADS`.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, (os.cpu_count() or 2) // 2))
