"""The sanity check of Adebayo et al.: a map must change when the network's weights are lost, layer by layer."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.metrics.map_agreement import spearman
from core.progress import check, silent
from core.saliency.catalogue import attribute, method_named
from core.saliency.method import AttributionRequest, Method


@dataclass(frozen=True, slots=True)
class RandomisationStep:
    """The map after some layers have lost their weights.

    Attributes:
        layer: the layer that lost its weights last; "" for the network as it is.
        heatmaps: (B, H, W).
        similarity: Spearman's correlation (B,) of the absolute map with the absolute map of the network as it is; NaN
            where one is constant.
    """

    layer: str
    heatmaps: NDArray[np.float32]
    similarity: NDArray[np.float64]


def layers(model: nn.Module) -> list[str]:
    """The names of the layers that have weights, from the output to the input."""
    return [name for name, module in model.named_modules() if list(module.parameters(recurse=False))][::-1]


def cascade(method: str | Method, ask: AttributionRequest, seed: int = 0) -> Iterator[RandomisationStep]:
    """The method's maps as layers lose their weights, from the output down, each step on top of those before.

    Adebayo et al. 2018, arXiv:1810.03292, Sec. 4.1. Weights become normal draws with the mean and the deviation that
    the parameter had, so that activations keep about their size. The network itself is not touched: a copy with its own
    weights is. The class explained stays what it was. The methods' own draws are the same at each step.

    Args:
        method: the method, or its key.
        ask: what is explained.
        seed: of the fresh weights.

    Raises:
        ConfigError: as for `attribute`; also InputError and StoppedError.
    """
    model = copy.deepcopy(ask.model)
    generator = torch.Generator().manual_seed(seed)
    draws = ask.generator.get_state()
    first: NDArray[np.float32] | None = None
    names = layers(model)
    for done, name in enumerate(["", *names]):
        check(ask.should_stop)
        if name:
            _forget(model.get_submodule(name), generator)
        heatmaps = _with_draws(method, replace(ask, model=model), draws)
        first = heatmaps if first is None else first
        yield RandomisationStep(name, heatmaps, _alike(first, heatmaps))
        ask.on_progress(done + 1, len(names) + 1)


def without_weights(
    method: str | Method, ask: AttributionRequest, first: NDArray[np.float32], seed: int = 0
) -> RandomisationStep:
    """The last step of `cascade` alone, at the cost of one map.

    Arguments and errors as there, besides:

    Args:
        method: as for `cascade`.
        ask: as for `cascade`.
        first: the maps (B, H, W) of the network as it is, made with the draws of `ask`.
        seed: as for `cascade`.
    """
    model = copy.deepcopy(ask.model)
    generator = torch.Generator().manual_seed(seed)
    names = layers(model)
    for name in names:
        _forget(model.get_submodule(name), generator)
    last = heatmaps_of(method, replace(ask, model=model))
    return RandomisationStep(names[-1] if names else "", last, _alike(first, last))


def _with_draws(method: str | Method, ask: AttributionRequest, draws: Tensor) -> NDArray[np.float32]:
    """Maps (B, H, W), drawing from the state `draws`."""
    generator = torch.Generator(ask.generator.device)
    generator.set_state(draws)
    return heatmaps_of(method, replace(ask, generator=generator, on_progress=silent))


def _alike(first: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.array([spearman(np.abs(one), np.abs(two)) for one, two in zip(first, other, strict=True)])


def heatmaps_of(method: str | Method, ask: AttributionRequest) -> NDArray[np.float32]:
    """Maps (B, H, W) of a method: attributions summed over channels, or one channel where all are the same."""
    return as_shown(method, attribute(method, ask))


def as_shown(method: str | Method, attributions: Tensor) -> NDArray[np.float32]:
    """The maps (B, H, W) that are shown of a method's attributions (B, C, H, W)."""
    return (attributions[:, 0] if method_named(method).flat else attributions.sum(1)).cpu().numpy()


def _forget(layer: nn.Module, generator: torch.Generator) -> None:
    with torch.no_grad():
        for parameter in layer.parameters(recurse=False):
            draw = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
            deviation = parameter.std(correction=0)
            parameter.copy_(parameter.mean() + deviation * draw.to(parameter.device))
