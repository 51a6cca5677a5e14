"""Where this server computes: networks and pictures go there once, and what a full memory led to is told.

Work runs in `bounded`: where the device's memory is full it begins anew, in smaller passes and at last on the CPU. So
it asks here for networks and pictures within the work, and holds none from before that are not `placed`.
"""

import copy
import os
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from functools import cache
from itertools import chain
from typing import Any, TypeVar, cast

import numpy as np
import streamlit as st
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.devices import VARIABLE, choose_device, device_name, within_memory
from core.latent.autoencoder import Autoencoder
from core.models.step_precision import Precision, quick_precision
from core.models.zoo import ZooModel

T = TypeVar("T")

_WORK: ContextVar[torch.device | None] = ContextVar("device of the work", default=None)


def device() -> torch.device:
    """Where the work that asks is to compute.

    Raises:
        ConfigError: `ROBUSTSCOPE_DEVICE` names none that is here.
    """
    return _WORK.get() or _chosen(os.environ.get(VARIABLE, ""))


@cache
def _chosen(name: str) -> torch.device:
    return choose_device(name)


def bounded(work: Callable[[], T]) -> T:
    """What some work gives; begun anew in smaller passes, and then on the CPU, where memory is full."""

    def run(where: torch.device) -> T:
        mark = _WORK.set(where)
        try:
            return work()
        finally:
            _WORK.reset(mark)

    return within_memory(run, device(), note)


def note(sentence: str) -> None:
    """Keep what a full memory led to, for the side panel."""
    _notes().append(sentence)


def picture(x: NDArray[np.float32]) -> Tensor:
    """A picture, or several (B, C, H, W), as networks take it: a copy on the device."""
    return torch.from_numpy(x.copy()).to(device())


def placed(thing: T) -> T:
    """A network, a generator, or a tensor on the device of the work: itself where it is there already."""
    where = device()
    found: Any = thing
    if isinstance(thing, ZooModel | Autoencoder):
        found = thing.on(where)
    elif isinstance(thing, Tensor):
        found = thing.to(where)
    elif isinstance(thing, nn.Module) and any(t.device != where for t in chain(thing.parameters(), thing.buffers())):
        found = copy.deepcopy(thing).to(where)
    return cast(T, found)


def step_precision() -> Precision:
    """What is shown takes its gradients in, of attacks' steps and of maps that average them; reports use float32."""
    return quick_precision(device())


def steps_in_words() -> str:
    """The precision of attacks' steps, to go on behind a sentence; "" where all is in float32."""
    return "" if step_precision() == "float32" else " Steps in bfloat16, answers in float32."


def in_words() -> str:
    """Where this server computes, and what the last full memory led to, for people."""
    told = [f"Computed on the {device_name(_chosen(os.environ.get(VARIABLE, '')))}."]
    return " ".join([*told, *_notes()])


@st.cache_resource(show_spinner=False)
def _notes() -> deque[str]:
    """The sentence on the last work that found memory full; none on most servers."""
    return deque(maxlen=1)
