"""The networks that visitors see: cards, models and their threads; shared by all, never written to."""

import gc
import os
from pathlib import Path

import streamlit as st
import torch

from app.state import visitors
from app.state.names import OWN
from core.data.tasks import TASKS
from core.models.zoo import ASSETS, Card, ZooModel, cards, load_zoo_model
from core.models.zoo import model_files as files_of


def zoo_folder() -> Path:
    """Where the models lie: `ROBUSTSCOPE_MODELS`, or those that ship."""
    configured = os.environ.get("ROBUSTSCOPE_MODELS")
    return Path(configured).expanduser() if configured else ASSETS


def cards_of(task: str) -> dict[str, Card]:
    """The cards of a task by key, the visitor's own networks last; read again when a card's file changes.

    Raises:
        InputError: a card is damaged.
    """
    return _cards_in(task, zoo_folder()) | own_cards(task)


def own_cards(task: str) -> dict[str, Card]:
    """The cards of this visitor's own networks for a task by key.

    Raises:
        InputError: a card is damaged.
    """
    visitor = visitors.me()
    return _cards_in(task, visitors.models(visitor)) if visitor else {}


def _cards_in(task: str, folder: Path) -> dict[str, Card]:
    stamps = tuple((path.name, path.stat().st_mtime_ns) for path in sorted((folder / task).glob("*.json")))
    return _read_cards(task, str(folder), stamps)


@st.cache_resource(max_entries=64, show_spinner=False)
def _read_cards(task: str, folder: str, stamps: tuple[tuple[str, int], ...]) -> dict[str, Card]:
    return cards(task, Path(folder))


def zoo_tasks() -> list[str]:
    """The tasks that have at least one model."""
    return [task for task in TASKS if cards_of(task)]


def model(task: str, key: str) -> ZooModel:
    """A model of the zoo, shared by everyone and never written to.

    Raises:
        ConfigError: the zoo has no such model.
        InputError: its files are damaged.
    """
    card = cards_of(task).get(key)
    return _model(task, key, str(_folder(key)), card.sha256 if card else "")


def _folder(key: str) -> Path:
    """Where this visitor's model of this key lies."""
    visitor = visitors.me()
    return visitors.models(visitor) if visitor and key.startswith(OWN) else zoo_folder()


@st.cache_resource(max_entries=24, show_spinner=False)
def _model(task: str, key: str, folder: str, sha256: str) -> ZooModel:
    _use_the_cores()
    leave_the_imports()
    return load_zoo_model(task, key, Path(folder))


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
    return files_of(model(task, key), _folder(key))


@st.cache_resource(show_spinner=False)
def _use_the_cores() -> None:
    """Half the cores for one visitor's work: small images gain little from more, and others are at work too.

    Whoever serves may say another number by `OMP_NUM_THREADS`.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, (os.cpu_count() or 2) // 2))
