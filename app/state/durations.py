"""How long work takes here: a network's answer, timed once, and times in words."""

import time

import streamlit as st
import torch

from app.state.device import bounded
from app.state.zoo import model
from core.models.asking import at_once

TIMED = 32
"""Images that are asked about at once, or as few large ones as take as much memory."""


@st.cache_data(max_entries=64, show_spinner=False)
def seconds_an_answer(task: str, key: str, sha256: str) -> float:
    """What a network's answer to one of many images takes where this server computes, in seconds."""
    return bounded(lambda: _timed(task, key))


def _timed(task: str, key: str) -> float:
    network = model(task, key)
    x = torch.full((TIMED, *network.task.shape), 0.5, device=network.device)
    x = x[: at_once(x, TIMED)]
    with torch.no_grad():
        network.fast(x[:2]).cpu()  # the first call prepares what later ones reuse
        began = time.perf_counter()
        network.fast(x).cpu()  # waits until it is there
    return (time.perf_counter() - began) / len(x)


def duration(seconds: float) -> str:
    """A time for people, rounded as far as it can be known."""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    return f"about {seconds / 60:.0f} min"
