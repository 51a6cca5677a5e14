"""Layers written out in steps that can be differentiated any number of times, in place of torch's own."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from core.models.activations import hard_sigmoid


class ExplicitAttention(nn.MultiheadAttention):
    """Self-attention with the parameters of `nn.MultiheadAttention`.

    Vaswani et al. 2017, arXiv:1706.03762, eq. 1. torch's own calls a fused kernel that has no second derivative on a
    CPU, and another one when no gradient is asked for, which rounds otherwise.
    """

    def forward(  # type: ignore[override]
        self, query: Tensor, key: Tensor, value: Tensor, need_weights: bool = False, **kwargs: Any
    ) -> tuple[Tensor, None]:
        """What each token gathers (B, N, D), from tokens (B, N, D) or (N, B, D) as the module was built for.

        Raises:
            NotImplementedError: attention between two sequences, masks or weights, which no classifier asks for.
        """
        if key is not query or value is not query or need_weights or any(each is not None for each in kwargs.values()):
            raise NotImplementedError("only plain self-attention is written out")
        tokens = query if self.batch_first else query.transpose(0, 1)
        batch, places, width = tokens.shape
        heads = linear(tokens, self.in_proj_weight, self.in_proj_bias).view(batch, places, 3, self.num_heads, -1)
        q, k, v = heads.permute(2, 0, 3, 1, 4)
        weights = torch.softmax(q @ k.transpose(2, 3) * self.head_dim**-0.5, 3)
        found = (weights @ v).transpose(1, 2).reshape(batch, places, width)
        found = linear(found, self.out_proj.weight, self.out_proj.bias)
        return (found if self.batch_first else found.transpose(0, 1)), None


class ExplicitHardsigmoid(nn.Hardsigmoid):
    """A gate; see `core.models.activations.hard_sigmoid`."""

    def forward(self, input: Tensor) -> Tensor:
        """Values in [0, 1] of any shape."""
        return hard_sigmoid(input)


EXPLICIT: Mapping[type[nn.Module], type[nn.Module]] = {
    nn.MultiheadAttention: ExplicitAttention,
    nn.Hardsigmoid: ExplicitHardsigmoid,
}
"""By torch's layer the one that is written out; both have the same parameters and settings."""
