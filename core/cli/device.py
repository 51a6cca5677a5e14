"""Where a command computes: the option, and what happens where the memory there is full."""

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from core.cli.output import complain

if TYPE_CHECKING:
    import torch

T = TypeVar("T")


def add_device(command: Any) -> None:
    """Let a command say where to compute; `core.devices.choose_device` takes what is given, or None."""
    command.add_argument(
        "--device",
        metavar="NAME",
        help="where to compute: cuda, cuda:1, mps or cpu (default: ROBUSTSCOPE_DEVICE, or the best that is there)",
    )


def on_device(options: argparse.Namespace, work: "Callable[[torch.device], T]") -> T:
    """What some work gives on the device asked for; see `core.devices.within_memory`.

    Raises:
        ConfigError: there is no such device.
    """
    from core.devices import choose_device, within_memory

    return within_memory(work, choose_device(options.device), complain)
