"""Gradients in bfloat16: an attack's step uses the direction alone, and a map that averages many evens out rounding."""

from typing import Literal, cast

import torch
from torch import Tensor, nn

from core.models.fast import ScaleShift, Shift, copy_of_modules

Precision = Literal["float32", "bfloat16"]
_CAST = (nn.Conv2d, nn.Linear, ScaleShift, Shift)
"""What has its weights in bfloat16 from the start, so that no pass casts them, nor goes back to float32 for a shift."""


def quick_precision(device: torch.device) -> Precision:
    """What gradients are quickest in: bfloat16 on a processor that computes in it, float32 elsewhere."""
    there = torch.cpu.get_capabilities()
    fit = device.type == "cpu" and any(there.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return "bfloat16" if fit else "float32"


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


def _gains(network: nn.Module) -> bool:
    grouped = any(isinstance(part, nn.Conv2d) and part.groups > 1 for part in network.modules())
    return not grouped and all(weight.dtype != torch.float64 for weight in network.parameters())


class _BFloat16Steps(nn.Module):
    """A network that computes in bfloat16 where a gradient is wanted.

    It holds what it is given and, of the modules, a copy whose weights are those of the moment in bfloat16.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.low = _low_copy(network)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, K), float32."""
        if not x.requires_grad:
            return cast(Tensor, self.network(x)).float()
        with torch.autocast(x.device.type, torch.bfloat16):
            return cast(Tensor, self.low(x)).float()


def _low_copy(network: nn.Module) -> nn.Module:
    """A copy of the modules with the weights of `_CAST` in bfloat16; it shares all others."""
    memo = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
    for part in network.modules():
        if type(part) in _CAST:  # what is derived from them may do more with its weights
            for tensor in (*part.parameters(recurse=False), *part.buffers(recurse=False)):
                low = tensor.detach().to(torch.bfloat16)
                memo[id(tensor)] = nn.Parameter(low, False) if isinstance(tensor, nn.Parameter) else low
    return copy_of_modules(network, memo)
