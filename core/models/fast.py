"""The fast inference form of a network, and private copies for methods that need hooks."""

import copy
from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from core.models.resnet import PreActBlock, PreActResNet

SMALLEST_SCALE = 1e-3  # a shift divided by less would lose the digits that count


class ScaleShift(nn.Module):
    """An eval-mode BatchNorm as a fixed scale and shift per channel."""

    scale: Tensor
    shift: Tensor

    def __init__(self, norm: nn.BatchNorm2d) -> None:
        super().__init__()
        assert norm.running_mean is not None and norm.running_var is not None
        scale = norm.weight.detach() / (norm.running_var + norm.eps).sqrt()
        self.register_buffer("scale", scale.view(1, -1, 1, 1))
        self.register_buffer("shift", (norm.bias.detach() - norm.running_mean * scale).view(1, -1, 1, 1))

    def forward(self, h: Tensor) -> Tensor:
        """`scale * h + shift`, the shape of `h` (B, C, H, W)."""
        return h * self.scale + self.shift


class Shift(nn.Module):
    """A fixed shift per channel."""

    shift: Tensor

    def __init__(self, shift: Tensor) -> None:
        super().__init__()
        self.register_buffer("shift", shift)

    def forward(self, h: Tensor) -> Tensor:
        """`h + shift`, the shape of `h` (B, C, H, W)."""
        return h + self.shift


def fast_form(model: PreActResNet) -> PreActResNet:
    """A frozen copy of `model` in eval mode with the same outputs and input gradients, computed quicker.

    A BatchNorm that directly follows a convolution is folded into it. The first one of a block becomes a fixed scale
    and shift; before a ReLU its scale goes on into the convolutions that read it, where it is positive. The last one
    keeps its scale, so that features mean the same. Weights lie channels_last and need no gradient. Outputs agree with
    the plain form to float rounding. The copy shares nothing with `model`. Scores made from weight gradients must use
    the plain form: this one has other parameters.
    """
    fast = copy.deepcopy(model).eval()
    for block in fast.modules():
        if (
            isinstance(block, PreActBlock)
            and isinstance(block.norm1, nn.BatchNorm2d)
            and isinstance(block.norm2, nn.BatchNorm2d)
        ):
            block.conv1 = fuse_conv_bn_eval(block.conv1, block.norm2)
            block.norm2 = nn.Identity()
            block.norm1 = _without_scale(block, ScaleShift(block.norm1))
    if isinstance(fast.norm, nn.BatchNorm2d):
        fast.norm = ScaleShift(fast.norm)
    frozen: PreActResNet = fast.to(memory_format=torch.channels_last).requires_grad_(False)  # type: ignore[call-overload]
    return frozen


def _without_scale(block: PreActBlock, norm: ScaleShift) -> nn.Module:
    """The first norm of a block with its scale moved into the block's weights, as `relu(s u) = s relu(u)` for s > 0.

    The norm as it is where a scale is too small to divide by, or where the activation is another.
    """
    if not isinstance(block.act1, nn.ReLU) or float(norm.scale.min()) < SMALLEST_SCALE:
        return norm
    with torch.no_grad():
        for conv in (block.conv1, block.shortcut):
            if conv is not None:
                conv.weight.mul_(norm.scale)
    return Shift(norm.shift / norm.scale)


def private_copy(model: nn.Module) -> nn.Module:
    """A copy of the modules of `model` that shares its parameters and buffers.

    Hooks and train/eval flags set on the copy are invisible to everyone else who holds `model`, and no weight is
    duplicated.
    """
    return copy_of_modules(model, {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())})


def copy_of_modules(model: nn.Module, memo: dict[int, Any]) -> nn.Module:
    """What `copy.deepcopy(model, memo)` gives, in half of its time, which for large networks is tens of milliseconds.

    Most of what a module holds are registers of hooks that are empty, and names of its parts. Modules that are copied
    by a way of their own keep it.
    """
    plain = [module for module in model.modules() if _copied_as_usual(type(module))]
    copies = [module.__new__(type(module)) for module in plain]
    memo |= {id(module): made for module, made in zip(plain, copies, strict=True)}
    for module, made in zip(plain, copies, strict=True):
        made.__dict__.update((name, _copied(value, memo)) for name, value in module.__dict__.items())
    return copy.deepcopy(model, memo)


def _copied_as_usual(kind: type[nn.Module]) -> bool:
    """Whether `copy.deepcopy` takes what such a module holds, and nothing else, to a new one."""
    own = ("__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__new__")
    return not hasattr(kind, "__deepcopy__") and all(getattr(kind, name) is getattr(nn.Module, name) for name in own)


def _copied(value: Any, memo: dict[int, Any]) -> Any:
    if type(value) in _SINGLE:
        return value
    if id(value) in memo:
        return memo[id(value)]
    if type(value) not in (dict, OrderedDict):
        return copy.deepcopy(value, memo)
    made = memo[id(value)] = type(value)()
    made.update((name, _copied(part, memo)) for name, part in value.items())
    return made


_SINGLE = (bool, int, float, str, type(None))
