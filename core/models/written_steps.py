"""The project's own network in bfloat16, there and back, written out: the numbers that autograd gives, for less work.

At each pass oneDNN lays the weights of a convolution out anew, on the way there and again on the way back: a third of
the time of one image, a tenth of that of eleven. Here both layouts are made once. The gradient along the image of a
convolution is the transposed convolution of the gradient behind it, and comes out to the bit.
"""

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from core.models.activations import HalfHuberReLU, half_huber_back
from core.models.fast import ScaleShift, Shift
from core.models.resnet import MirroredResNet, PreActBlock, PreActResNet

_OPERATORS = (
    "_convolution_pointwise",
    "_convolution_transpose_pointwise",
    "_reorder_convolution_weight",
    "_reorder_convolution_transpose_weight",
)
_LAST = torch.channels_last
FEWEST = 4
"""Rows of a matrix, at least: of fewer, processors sum in another order, so that last digits would differ."""


def filled(rows: Tensor) -> Tensor:
    """Rows (B, D) with as many of zeros behind them as `FEWEST` asks for."""
    return rows if len(rows) >= FEWEST else torch.cat([rows, rows.new_zeros(FEWEST - len(rows), rows.shape[1])])


class WrittenSteps:
    """What a fast form of the network answers in bfloat16 to images of one shape, and its gradients along them."""

    def __init__(self, low: PreActResNet, shape: tuple[int, ...]) -> None:
        """Lay the weights out.

        Args:
            low: a fast form whose weights are in bfloat16, see `can_be_written`.
            shape: (C, H, W) of the images.
        """
        self.low, self.shape = low, shape
        self.mirrored = isinstance(low, MirroredResNet)
        sizes = (shape[1], shape[2])
        self.stem = _Convolution(low.stem, sizes)
        self.blocks = []
        for stage in low.stages:
            for block in cast(nn.Sequential, stage):
                self.blocks.append(_Block(cast(PreActBlock, block), sizes))
                sizes = self.blocks[-1].conv1.output

    def __call__(self, x: Tensor, alike: bool = False) -> Tensor:
        """Logits (B, K), float32, of images (B, C, H, W), float32, with a gradient along these that has none itself.

        With `alike` neither hangs, to the bit, on how many images there are: the last layer is asked about `FEWEST`.
        """
        return cast(Tensor, _Pass.apply(x, self, alike))  # type: ignore[no-untyped-call]  # torch gives it no type

    def there(self, x: Tensor, alike: bool) -> tuple[Tensor, list[Tensor]]:
        """Logits (B, K), and what the way back needs: of each view two maps a block, and the last."""
        features, kept = self._view(x)
        if self.mirrored:
            turned, more = self._view(x.flip(-1))
            features, kept = (features + turned.flip(-1)) / 2, kept + more
        pooled = features.mean((2, 3))
        logits = self.low.head(filled(pooled) if alike else pooled)[: len(x)]
        return logits.float(), kept

    def back(self, grad: Tensor, kept: list[Tensor], alike: bool) -> Tensor:
        """The gradient (B, C, H, W) along the images, of that along the logits (B, K)."""
        last = kept[-1]
        low = grad.bfloat16()
        along = ((filled(low) if alike else low) @ self.low.head.weight)[: len(grad)] / last.shape[2:].numel()
        g = along[:, :, None, None].expand(last.shape).contiguous(memory_format=_LAST)
        if not self.mirrored:
            return self._along_view(g, kept)
        g, half = g / 2, len(kept) // 2
        turned = self._along_view(g.clone(), kept[half:])
        return self._along_view(g, kept[:half]) + turned.flip(-1)

    def _view(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The features of one view of the images, and what its way back needs."""
        h = self.stem.there(self.low.normalise(x).bfloat16().contiguous(memory_format=_LAST))
        h = h.contiguous(memory_format=_LAST)  # a single channel does not tell its layout
        kept: list[Tensor] = []
        for block in self.blocks:
            h, used = block.there(h)
            kept += used
        features, last = _activated(self.low.norm(h), self.low.act)
        return features, [*kept, last]

    def _along_view(self, g: Tensor, kept: list[Tensor]) -> Tensor:
        """The gradient along one view of the images, of that along its features, which may be written over."""
        g = _through_norm(_through_activation(g, kept[-1], self.low.act), self.low.norm)
        for index in reversed(range(len(self.blocks))):
            g = self.blocks[index].back(g, *kept[2 * index : 2 * index + 2])
        return self.stem.back(g).float() / self.low.normalise.std


def can_be_written(low: nn.Module) -> bool:
    """Whether a network in bfloat16 is one that `WrittenSteps` knows, and this processor one whose bits were compared.

    The operators are those of torch's compiler, and no promise: without them autograd does the same.
    """
    if type(low) not in (PreActResNet, MirroredResNet) or not torch.cpu.get_capabilities().get("avx512_bf16"):
        return False
    if not all(hasattr(torch.ops.mkldnn, name) for name in _OPERATORS):
        return False
    blocks = [part for part in low.modules() if isinstance(part, PreActBlock)]
    norms = [low.norm, *(block.norm1 for block in blocks)]
    activations = [low.act, *(act for block in blocks for act in (block.act1, block.act2))]
    return (
        all(type(norm) in (Shift, ScaleShift) for norm in norms)
        and all(type(block.norm2) is nn.Identity for block in blocks)
        and all(type(act) in (nn.ReLU, HalfHuberReLU) for act in activations)
        and all(weight.dtype == torch.bfloat16 and not weight.requires_grad for weight in low.parameters())
        and next(low.parameters()).device.type == "cpu"
        and not any(part._forward_hooks or part._forward_pre_hooks for part in low.modules())
    )


class _Pass(torch.autograd.Function):
    """One pass there, and back where it is asked for."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, steps: WrittenSteps, alike: bool) -> Tensor:
        logits, kept = steps.there(x, alike)
        ctx.steps, ctx.kept, ctx.alike = steps, kept, alike
        return logits

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return ctx.steps.back(grad, ctx.kept, ctx.alike), None, None


class _Convolution:
    """A convolution of maps of one size, channels_last, with its weights laid out for both ways."""

    def __init__(self, conv: nn.Conv2d, sizes: tuple[int, int]) -> None:
        kernel, self.stride = conv.kernel_size, [*conv.stride]
        self.padding = [int(places) for places in conv.padding]
        self.bias, weight = conv.bias, conv.weight.detach()
        padded = [size + 2 * places - one for size, places, one in zip(sizes, self.padding, kernel, strict=True)]
        rows, columns = (space // stride + 1 for space, stride in zip(padded, self.stride, strict=True))
        self.output = (rows, columns)
        self.beyond = [space % stride for space, stride in zip(padded, self.stride, strict=True)]
        outputs, inputs = weight.shape[:2]
        ops = torch.ops.mkldnn
        self.ahead = ops._reorder_convolution_weight(weight, self.padding, self.stride, [1, 1], 1, [1, inputs, *sizes])
        self.behind = ops._reorder_convolution_transpose_weight(
            weight, self.padding, self.beyond, self.stride, [1, 1], 1, [1, outputs, *self.output]
        )

    def there(self, h: Tensor) -> Tensor:
        """Its output."""
        found: Tensor = torch.ops.mkldnn._convolution_pointwise(
            h, self.ahead, self.bias, self.padding, self.stride, [1, 1], 1, "none", [], ""
        )
        return found

    def back(self, grad: Tensor) -> Tensor:
        """The gradient along its input, of that along its output."""
        found: Tensor = torch.ops.mkldnn._convolution_transpose_pointwise(
            grad, self.behind, None, self.padding, self.beyond, self.stride, [1, 1], 1, "none", [], ""
        )
        return found


class _Block:
    """A block, as `PreActBlock` has it without its second norm."""

    def __init__(self, block: PreActBlock, sizes: tuple[int, int]) -> None:
        self.block = block
        self.conv1 = _Convolution(block.conv1, sizes)
        self.conv2 = _Convolution(block.conv2, self.conv1.output)
        self.shortcut = None if block.shortcut is None else _Convolution(block.shortcut, sizes)

    def there(self, h: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Its output, and what the way back needs."""
        activated, first = _activated(self.block.norm1(h), self.block.act1)
        inner, second = _activated(self.conv1.there(activated), self.block.act2)
        out = self.conv2.there(inner)
        return out.add_(h if self.shortcut is None else self.shortcut.there(activated)), (first, second)

    def back(self, grad: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """The gradient along its input, of that along its output."""
        g = self.conv1.back(_through_activation(self.conv2.back(grad), second, self.block.act2))
        if self.shortcut is not None:
            g = g.add_(self.shortcut.back(grad))
        g = _through_norm(_through_activation(g, first, self.block.act1), self.block.norm1)
        return g if self.shortcut is not None else g.add_(grad)


def _activated(u: Tensor, act: nn.Module) -> tuple[Tensor, Tensor]:
    """The activation of `u`, which may be written over, and what the way back needs."""
    if isinstance(act, HalfHuberReLU):
        return act(u), u
    return u.relu_(), u


def _through_activation(grad: Tensor, kept: Tensor, act: nn.Module) -> Tensor:
    """The gradient before an activation, of that behind it, which may be written over."""
    if isinstance(act, HalfHuberReLU):
        return half_huber_back(grad, kept, act.delta)
    return torch.ops.aten.threshold_backward.grad_input(grad, kept, 0, grad_input=grad)  # type: ignore[no-any-return]


def _through_norm(grad: Tensor, norm: nn.Module) -> Tensor:
    return grad * norm.scale if isinstance(norm, ScaleShift) else grad
