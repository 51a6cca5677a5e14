"""How the channels inside of a network are filled by an image: mean and deviation over the places of a few layers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from core.models.asking import at_once
from core.models.fast import private_copy

_CHUNK = 256


@dataclass(frozen=True, slots=True)
class InnerLayers:
    """The convolutions whose input is looked at: at each resolution the last.

    Of a residual network it ends a stage: what the first convolution of the next one reads has still its resolution.

    Attributes:
        names: of the layers, largest input first as they are called.
        channels: that their inputs have together.
    """

    names: tuple[str, ...]
    channels: int

    @property
    def width(self) -> int:
        """The number of statistics of an image: two a channel."""
        return 2 * self.channels


def inner_layers(model: nn.Module, shape: Sequence[int]) -> InnerLayers:
    """Those of a network, looked for on two images of noise; none where it has no convolutions.

    Args:
        model: images to logits.
        shape: (C, H, W) of its images.
    """
    of_model = _FOUND.setdefault(model, {})
    if tuple(shape) not in of_model:
        parameter = next(model.parameters(), torch.zeros(()))
        noise = torch.rand(2, *shape, generator=torch.Generator().manual_seed(0)).to(parameter)
        last: dict[tuple[int, ...], tuple[str, int]] = {}

        def called(name: str, h: Tensor) -> None:
            last[tuple(h.shape[2:])] = (name, h.shape[1])

        names = [name for name, module in model.named_modules() if isinstance(module, nn.Conv2d)]
        _watched(model, noise, names, called)
        of_model[tuple(shape)] = InnerLayers(tuple(n for n, _ in last.values()), sum(c for _, c in last.values()))
    return of_model[tuple(shape)]


_FOUND: WeakKeyDictionary[nn.Module, dict[tuple[int, ...], InnerLayers]] = WeakKeyDictionary()


def layer_statistics(model: nn.Module, x: Tensor, chunk: int = _CHUNK) -> Tensor:
    """Of each channel that `inner_layers` reads the mean over places, then of each the deviation (n, width).

    The moments that Lee et al. 2018 (arXiv:1807.03888, Sec. 2.2) take the first of. A layer that is called several
    times counts as it was called last. The network is not written to.

    Args:
        model: the network; in eval mode here, whatever it is in.
        x: images (n, C, H, W), float in [0, 1]; left unchanged.
        chunk: images at once.
    """
    layers = inner_layers(model, x.shape[1:])

    def of(part: Tensor) -> Tensor:
        seen: dict[str, Tensor] = {}

        def called(name: str, h: Tensor) -> None:
            seen[name] = torch.stack([h.mean((2, 3)), h.std((2, 3), correction=0)])

        _watched(model, part, layers.names, called)
        return torch.cat([seen[name] for name in layers.names], 2).movedim(0, 1).flatten(1)

    if not layers.names:
        return x.new_zeros(len(x), 0)
    return torch.cat([of(part) for part in x.split(at_once(x, chunk))])


def _watched(model: nn.Module, x: Tensor, names: Sequence[str], called: Callable[[str, Tensor], None]) -> None:
    """Pass images through a private copy, telling of every input of these layers that has a row for each image."""
    copy = private_copy(model).eval()
    for name in names:

        def hook(module: nn.Module, inputs: tuple[Tensor, ...], name: str = name) -> None:
            if inputs and inputs[0].dim() == 4 and len(inputs[0]) == len(x):
                called(name, inputs[0])

        copy.get_submodule(name).register_forward_pre_hook(hook)
    with torch.no_grad():
        copy(x)
