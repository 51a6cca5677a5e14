"""Other ways back through an activation, for one pass on one thread, without touching the network.

A context sees the activation functions that the pass calls - by a module, by name, or in place - and puts a rule in
their stead. Nothing is hooked or copied, so that several threads may share one network.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from core.models.activations import half_huber_relu

Rule = Callable[[Tensor, Tensor], Tensor]
"""From the activation's input and the value it gave, to the same value with another way back."""

RELUS = frozenset({F.relu, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_, half_huber_relu})
OTHERS = frozenset(
    {
        F.relu6, F.leaky_relu, F.elu, F.selu, F.celu, F.gelu, F.silu, F.mish, F.softplus, F.hardtanh, F.hardswish,
        F.logsigmoid, F.tanh, F.sigmoid, torch.tanh, torch.sigmoid, Tensor.tanh, Tensor.sigmoid,
    }
)  # fmt: skip
"""Activations entry by entry besides ReLU and HHReLU."""
_CLAMPS = frozenset({torch.clamp, torch.clamp_min, Tensor.clamp, Tensor.clamp_min})
_IN_PLACE = frozenset({torch.relu_, Tensor.relu_})


class Ruled(TorchFunctionMode):
    """While entered, activations of this thread go by `rule`; `count` says how many did.

    A clamp at 0 from below counts as ReLU. An activation in place gives a new tensor, and its input keeps its value.
    """

    def __init__(self, rule: Rule, others: bool = False) -> None:
        """Take ReLU and HHReLU, and with `others` every known activation."""
        super().__init__()
        self.rule = rule
        self.known = RELUS | OTHERS if others else RELUS
        self.count = 0

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Any = (), kwargs: Any = None
    ) -> Any:
        """Run `func`, by the rule where it is an activation."""
        kwargs = kwargs or {}
        if func not in self.known and not _clamps_at_zero(func, args, kwargs):
            return func(*args, **kwargs)
        self.count += 1
        if func in _CLAMPS or func in _IN_PLACE:
            func, args, kwargs = torch.relu, args[:1], {}
        elif kwargs.get("inplace"):
            kwargs = {**kwargs, "inplace": False}
        return self.rule(args[0], func(*args, **kwargs))


def _clamps_at_zero(func: Callable[..., Any], args: Any, kwargs: Any) -> bool:
    if func not in _CLAMPS:
        return False
    low = args[1] if len(args) > 1 else kwargs.get("min")
    high = args[2] if len(args) > 2 else kwargs.get("max")
    return isinstance(low, int | float) and low == 0 and high is None


def straight(u: Tensor, h: Tensor, slope: Tensor | float = 1.0) -> Tensor:
    """The value `h` with derivative `slope` with respect to `u`."""
    return h.detach() + slope * (u - u.detach())
