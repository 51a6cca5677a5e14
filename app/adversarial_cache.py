"""What visitors of the Adversarial page share: explanations and paths, keyed and bounded as in `cache`."""

from collections.abc import Iterator, Sequence

import numpy as np
import streamlit as st
import torch
from numpy.typing import NDArray

from app import cache
from app.adversarial_choice import AWAY
from app.cache import Fitted
from core.data.tasks import Task, task_named
from core.explanations.path import Path, path
from core.explanations.towards import Explanations, explain

Image = NDArray[np.float32]


def explanations(task: Task, keys: Sequence[str], shown: Fitted, rho: float) -> Iterator[Explanations]:
    """The explanations of every class by each model, in the order of `keys`, each as soon as it is there.

    Raises:
        InputError: a model's files are damaged, or it answers with values that are not finite.
    """
    for key in keys:
        sha256 = cache.model(task.key, key).card.sha256
        yield _explanations(task.key, key, sha256, shown.digest, rho, shown.x)


@st.cache_data(max_entries=256, show_spinner=False)
def _explanations(task: str, key: str, sha256: str, digest: str, rho: float, _x: Image) -> Explanations:
    return explain(cache.model(task, key), torch.from_numpy(_x.copy()), rho)


def paths(task: Task, keys: Sequence[str], shown: Fitted, target: str, rho: float) -> Iterator[Path]:
    """Each model's path to the class named, or away from its own answer, in the order of `keys`.

    Raises:
        InputError: a model's files are damaged, or it answers with values that are not finite.
    """
    for key in keys:
        sha256 = cache.model(task.key, key).card.sha256
        yield _path(task.key, key, sha256, shown.digest, target, rho, shown.x)


@st.cache_data(max_entries=512, show_spinner=False)
def _path(task: str, key: str, sha256: str, digest: str, target: str, rho: float, _x: Image) -> Path:
    model, x = cache.model(task, key), torch.from_numpy(_x.copy())
    if target == AWAY:
        with torch.no_grad():
            answer = int(model.fast(x).argmax())
        return path(model, x, answer, rho, away=True)
    return path(model, x, task_named(task).class_names.index(target), rho)
