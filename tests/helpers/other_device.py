"""A device that is not the CPU, on any machine: it computes as the CPU does, and refuses what a GPU refuses.

A tensor on it is a wrapper that says it is of torch's device type "lazy", which no build computes on. So whatever mixes
it with a tensor of the CPU raises, as on CUDA: only tensors without dimensions may come from the CPU, and copies. So do
`.numpy()` without `.cpu()`, and draws by a generator of the CPU. Float64 raises, as on MPS. What is made with
`device=x.device` is on it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing

OTHER = torch.device("lazy", 0)
_aten = torch.ops.aten
_COPIES = (_aten._to_copy.default, _aten.copy_.default)


class OtherTensor(Tensor):
    """A tensor on the other device; `inner` has its values."""

    inner: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> "OtherTensor":
        if inner.dtype == torch.float64:
            raise RuntimeError("float64 on the other device, which a GPU may not have")
        layout = {"strides": inner.stride(), "storage_offset": inner.storage_offset(), "layout": inner.layout}
        made = Tensor._make_wrapper_subclass(cls, inner.size(), dtype=inner.dtype, device=OTHER, **layout)
        made.inner = inner
        return made

    def tolist(self):
        """The values: a copy to the CPU, which every device makes."""
        return self.detach().cpu().tolist()

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return _run(func, args, kwargs or {})


def _run(func, args, kwargs):
    """An operation: refused, or computed by the CPU and given back on the device where it belongs."""
    leaves = list(_leaves((*args, *kwargs.values())))
    tensors = [each for each in leaves if isinstance(each, Tensor)]
    there = [each for each in tensors if isinstance(each, OtherTensor)]
    if there and func not in _COPIES and any(t.dim() and not isinstance(t, OtherTensor) for t in tensors):
        raise RuntimeError(f"{func} mixes tensors of two devices")
    named = kwargs.get("device")
    on_it = torch.device(named) == OTHER if named is not None else bool(there)
    if on_it and any(isinstance(each, torch.Generator) for each in leaves):
        raise RuntimeError(f"{func} draws on the other device by a generator of the CPU")
    inner = {name: _each(_inner, value) for name, value in kwargs.items()} | (
        {"device": torch.device("cpu")} if named is not None else {}
    )
    result = func(*_each(_inner, args), **inner)
    if func is _aten.copy_.default:
        return args[0]
    if not on_it:
        return result
    result = _each(lambda each: OtherTensor(each) if isinstance(each, Tensor) else each, result)
    return return_and_correct_aliasing(func, args, kwargs, result) if there and named is None else result


def _leaves(value):
    """What lies in lists and tuples; torch's own walk knows more kinds, and takes half of these tests' time."""
    if isinstance(value, list | tuple):
        for part in value:
            yield from _leaves(part)
    else:
        yield value


def _each(change: Callable, value):
    """The same with each of these changed."""
    if isinstance(value, list | tuple):
        return type(value)([_each(change, part) for part in value])
    return change(value)


def _inner(value):
    return value.inner if isinstance(value, OtherTensor) else value


class _Factories(TorchDispatchMode):
    """What is made from nothing can be made on the other device."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return _run(func, args, kwargs or {})


class _Python(TorchFunctionMode):
    """Calls that go between Python's numbers and tensors before anything is dispatched."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func in (torch.tensor, torch.as_tensor) and kwargs.get("device") is not None:
            return func(*args, **(kwargs | {"device": None})).to(kwargs["device"])
        return func(*args, **kwargs)


@contextmanager
def other_device() -> Iterator[torch.device]:
    """The other device, which is there while this is entered."""
    with _Python(), _Factories():
        yield OTHER
