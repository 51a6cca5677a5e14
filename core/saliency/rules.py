"""Other ways back through an activation, for one pass on one thread, without touching the network.

A context sees the activation functions that the pass calls - by a module, by name, or in place - and puts a rule in
their stead. Nothing is hooked or copied, so that several threads may share one network.
"""

from collections.abc import Callable, Mapping, Sequence
from inspect import isfunction, signature
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from core.models.activations import half_huber_relu, hard_sigmoid

Rule = Callable[[Tensor, Tensor], Tensor]
"""From the activation's input and the value it gave, to the same value with another way back."""

RELUS = frozenset({F.relu, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_, half_huber_relu})
RECTIFIERS = frozenset(
    {
        F.relu6, F.leaky_relu, F.elu, F.selu, F.celu, F.gelu, F.silu, F.mish, F.softplus, F.hardtanh, F.hardswish,
        F.leaky_relu_, F.elu_, F.selu_, F.celu_, F.hardtanh_,
    }
)  # fmt: skip
"""Activations entry by entry that stand in the place of ReLU, besides HHReLU."""
GATES = frozenset(
    {
        F.logsigmoid, F.tanh, F.sigmoid, F.hardsigmoid, hard_sigmoid, torch.tanh, torch.sigmoid, Tensor.tanh,
        Tensor.sigmoid, torch.tanh_, torch.sigmoid_, Tensor.tanh_, Tensor.sigmoid_,
    }
)  # fmt: skip
"""Other activations entry by entry, which bound what passes."""
_SETTING: Mapping[Callable[..., Any], int] = {
    func: list(signature(func).parameters).index("inplace")
    for func in RELUS | RECTIFIERS | GATES
    if isfunction(func) and "inplace" in signature(func).parameters
}
"""By the function that may be told to work in place, which of its arguments says so."""
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

    def __init__(self, rule: Rule, gates: bool = False) -> None:
        """Take ReLU and what stands in its place, and with `gates` every known activation."""
        super().__init__()
        self.rule = rule
        self.known = RELUS | RECTIFIERS | (GATES if gates else frozenset())
        self.count = 0

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Any = (), kwargs: Any = None
    ) -> Any:
        """Run `func`, by the rule where it is an activation."""
        kwargs = kwargs or {}
        if func not in self.known and not _clamps_at_zero(func, args, kwargs):
            return func(*args, **kwargs)
        self.count += 1
        told, args, kwargs = _told_in_place(func, args, kwargs)
        in_place = told or func.__name__.endswith("_")
        if func in _CLAMPS or (func in RELUS and func is not half_huber_relu):
            func, args, kwargs = torch.relu, args[:1], {}
        elif in_place:
            func = _IN_PLACE.get(func, func)
        if not in_place:
            return self.rule(args[0], func(*args, **kwargs))
        u = args[0].clone()
        return args[0].copy_(self.rule(u, func(u, *args[1:], **kwargs)))


def _told_in_place(func: Callable[..., Any], args: Any, kwargs: Any) -> tuple[bool, Any, Any]:
    """Whether a call asks its function to work in place, and its arguments without that wish."""
    at = _SETTING.get(func, len(args))
    told = bool(args[at]) if at < len(args) else bool(kwargs.get("inplace"))
    return told, args[:at] + args[at + 1 :], {name: value for name, value in kwargs.items() if name != "inplace"}


def _clamps_at_zero(func: Callable[..., Any], args: Any, kwargs: Any) -> bool:
    if func not in _CLAMPS:
        return False
    low = args[1] if len(args) > 1 else kwargs.get("min")
    high = args[2] if len(args) > 2 else kwargs.get("max")
    return isinstance(low, int | float) and low == 0 and high is None


def straight(u: Tensor, h: Tensor, slope: Tensor | float = 1.0) -> Tensor:
    """The value `h` with derivative `slope` with respect to `u`."""
    return h.detach() + slope * (u - u.detach())
