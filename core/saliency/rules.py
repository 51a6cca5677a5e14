"""Other ways back through an activation, for one pass on one thread, without touching the network.

A context sees the activation functions that the pass calls - by a module, by name, or in place - and puts a rule in
their stead. Nothing is hooked or copied, so that several threads may share one network.
"""

from collections.abc import Callable, Mapping, Sequence
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
        F.leaky_relu_, F.elu_, F.selu_, F.celu_, F.hardtanh_, torch.tanh_, torch.sigmoid_, Tensor.tanh_,
        Tensor.sigmoid_,
    }
)  # fmt: skip
"""Activations entry by entry besides ReLU and HHReLU."""
_CLAMPS = frozenset(
    getattr(owner, name + ending)
    for owner in (torch, Tensor)
    for name in ("clamp", "clamp_min", "clip")
    for ending in ("", "_")
    if hasattr(owner, name + ending)
)
_IN_PLACE: Mapping[Callable[..., Any], Callable[..., Any]] = {
    F.leaky_relu_: F.leaky_relu, F.elu_: F.elu, F.selu_: F.selu, F.celu_: F.celu, F.hardtanh_: F.hardtanh,
    torch.tanh_: torch.tanh, Tensor.tanh_: torch.tanh, torch.sigmoid_: torch.sigmoid, Tensor.sigmoid_: torch.sigmoid,
}  # fmt: skip
"""By the function that works in place, the same one that does not; of what is no ReLU."""


class Ruled(TorchFunctionMode):
    """While entered, activations of this thread go by `rule`; `count` says how many did.

    A clamp at 0 from below counts as ReLU. What an activation in place is given is changed as without us, also where
    the network does not look at what it returns.
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
        in_place = (
            func.__name__.endswith("_") or bool(kwargs.get("inplace")) or (func is F.relu and args[1:] == (True,))
        )
        if func in _CLAMPS or (func in RELUS and func is not half_huber_relu):
            func, args, kwargs = torch.relu, args[:1], {}
        elif in_place:
            func, kwargs = _IN_PLACE.get(func, func), {**kwargs, **({"inplace": False} if "inplace" in kwargs else {})}
        if not in_place:
            return self.rule(args[0], func(*args, **kwargs))
        u = args[0].clone()
        return args[0].copy_(self.rule(u, func(u, *args[1:], **kwargs)))


def _clamps_at_zero(func: Callable[..., Any], args: Any, kwargs: Any) -> bool:
    if func not in _CLAMPS:
        return False
    low = args[1] if len(args) > 1 else kwargs.get("min")
    high = args[2] if len(args) > 2 else kwargs.get("max")
    return isinstance(low, int | float) and low == 0 and high is None


def straight(u: Tensor, h: Tensor, slope: Tensor | float = 1.0) -> Tensor:
    """The value `h` with derivative `slope` with respect to `u`."""
    return h.detach() + slope * (u - u.detach())
