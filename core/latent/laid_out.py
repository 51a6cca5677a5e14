"""Linear layers of many rows with weights laid out for the processor once: about half of the time of the usual call."""

from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

FEWEST = 4
"""Rows from which it is worth it."""
_ROWS = 64  # that the layout is made for; others take as long

_Stamp = tuple[int, int]
_LAID_OUT: WeakKeyDictionary[nn.Module, tuple[_Stamp, Tensor]] = WeakKeyDictionary()


def rows_through(layer: nn.Linear, h: Tensor) -> Tensor:
    """What the layer makes of rows (N, D), to rounding.

    The operators are those of torch's compiler, and no promise: where they are missing, a gradient is wanted or rows
    are few, the layer answers as usual. So it does on devices and in types that this was not measured on.
    """
    if len(h) < FEWEST or torch.is_grad_enabled() or not _fit(layer, h):
        return linear(h, layer.weight, layer.bias)
    weight = layer.weight
    stamp = (id(weight), -1 if weight.is_inference() else weight._version)
    found = _LAID_OUT.get(layer)
    if found is None or found[0] != stamp:
        found = _LAID_OUT[layer] = (stamp, torch.ops.mkldnn._reorder_linear_weight(weight.detach(), _ROWS))
    out: Tensor = torch.ops.mkldnn._linear_pointwise(h, found[1], layer.bias, "none", [], "")
    return out


def _fit(layer: nn.Linear, h: Tensor) -> bool:
    """Whether layer and rows are such, and the operators there."""
    return (
        h.device.type == "cpu"
        and h.dtype == layer.weight.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
        and torch.backends.mkldnn.is_available()
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
        and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")
    )
