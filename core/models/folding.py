"""The fast form of any network: each BatchNorm that nothing but one convolution feeds is folded into it."""

from collections.abc import Callable
from copy import deepcopy
from threading import Lock, get_ident
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from core.models.asking import differentiating
from core.models.preprocessing import Preprocess

MOST_PARAMETERS = 100_000_000  # copies of double precision are held while it is made
TOLERANCE = 1e-4
"""By how much the folded network may differ, in logits and in the input gradient, as a share of their lengths."""


def folded(model: nn.Module) -> nn.Module:
    """A frozen copy in eval mode with the same outputs and input gradients, and fewer BatchNorms.

    Which BatchNorm follows which convolution is read from the graph of the network (`torch.fx`); the modules keep their
    names. The network itself stands in where its graph can't be drawn, where nothing can be folded, or where the copy
    does not answer alike.

    Args:
        model: a network in eval mode that says the `shape` (C, H, W) of its images.
    """
    if sum(parameter.numel() for parameter in model.parameters()) > MOST_PARAMETERS:
        return model
    pairs = _pairs(model)
    if not pairs:
        return model
    exact = deepcopy(model).double().eval()
    fast = deepcopy(exact)
    for conv, norm in pairs:
        convolution, batch_norm = fast.get_submodule(conv), fast.get_submodule(norm)
        assert isinstance(convolution, nn.Conv2d) and isinstance(batch_norm, nn.BatchNorm2d)
        fast.set_submodule(conv, fuse_conv_bn_eval(convolution, batch_norm))
        fast.set_submodule(norm, _what_follows(batch_norm))
    if not _alike(exact, fast):
        return model
    fast.to(next(model.parameters()).dtype).requires_grad_(False)
    return fast.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


_DRAWING = Lock()
"""One graph at a time: of two that end in the order in which they began, the second would put back what the first has
changed, for good."""


class _Tracer(fx.Tracer):
    """Draws the graph down to convolutions and BatchNorms, also those of timm that have their activation inside.

    While it draws, `torch.fx` has changed how every module of this process is called: in other threads, which may be
    asking networks for other visitors, it does what it did before.
    """

    def __init__(self) -> None:
        super().__init__()
        self._thread = get_ident()

    def call_module(
        self, m: nn.Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """A step of the graph, or in another thread the call itself."""
        if get_ident() != self._thread:
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        """What a module's attribute is to the graph, or in another thread the attribute itself."""
        if get_ident() != self._thread:
            return attr_val
        return super().getattr(attr, attr_val, parameter_proxy_cache)

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Whether `m` is one step of the graph."""
        steps = (nn.Conv2d, nn.BatchNorm2d, Preprocess)
        return isinstance(m, steps) or super().is_leaf_module(m, module_qualified_name)


def _pairs(model: nn.Module) -> list[tuple[str, str]]:
    """The names of convolutions and of the BatchNorms that alone read them."""
    try:
        with _DRAWING:
            graph = _Tracer().trace(model)
    except Exception:  # a network may do to its values whatever Python allows
        return []
    calls = [node for node in graph.nodes if node.op == "call_module"]
    names = [str(node.target) for node in calls]
    found = []
    for node in calls:
        before = node.args[0] if node.args else None
        norm = model.get_submodule(str(node.target))
        if not isinstance(before, fx.Node) or before.op != "call_module" or len(before.users) > 1:
            continue
        conv = model.get_submodule(str(before.target))
        once = names.count(str(node.target)) == names.count(str(before.target)) == 1
        if once and isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None:
            found.append((str(before.target), str(node.target)))
    return found


def _what_follows(norm: nn.BatchNorm2d) -> nn.Module:
    """What a BatchNorm does besides: nothing, or in timm's networks the activation that it holds."""
    inside = [part for name in ("drop", "act") if isinstance(part := getattr(norm, name, None), nn.Module)]
    return nn.Sequential(*inside) if inside else nn.Identity()


@differentiating
def _alike(model: nn.Module, fast: nn.Module) -> bool:
    """Whether two networks answer alike on noise, and so do their input gradients.

    Both are of double precision: in single precision rounding turns units on and off, which moves gradients by more.
    """
    shape: tuple[int, int, int] = model.shape  # type: ignore[assignment]
    x = torch.rand(1, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for one, other in zip(_asked(model, x), _asked(fast, x), strict=True):
        if not float((one - other).norm()) <= TOLERANCE * float(one.norm()) + torch.finfo(x.dtype).tiny:
            return False
    return True


def _asked(model: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """Logits, and the gradient of the predicted class's, on images."""
    x = x.clone().requires_grad_()
    logits = model(x)
    (grad,) = torch.autograd.grad(logits.amax(1).sum(), x)
    return logits.detach(), grad
