"""Gradient steps in bfloat16: of a gradient, an attack's step uses the direction alone."""

from typing import Literal, cast

import torch
from torch import Tensor, nn

Precision = Literal["float32", "bfloat16"]


def quick_precision(device: torch.device) -> Precision:
    """What gradient steps are quickest in: bfloat16 on a processor that computes in it, float32 elsewhere."""
    there = torch.cpu.get_capabilities()
    fit = device.type == "cpu" and any(there.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return "bfloat16" if fit else "float32"


def stepping(network: nn.Module, precision: Precision) -> nn.Module:
    """The network as an attack asks it that takes its steps in `precision`.

    With "bfloat16", what is asked of images that want a gradient is computed in it, and whatever else, as is what an
    attack found, in float32 as ever. A network of grouped or depthwise convolutions, which gain nothing, stays itself.

    Args:
        network: images (B, C, H, W) to logits (B, K), in eval mode.
        precision: of the steps.
    """
    grouped = any(isinstance(part, nn.Conv2d) and part.groups > 1 for part in network.modules())
    return network if precision == "float32" or grouped else _BFloat16Steps(network)


class _BFloat16Steps(nn.Module):
    """A network that computes in bfloat16 where a gradient is wanted; it holds what it is given, not a copy."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, K), float32."""
        with torch.autocast(x.device.type, torch.bfloat16, enabled=x.requires_grad):
            return cast(Tensor, self.network(x)).float()
