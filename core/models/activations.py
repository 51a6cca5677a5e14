"""Activations as modules, one instance a use, so that methods with hooks can tell them apart."""

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import smooth_l1_loss
from torch.overrides import handle_torch_function, has_torch_function_unary

from core.errors import ConfigError

Activation = Literal["relu", "hhrelu"]


def half_huber_relu(u: Tensor, delta: float) -> Tensor:
    """HHReLU of each entry of `u` (see `HalfHuberReLU`); like torch's own functions, a `TorchFunctionMode` sees it."""
    if has_torch_function_unary(u):
        return handle_torch_function(half_huber_relu, (u,), u, delta)
    out: Tensor = _HalfHuber.apply(u, delta)  # type: ignore[no-untyped-call]  # torch gives it no type
    return out


def half_huber_back(grad: Tensor, u: Tensor, delta: float) -> Tensor:
    """The gradient along `u` of that along HHReLU's output: `grad` times the derivative at each entry of `u`."""
    return torch.addcmul(u.new_zeros(()), u.clamp(0.0, delta), grad, value=1 / delta)


def hard_sigmoid(u: Tensor) -> Tensor:
    """`clamp(u + 3, 0, 6) / 6` (Howard et al. 2019, arXiv:1905.02244, Sec. 5.2); torch's has no second derivative."""
    if has_torch_function_unary(u):
        return handle_torch_function(hard_sigmoid, (u,), u)
    return (u + 3).clamp(0.0, 6.0) / 6


class _HalfHuber(torch.autograd.Function):
    """The smooth L1 loss of relu(u), which is HHReLU in a single pass.

    The gradient is stated because torch's own of that loss takes ten times as long.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(u: Tensor, delta: float) -> Tensor:
        risen = u.relu()
        with torch.autocast(u.device.type, enabled=False):  # which would go to float32 for a loss
            return smooth_l1_loss(risen, u.new_zeros(()).expand_as(risen), reduction="none", beta=delta)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, float], output: Tensor) -> None:
        u, ctx.delta = inputs
        ctx.save_for_backward(u)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (u,) = ctx.saved_tensors
        return half_huber_back(grad, u, ctx.delta), None


class HalfHuberReLU(nn.Module):
    """Half-Huber ReLU: zero below 0, a parabola up to `delta`, then a line of slope 1.

    `HHReLU(u) = u^2 / (2 delta)` for 0 < u <= delta and `u - delta / 2` above; its derivative is `clamp(u, 0, delta)
    / delta`, which is continuous, so that a penalty on gradients has a useful second derivative (Woods, Chen,
    Teuscher 2019, arXiv:1906.02896, authors' code).
    """

    def __init__(self, delta: float = 0.5) -> None:
        super().__init__()
        if delta <= 0:
            raise ConfigError(f"delta must be above 0; got {delta}")
        self.delta = delta

    def forward(self, u: Tensor) -> Tensor:
        """HHReLU of each entry of `u`, any shape; twice differentiable almost everywhere."""
        return half_huber_relu(u, self.delta)


def activation(name: Activation) -> nn.Module:
    """A new activation module, never in-place.

    Raises:
        ConfigError: the name is unknown.
    """
    match name:
        case "relu":
            return nn.ReLU()
        case "hhrelu":
            return HalfHuberReLU()
        case _:
            raise ConfigError(f"activation must be relu or hhrelu; got {name!r}")
