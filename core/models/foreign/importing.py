"""From foreign weights to a network of the zoo: a task, a card, and files laid out as those that ship."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from core.data.tasks import Task
from core.errors import ConfigError, InputError
from core.models.architectures.architecture import NetworkConfig
from core.models.architectures.catalogue import architecture_of
from core.models.architectures.onnx_network import OnnxConfig
from core.models.foreign.fitting import LIBRARIES, Fit, NetworkName, fit, named
from core.models.foreign.index import fitting_networks
from core.models.foreign.presets import USUAL, preprocessing_of
from core.models.foreign.reading import ForeignWeights
from core.models.zoo import Card, ZooModel, assemble, probe, save

USUAL_SIDE = 224


@dataclass(frozen=True, slots=True)
class Matched:
    """Foreign weights with the network that they are of.

    Attributes:
        weights: what the file holds.
        fit: how it fits; None for an ONNX file, which is its own architecture.
        classes: K.
        channels: C.
        side: pixels that the network must be given each way; 0 where its weights do not say so.
    """

    weights: ForeignWeights
    fit: Fit | None
    classes: int
    channels: int
    side: int

    @property
    def network(self) -> NetworkName | None:
        """Its name in its library; None for an ONNX file."""
        return self.fit.network if self.fit else None


def match(weights: ForeignWeights, architecture: str = "") -> Matched:
    """Foreign weights as those of a network.

    Args:
        weights: what a file holds.
        architecture: the network's name, with or without that of its library; "" takes the first that fits. An ONNX
            file needs none.

    Raises:
        ConfigError: no library has such a network.
        InputError: the weights are not those of the network, or of none that is known; says what does not fit.
    """
    if weights.kind == "onnx":
        graph = weights.graph
        return Matched(weights, None, graph["classes"], graph["channels"], graph["side"])
    if architecture:
        tried = [fit(network, weights.shapes) for network in named(architecture)]
    else:
        tried = fitting_networks(weights.shapes)
        if not tried:
            raise InputError(
                "no network of torchvision or timm has weights of these names and shapes: name the architecture, and "
                "what does not fit is listed"
            )
    best = min(tried, key=lambda one: (not one.whole, len(one.missing) + len(one.extra) + len(one.wrong)))
    if not best.whole:
        raise InputError(f"the weights are not those of {best.network}. {' '.join(best.sentences())}")
    return Matched(weights, best, best.classes, best.channels, best.side)


def task_side(matched: Matched, preprocess: str = USUAL) -> int:
    """The pixels that pictures of a task made for a network get each way: as many as it sees."""
    side = preprocessing_of(preprocess, matched.network, matched.channels, matched.side).side
    return side or USUAL_SIDE


def built(matched: Matched, task: Task, preprocess: str, key: str, command: str = "") -> ZooModel:
    """The network, ready to be asked and not kept yet.

    Args:
        matched: weights and their network.
        task: which it solves.
        preprocess: see `preprocessing_of`.
        key: what it is called.
        command: what brought it, for its card.

    Raises:
        ConfigError: preprocess can't be.
        InputError: the network is none for the task, or does not answer with numbers.
    """
    if matched.classes != task.classes:
        raise InputError(f"the network answers with {matched.classes:,} classes, and {task.classes:,} are named")
    network = _config(matched, task, preprocess)
    architecture_of(network).check(network, task)
    tensors = _tensors(matched)
    whole = Card(
        task=task.key,
        key=key,
        network=network,
        recipe="Brought from elsewhere",
        settings={"preprocess": preprocess},
        seed=0,
        command=command,
        training={},
        sha256="0" * 64,
        parameters=network.parameters,
        note=" ".join(matched.weights.notes)[:2000],
    )
    model = assemble(whole, tensors)
    probe(model)
    return model


def keep(model: ZooModel, folder: Path) -> Card:
    """Keep a network under `folder`, laid out as a zoo; returns its card.

    Raises:
        InputError: the folder can't be written.
    """
    return save(model.plain, model.card, folder)


def _config(matched: Matched, task: Task, preprocess: str) -> NetworkConfig:
    preprocessing = preprocessing_of(preprocess, matched.network, matched.channels, matched.side)
    graph = matched.weights.graph
    if matched.fit is None:
        if preprocessing.side != matched.side:
            raise ConfigError(f"the ONNX network takes {matched.side} pixels a side; got {preprocessing.side}")
        size = matched.weights.shapes["onnx"][0]
        return OnnxConfig(
            matched.classes, preprocessing, size, graph["values"], graph["any_batch"], graph["probabilities"]
        )
    if not preprocessing.side and not matched.side:
        preprocessing = replace(preprocessing, side=task.shape[1])
    _, kind = LIBRARIES[matched.fit.network.library]
    config: NetworkConfig = kind(matched.fit.network.name, matched.classes, preprocessing)
    return config


def _tensors(matched: Matched) -> dict[str, Tensor]:
    """The weights under the names of the zoo's form of the network; what files may lack is filled in."""
    found = load_file(matched.weights.path)
    if matched.fit is None:
        return found
    library, _ = LIBRARIES[matched.fit.network.library]
    with torch.device("meta"):
        wanted = library.make(matched.fit.network.name, matched.classes, matched.channels, matched.side).state_dict()
    counters = {name: torch.tensor(0) for name in wanted if name.endswith("num_batches_tracked")}
    return {f"network.{name}": value for name, value in (found | counters).items() if name in wanted}
