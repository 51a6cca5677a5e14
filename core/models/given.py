"""A network that somebody has in a notebook, made one that the engine asks as it asks those of the zoo."""

from collections.abc import Sequence
from copy import deepcopy

from torch import nn

from core.data.tasks import Task, task_named
from core.data.tasks.own import keep_private, own_task, secret_key
from core.models.architectures.given_network import GivenConfig
from core.models.architectures.library import PreprocessedClassifier, safe
from core.models.folding import folded
from core.models.preprocessing import PRESETS, Preprocessing
from core.models.zoo import Card, ZooModel, probe


def register(
    network: nn.Module,
    classes: Task | Sequence[str] | str,
    shape: tuple[int, int, int] = (3, 224, 224),
    preprocessing: Preprocessing = PRESETS["none"],
    name: str = "mine",
) -> ZooModel:
    """A copy of a network that every method takes, in eval mode and frozen; the network itself is left as it is.

    Args:
        network: what is given pictures (B, C, H, W) after `preprocessing`, and gives logits (B, K).
        classes: a task, its key, or the names of the K classes, from which a task is made.
        shape: (C, H, W) of pictures, where a task is made; H equals W.
        preprocessing: what is done to pictures in [0, 1] first; none, where the network does it all.
        name: what it is called.

    Raises:
        ConfigError: no such task, or names that can't be.
        InputError: it does not answer pictures of the task with K finite numbers.
    """
    if isinstance(classes, str | Task):
        task = task_named(classes) if isinstance(classes, str) else classes
    else:
        task = own_task(secret_key(), name, classes, shape[0], shape[1])
    keep_private([task])
    plain = PreprocessedClassifier(safe(deepcopy(network)), preprocessing, task.shape).eval().requires_grad_(False)
    parameters = sum(value.numel() for value in network.parameters())
    config = GivenConfig(task.classes, task.shape[0], parameters)
    card = Card(task.key, name, config, "Given in a notebook", {}, 0, "register", {}, "0" * 64, parameters)
    model = ZooModel(card, plain, plain)
    probe(model)
    return ZooModel(card, plain, folded(plain))
