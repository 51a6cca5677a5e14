"""What a network's layers hand on that has places, and which of them to look at where nobody says.

Layers are watched on a private copy of the modules, so that several threads may share one network.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Literal
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from core.errors import ConfigError
from core.models.asking import differentiating
from core.models.fast import private_copy
from core.models.preprocessing import Preprocess

Layout = Literal["map", "channels last", "tokens"]
EXTRA_TOKENS = (0, 1, 2, 4, 5)
"""Tokens before those of the places that are known: none, a class token, a second one, registers."""
STAGES = 4
"""Layers that stand for the depths of a network whose resolution never changes."""
_ATTENTION = re.compile("attn|attention", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer whose output has places.

    Attributes:
        name: of the module, as the network calls it.
        layout: "map" (B, C, h, w), "channels last" (B, h, w, C), or "tokens" (B, extra + h w, C), row by row.
        shape: (C, h, w) of its map.
    """

    name: str
    layout: Layout
    shape: tuple[int, int, int]

    def as_map(self, output: Tensor) -> Tensor:
        """The map (B, C, h, w) of an output of this layer, or of the gradient on one."""
        if self.layout == "map":
            return output
        if self.layout == "channels last":
            return output.permute(0, 3, 1, 2)
        width, height, wide = self.shape
        return output[:, -height * wide :].transpose(1, 2).reshape(-1, width, height, wide)


@dataclass(slots=True)
class _Seen:
    """An output as it was before anything worked on it in place, and what was handed on instead, in which version."""

    layer: Layer
    output: Tensor
    handed_on: Tensor
    version: int


def layers(model: nn.Module, shape: Sequence[int]) -> tuple[Layer, ...]:
    """The layers of a network that give maps or tokens, in the order in which they answer.

    What lies inside attention is left out, of modules that hand on the same thing the outermost stands for all, and a
    layer that is called several times is what it gave last.

    Args:
        model: images (B, C, H, W) to logits (B, K), in eval mode.
        shape: (C, H, W) of its images.
    """
    return tuple(one.layer for one in _look(model, shape)[0])


def default_layer(model: nn.Module, shape: Sequence[int]) -> Layer:
    """The last layer of a network whose places bear on its answer; it depends on the network alone.

    Of a network of convolutions that is its last feature map. Of a transformer with a class token it lies before the
    last attention, after which only that token is read.

    Raises:
        ConfigError: no layer has places.
    """
    return _known(model, shape)[0]


def stage_layers(model: nn.Module, shape: Sequence[int]) -> tuple[Layer, ...]:
    """One layer for each depth: the last of every resolution up to the default one.

    Where the resolution never changes, as in most transformers, `STAGES` layers, evenly spread.

    Raises:
        ConfigError: no layer has places.
    """
    return _known(model, shape)[1]


def outputs_of(model: nn.Module, x: Tensor, watched: Sequence[Layer]) -> tuple[Tensor, list[Tensor]]:
    """The logits (B, K) of images, and what each watched layer handed on, in its own layout, both in one graph.

    Raises:
        ConfigError: the network has no such layer.
    """
    copy, found = private_copy(model), dict[str, Tensor]()

    def keep(name: str, output: Tensor) -> Tensor:
        found[name] = output
        return output.clone()  # what follows may work in place

    names = {module: name for name, module in copy.named_modules()}
    wanted = {one.name for one in watched}
    if unknown := sorted(wanted - set(names.values())):
        raise ConfigError(f"the network has no layer {unknown[0]}")
    _watch([module for module, name in names.items() if name in wanted], lambda m, out: keep(names[m], out))
    logits = copy(x)
    return logits, [found[one.name] for one in watched]


def layer_named(model: nn.Module, shape: Sequence[int], name: str) -> Layer:
    """The layer of this name, or the default one where the name is empty.

    Raises:
        ConfigError: the network has no layer of this name with places.
    """
    if not name:
        return default_layer(model, shape)
    found = {one.name: one for one in layers(model, shape)}
    if name not in found:
        raise ConfigError(f"the network has no layer {name} with places to look at")
    return found[name]


_KNOWN: WeakKeyDictionary[nn.Module, dict[tuple[int, ...], tuple[Layer, tuple[Layer, ...]]]] = WeakKeyDictionary()


def _known(model: nn.Module, shape: Sequence[int]) -> tuple[Layer, tuple[Layer, ...]]:
    """The default layer and those of the stages, found once for each network and shape."""
    of_model = _KNOWN.setdefault(model, {})
    if tuple(shape) not in of_model:
        of_model[tuple(shape)] = _chosen(model, shape)
    return of_model[tuple(shape)]


@differentiating
def _chosen(model: nn.Module, shape: Sequence[int]) -> tuple[Layer, tuple[Layer, ...]]:
    seen, logits = _look(model, shape)
    if not seen:
        raise ConfigError("this needs a layer with places, a map or tokens; the network has none")
    grads = torch.autograd.grad(logits.amax(1).sum(), [one.output for one in seen], allow_unused=True)
    live = [one.layer for one, grad in zip(seen, grads, strict=True) if grad is not None and _bears(one.layer, grad)]
    live = live or [one.layer for one in seen]  # weights that are all zero
    last = live[-1]
    sizes = {one.shape[1:]: one for one in live}
    if len(sizes) > 1:
        return last, tuple(sizes.values())
    alike = [one for one in live if one.shape == last.shape]
    count = min(STAGES, len(alike))
    return last, tuple(alike[(len(alike) * (stage + 1)) // count - 1] for stage in range(count))


def _bears(layer: Layer, grad: Tensor) -> bool:
    """Whether at least half of the places change the answer."""
    return float((layer.as_map(grad).abs().sum(1) > 0).float().mean()) >= 0.5


def _look(model: nn.Module, shape: Sequence[int]) -> tuple[list[_Seen], Tensor]:
    """What every layer with places hands on for one image of noise, and the logits."""
    parameter = next(model.parameters(), torch.zeros(()))
    noise = torch.rand(1, *shape, generator=torch.Generator().manual_seed(0)).to(parameter)
    copy, seen = private_copy(model), list[_Seen]()
    names = {module: name for name, module in copy.named_modules() if name and not isinstance(module, Preprocess)}
    inside = [name for module, name in names.items() if _ATTENTION.search(type(module).__name__)]

    def note(module: nn.Module, output: Tensor) -> Tensor:
        name = names[module]
        layer = _layer(name, output, len(noise))
        if layer is None or any(name.startswith(f"{outer}.") for outer in inside):
            return output
        if seen and seen[-1].handed_on is output and seen[-1].version == output._version:
            one = seen.pop()
            one.layer = layer  # the same thing, handed on further out
        else:
            handed_on = output.clone()
            one = _Seen(layer, output, handed_on, handed_on._version)
        seen[:] = [other for other in seen if other.layer.name != name]  # of a layer called again the last call counts
        seen.append(one)
        return one.handed_on

    _watch(names, note)
    logits = copy(noise.requires_grad_())
    return seen, logits


def _layer(name: str, output: Tensor, batch: int) -> Layer | None:
    """The layer that an output is of, if the output has more than one place."""
    if len(output) != batch:
        return None
    if output.dim() == 4:
        first, second, third = output.shape[1:]
        if first == second != third and first > 1:
            return Layer(name, "channels last", (third, first, second))
        return Layer(name, "map", (first, second, third)) if second * third > 1 else None
    if output.dim() == 3:
        for extra in EXTRA_TOKENS:
            side = isqrt(max(0, output.shape[1] - extra))
            if side > 1 and side**2 == output.shape[1] - extra:
                return Layer(name, "tokens", (output.shape[2], side, side))
    return None


def _watch(modules: Iterable[nn.Module], note: Callable[[nn.Module, Tensor], Tensor]) -> None:
    """Let `note` see what each module of a private copy gives, if it is one tensor, and say what is handed on."""

    def hook(module: nn.Module, given: object, output: object) -> Tensor | None:
        return note(module, output) if isinstance(output, Tensor) else None

    for module in modules:
        module.register_forward_hook(hook)
