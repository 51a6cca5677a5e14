"""Weights from a file: checked against their card before a single one is copied."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from core.errors import InputError
from core.files import read_limited
from core.text import shorten


def read_tensors(path: Path, sha256: str, limit: int) -> dict[str, Tensor]:
    """The tensors of a safetensors file of at most `limit` bytes, by name.

    Raises:
        InputError: the file is missing, too large, damaged, or has another checksum than its card says.
    """
    data = read_limited(path, limit)
    digest = hashlib.sha256(data).hexdigest()
    if digest != sha256:
        raise InputError(f"{path.name} is not the file its card describes: sha256 {digest[:12]}…, card {sha256[:12]}…")
    try:
        return load(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise InputError(f"{path.name} is not a readable safetensors file ({shorten(error, 120)})") from error


def check_tensors(
    whose: str, tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor], dtype: torch.dtype | None = None
) -> None:
    """Refuse weights that do not fit.

    Args:
        whose: the network's name, for people.
        tensors: by name.
        expected: those of the architecture, whose shapes and types are asked for.
        dtype: the type that all must have instead.

    Raises:
        InputError: names, shapes or types differ, or a value is not finite.
    """
    missing, extra = sorted(expected.keys() - tensors.keys()), sorted(tensors.keys() - expected.keys())
    if missing or extra:
        raise InputError(f"{whose}: weights miss {_some(missing)} and have unknown {_some(extra)}")
    for name, wanted in expected.items():
        got, kind = tensors[name], dtype or wanted.dtype
        if got.shape != wanted.shape or got.dtype != kind:
            raise InputError(f"{whose}: {name} must be {tuple(wanted.shape)} {kind}, is {tuple(got.shape)} {got.dtype}")
        if got.is_floating_point() and not bool(got.isfinite().all()):
            raise InputError(f"{whose}: {name} holds values that are not finite")


def _some(names: Sequence[str]) -> str:
    """The first of some tensors' names, which may come from anywhere."""
    return ", ".join(shorten(name, 40) for name in names[:3]) or "nothing"
