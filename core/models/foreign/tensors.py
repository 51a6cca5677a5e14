"""Tensors by name from files that anyone may have made; read in a process with limits, and nothing of them is run."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from core.errors import InputError
from core.models.foreign.names import find_weights
from core.text import shorten

MOST_VALUES = 100_000_000
MOST_TENSORS = 20_000
MOST_HEADER = 10_000_000
_SAVE_IT = "Save `model.state_dict()` instead."
_TAKEN = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64,
    "I32": torch.int32, "BOOL": torch.bool,
}  # fmt: skip
_OTHER_PICKLE = re.compile(
    r"unsupported (?:global|class|operand)\W*(?:GLOBAL )?([\w.]+)|GLOBAL ([\w.]+) was not", re.IGNORECASE
)


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], list[str]]:
    """The tensors of a safetensors file under plain names, and what is to be said of them.

    Raises:
        InputError: it is damaged, or holds what is not taken.
    """
    _check_header(path)
    try:
        with safe_open(path, "pt") as file:
            found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
    except (SafetensorError, ValueError, KeyError, RuntimeError, OSError) as error:
        raise InputError(f"the safetensors file is damaged ({shorten(error, 80)})") from error
    return _converted(*find_weights(found))


def read_torch(path: Path) -> tuple[dict[str, Tensor], list[str]]:
    """The tensors of a file that `torch.save` wrote, under plain names, and what is to be said of them.

    Read by `torch.load(weights_only=True)` alone, which builds tensors and plain values and calls nothing.

    Raises:
        InputError: it is damaged, would run code to be read, or holds what is not taken.
    """
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # whatever a crafted file makes of it
        if type(error).__name__ == "UnpicklingError":
            raise InputError(_unpickling(str(error))) from error
        if "DefaultCPUAllocator" in str(error) or "allocate memory" in str(error):
            raise MemoryError from error
        raise InputError(f"the file is damaged, or only a part of it is here ({shorten(error, 60)})") from error
    if isinstance(loaded, Tensor):
        raise InputError(f"the file holds a single tensor without a name. {_SAVE_IT}")
    return _converted(*find_weights(loaded))


def _unpickling(message: str) -> str:
    """Why torch refused, in our words."""
    found = _OTHER_PICKLE.search(message)
    named = next((group for group in found.groups() if group), "") if found else ""
    if not named:
        return "the file is damaged, or is no file of PyTorch: its list of contents can't be read"
    root = named.split(".")[0]
    if root in ("torch", "torchvision", "timm", "transformers", "models", "__main__", "segmentation_models_pytorch"):
        what = shorten(named, 60)
        return f"the file holds a whole network as an object ({what}), which runs code to be read. {_SAVE_IT}"
    if root in ("numpy", "argparse", "collections", "pathlib", "omegaconf", "yacs", "addict"):
        return (
            f"beside tensors the file holds {shorten(named, 60)}, which is not read: it may run code. Save the weights "
            "alone: `torch.save(model.state_dict(), …)`."
        )
    return f"the file would run code to be read ({shorten(named, 60)}), so it was not. {_SAVE_IT}"


def _check_header(path: Path) -> None:
    """Refuse a header that is too long, or names types that are not taken, before anything is read."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > MOST_HEADER:
            raise InputError(f"the safetensors file says that its header has {length:,} bytes; that can't be")
        header = file.read(length)
    if len(header) < length:
        raise InputError("only a part of the safetensors file is here: it ends within its header")
    try:
        entries = json.loads(header)
    except (ValueError, RecursionError) as error:
        raise InputError("the header of the safetensors file is damaged") from error
    for name, entry in entries.items() if isinstance(entries, dict) else ():
        kind = str(entry.get("dtype") if isinstance(entry, dict) else None)
        if name != "__metadata__" and kind not in _TAKEN:
            raise InputError(_not_taken(name, kind.lower()))


def _converted(tensors: Mapping[str, Tensor], notes: list[str]) -> tuple[dict[str, Tensor], list[str]]:
    """The tensors in the types that networks have here, each with memory of its own.

    Raises:
        InputError: types that are not taken, values that are not finite, or more than the file can hold.
    """
    if len(tensors) > MOST_TENSORS:
        raise InputError(f"the file holds {len(tensors):,} tensors; at most {MOST_TENSORS:,} are read")
    total = 0
    for name, value in tensors.items():
        _check(name, value)
        total += value.numel()
    if total > MOST_VALUES:
        raise InputError(f"the network has {total:,} values; at most {MOST_VALUES:,} are taken here")
    half = [name for name, value in tensors.items() if value.is_floating_point() and value.dtype != torch.float32]
    if half:
        kinds = ", ".join(sorted({str(tensors[name].dtype).removeprefix("torch.") for name in half}))
        notes = [*notes, f"{len(half):,} tensors of {kinds} were turned into float32."]
    found = {}
    for name, value in tensors.items():
        plain = value.detach().to(torch.float32 if value.is_floating_point() else value.dtype).contiguous().clone()
        if plain.is_floating_point() and not bool(plain.isfinite().all()):
            raise InputError(f"{shorten(name, 60)} holds values that are not finite (NaN or infinity)")
        found[name] = plain
    return found, notes


def _check(name: str, value: Tensor) -> None:
    if len(name) > 200:
        raise InputError(f"a tensor has a name of {len(name):,} characters; at most 200 are read")
    if value.layout != torch.strided or value.device.type != "cpu" or value.is_nested:
        raise InputError(f"{shorten(name, 60)} is no plain tensor: sparse, nested and empty ones are not taken")
    if value.is_quantized or value.dtype not in _TAKEN.values():
        raise InputError(_not_taken(name, str(value.dtype).removeprefix("torch.")))
    if value.numel() * value.element_size() > value.untyped_storage().nbytes():
        raise InputError(
            f"{shorten(name, 60)} claims {value.numel():,} values where the file holds "
            f"{value.untyped_storage().nbytes() // value.element_size():,}"
        )


def _not_taken(name: str, kind: str) -> str:
    return (
        f"{shorten(name, 60)} is of the type {shorten(kind, 30)}: quantised and complex weights are not taken; bring "
        "those of float32, float16 or bfloat16"
    )
