"""The generators of pictures that visitors share, and the codes that their links hold."""

import os
from pathlib import Path

import streamlit as st
import torch
from torch import Tensor

from app.state import device
from core.latent.autoencoder import ASSETS, Autoencoder, load_autoencoder, shipped
from core.latent.codes import read_code, write_code


def autoencoders_folder() -> Path:
    """Where the generators lie: `ROBUSTSCOPE_GENERATORS`, or those that ship."""
    configured = os.environ.get("ROBUSTSCOPE_GENERATORS")
    return Path(configured).expanduser() if configured else ASSETS


def has_autoencoder(task: str) -> bool:
    """Whether there is a generator of a task's pictures."""
    return shipped(task, autoencoders_folder())


def autoencoder(task: str) -> Autoencoder:
    """The generator of a task, shared by everyone and never written to; read again when its card changes.

    Raises:
        ConfigError: there is none.
        InputError: its files are damaged.
    """
    folder = autoencoders_folder()
    path = folder / f"{task}.json"
    return _autoencoder(task, str(folder), path.stat().st_mtime_ns if path.exists() else 0, str(device.device()))


@st.cache_resource(max_entries=6, show_spinner=False)
def _autoencoder(task: str, folder: str, stamp: int, where: str) -> Autoencoder:
    return load_autoencoder(task, Path(folder)).on(torch.device(where))


def parse_code(task: str, text: str) -> Tensor:
    """The code (1, n) in a text from anyone.

    Raises:
        InputError: it is none of this task's generator; says why.
        ConfigError: there is no generator.
    """
    return device.placed(read_code(text, autoencoder(task).latent))


def sample_code(task: str, seed: int) -> str:
    """A code drawn from the prior, as text."""
    made = autoencoder(task)
    return write_code(made.sample(1, torch.Generator().manual_seed(seed)))
