"""Gradients in bfloat16: an attack's step uses the direction alone, and a map that averages many evens out rounding."""

from dataclasses import dataclass
from typing import Literal, cast
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from core.devices import computes_in_bfloat16
from core.models.fast import ScaleShift, Shift, copy_of_modules
from core.models.resnet import PreActResNet
from core.models.written_steps import WrittenSteps, can_be_written

Precision = Literal["float32", "bfloat16"]
_CAST = (nn.Conv2d, nn.Linear, ScaleShift, Shift)
"""What has its weights in bfloat16 from the start, so that no pass casts them, nor goes back to float32 for a shift."""


def quick_precision(device: torch.device) -> Precision:
    """What gradients are quickest in: bfloat16 on a processor that computes in it, float32 elsewhere."""
    return "bfloat16" if device.type == "cpu" and computes_in_bfloat16(device) else "float32"


def stepping(network: nn.Module, precision: Precision) -> nn.Module:
    """The network as what follows its gradients asks it: an attack, or a method that averages over many passes.

    With "bfloat16", what is asked of images that want a gradient is computed in it, and whatever else, as is what an
    attack found, in float32 as ever. An attack that judges by the answers that came with its gradients needs float32,
    or asks again, as `Pgd` does. A network of grouped or depthwise convolutions, which gain nothing, stays itself, as
    does one in float64.

    Args:
        network: images (B, C, H, W) to logits (B, K), in eval mode.
        precision: of the gradients.
    """
    return network if precision == "float32" or not _gains(network) else _BFloat16Steps(network)


def takes_low_steps(network: nn.Module) -> bool:
    """Whether the network, or one that it wraps, answers in bfloat16 where a gradient is wanted."""
    return any(isinstance(part, _BFloat16Steps) for part in network.modules())


def stepping_alike(network: nn.Module, x: Tensor) -> nn.Module | None:
    """The network with gradients on images like `x` that are those among many, to the bit, however few are asked for.

    None where it has no such steps: with less than `FEWEST` images last digits may then be others.
    """
    if isinstance(network, _BFloat16Steps) and network.copied.written_for(x):
        return _BFloat16Steps(network.network, alike=True)
    return None


def _gains(network: nn.Module) -> bool:
    grouped = any(isinstance(part, nn.Conv2d) and part.groups > 1 for part in network.modules())
    return not grouped and all(weight.dtype != torch.float64 for weight in network.parameters())


class _BFloat16Steps(nn.Module):
    """A network that computes in bfloat16 where a gradient is wanted.

    It holds what it is given and, of the modules, a copy whose weights are those of the moment in bfloat16.
    """

    def __init__(self, network: nn.Module, alike: bool = False) -> None:
        super().__init__()
        self.network, self.alike = network, alike
        self.copied = _copied(network)
        self.low = self.copied.low

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, K), float32."""
        if not x.requires_grad:
            return cast(Tensor, self.network(x)).float()
        if self.copied.written_for(x):
            return self.copied.steps(tuple(x.shape[1:]))(x, self.alike)
        with torch.autocast(x.device.type, torch.bfloat16):
            return cast(Tensor, self.low(x)).float()


_Stamps = tuple[tuple[int, int], ...]


@dataclass(slots=True)
class _Copied:
    """A network's modules in bfloat16.

    Attributes:
        low: the modules.
        stamps: of the weights that they were made from.
        can: whether their steps can be written out.
        written: what takes their steps where it can, for the images of the latest shape.
    """

    low: nn.Module
    stamps: _Stamps
    can: bool
    written: WrittenSteps | None = None

    def written_for(self, x: Tensor) -> bool:
        """Whether steps on these images (B, C, H, W) are written out."""
        return (
            self.can
            and len(x) > 0
            and x.dtype == torch.float32
            and x.shape[1] == cast(PreActResNet, self.low).stem.in_channels
        )

    def steps(self, shape: tuple[int, ...]) -> WrittenSteps:
        """What takes steps on images of this shape."""
        written = self.written
        if written is None or written.shape != shape:
            written = self.written = WrittenSteps(cast(PreActResNet, self.low), shape)
        return written


_COPIES: WeakKeyDictionary[nn.Module, _Copied] = WeakKeyDictionary()
"""Of the project's own networks, which are small; a copy of others would hold much memory that nothing counts."""


def _copied(network: nn.Module) -> _Copied:
    """A network's modules in bfloat16, those of before where its weights are the same."""
    stamps = _stamps(network)
    found = _COPIES.get(network)
    if found is None or found.stamps != stamps:
        low = _low_copy(network)
        found = _Copied(low, stamps, can_be_written(low))
        if found.can:
            _COPIES[network] = found
    return found


def _stamps(network: nn.Module) -> _Stamps:
    """Which tensors hold the weights, and how often each was written to."""
    tensors = (*network.parameters(), *network.buffers())
    return tuple((id(tensor), -1 if tensor.is_inference() else tensor._version) for tensor in tensors)


def _low_copy(network: nn.Module) -> nn.Module:
    """A copy of the modules with the weights of `_CAST` in bfloat16; it shares all others."""
    memo = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
    for part in network.modules():
        if type(part) in _CAST:  # what is derived from them may do more with its weights
            for tensor in (*part.parameters(recurse=False), *part.buffers(recurse=False)):
                low = tensor.detach().to(torch.bfloat16)
                memo[id(tensor)] = nn.Parameter(low, False) if isinstance(tensor, nn.Parameter) else low
    return copy_of_modules(network, memo)
