"""Where networks compute: one place decides, and says what follows when the memory there is full.

A network is put on the device once, and so is a picture; what they give comes back as NumPy. Nothing is drawn there
(see `core.draws`), and nothing is in float64 there, which GPUs of Apple do not have.
"""

import os
import warnings
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from core.errors import ConfigError

VARIABLE = "ROBUSTSCOPE_DEVICE"
KINDS = ("cuda", "mps", "cpu")
"""In the order in which one is looked for."""
CPU = torch.device("cpu")

T = TypeVar("T")
OnFull = Callable[[str], None]
"""Told in a sentence that the memory of a device was full, and what was done."""


def warn(sentence: str) -> None:
    """Tell whoever runs this, as Python tells them."""
    warnings.warn(sentence, RuntimeWarning, stacklevel=2)


def choose_device(name: str | None = None) -> torch.device:
    """The device that is named, or else the one that `ROBUSTSCOPE_DEVICE` names, or else the best that is there.

    Args:
        name: "cuda", "mps" or "cpu"; "cuda:1" is the second GPU.

    Raises:
        ConfigError: another name, or a device that is not there.
    """
    name = name or os.environ.get(VARIABLE) or next(kind for kind in KINDS if _present(kind, 0))
    kind, _, number = name.strip().lower().partition(":")
    if kind not in KINDS or (number and not (number.isascii() and number.isdigit() and len(number) < 3)):
        raise ConfigError(f"device must be one of {', '.join(KINDS)}, or a GPU by number such as cuda:1; got {name!r}")
    index = int(number or 0)
    if not _present(kind, index):
        there = ", ".join(each for each in KINDS if _present(each, 0))
        raise ConfigError(f"there is no device {name} here that torch {torch.__version__} can use; there is {there}")
    return CPU if kind == "cpu" else torch.device(kind, index)


def _present(kind: str, index: int) -> bool:
    """Whether this machine has the device, and this torch can use it."""
    if kind == "cuda":
        return torch.cuda.is_available() and index < torch.cuda.device_count()
    return index == 0 and (kind == "cpu" or torch.backends.mps.is_available())


def finest_type(values: Tensor) -> torch.dtype:
    """The type that sums are best added up in where `values` are: float64, or float32 where a GPU has no other."""
    return torch.float64 if values.device.type in ("cpu", "cuda") else torch.float32


def computes_in_bfloat16(device: torch.device) -> bool:
    """Whether a device computes in bfloat16; a processor without it takes ten to thirty times as long for it."""
    there = torch.cpu.get_capabilities()
    return device.type != "cpu" or any(there.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def bfloat16(device: torch.device, wanted: bool = True) -> torch.autocast:
    """A context for passes in bfloat16, where that is wanted and the device computes in it; else it changes nothing."""
    return torch.autocast(device.type, torch.bfloat16, enabled=wanted and computes_in_bfloat16(device))


def device_name(device: torch.device) -> str:
    """A device for people: "CPU", or a GPU with its name."""
    if device.type == "cuda":
        return f"GPU {device.index}, {torch.cuda.get_device_name(device)}"
    return "CPU" if device.type == "cpu" else f"GPU ({device.type})"


# --------------------------------------------------------------------------------------------------------- full memory


@dataclass(slots=True)
class _Passes:
    """How large passes are made now.

    Attributes:
        halvings: how often the usual number of images is halved.
        largest: the most images that a pass was allowed so far.
    """

    halvings: int = 0
    largest: int = 0


_PASSES: ContextVar[_Passes | None] = ContextVar("passes", default=None)


def images_a_pass(usual: int) -> int:
    """How many images go into one pass: the usual number, or fewer where the device's memory was full with it."""
    passes = _PASSES.get()
    if passes is None:
        return usual
    count = max(1, usual >> passes.halvings)
    passes.largest = max(passes.largest, count)
    return count


def within_memory(run: Callable[[torch.device], T], device: torch.device, on_full: OnFull) -> T:
    """What `run` gives on `device`; where memory is full there, in passes of half the size again and again.

    Where passes of one image are too much, or `run` makes none that could be smaller, it runs on the CPU. It begins
    anew each time, and puts networks and pictures on the device that it is given.

    Args:
        run: the work, on a device; it asks `images_a_pass` for the size of its passes.
        device: where to compute.
        on_full: called once, with a sentence, where the work was done in smaller passes or on the CPU.
    """
    passes = _Passes()
    while device.type != "cpu":
        mark = _PASSES.set(passes)
        try:
            result = run(device)
        except RuntimeError as error:
            if not memory_is_full(error):
                raise
        else:
            if passes.halvings:
                smaller = f"passes of at most {passes.largest} image{'s' * (passes.largest > 1)}"
                on_full(f"The memory of the {device_name(device)} was full; the work was done in {smaller}.")
            return result
        finally:
            _PASSES.reset(mark)
        _release(device)
        if passes.largest <= 1:
            on_full(f"The memory of the {device_name(device)} was full; the work was done on the CPU.")
            break
        passes = _Passes(passes.halvings + 1)
    return run(CPU)


def memory_is_full(error: RuntimeError) -> bool:
    """Whether an error of torch says so: Apple's has no class of its own."""
    return isinstance(error, torch.OutOfMemoryError) or "out of memory" in str(error)


def _release(device: torch.device) -> None:
    """Give back what torch holds in reserve."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
