"""Which tensors of a file are a network's weights, under the names that its architecture gives them."""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from core.errors import InputError
from core.text import shorten

AVERAGED = ("state_dict_ema", "model_ema", "ema_state_dict", "ema_model", "ema")
"""What holds weights averaged over training, which are those to use, in files that keep both."""
HOLDERS = ("state_dict", "model_state_dict", "model_state", "model", "net", "network", "weights", "params", "module")
"""What holds the weights in a file of a training, in the order in which they are looked for."""
WRAPPERS = ("module.", "_orig_mod.", "model.", "net.", "network.", "ema.", "ema_model.", "model_ema.", "1.")
"""What wrappers put before every name: parallel training, compilation, Lightning, averaging, a normalising front."""
_OLD_DENSE = re.compile(r"(denselayer\d+\.(?:norm|conv))\.(?=[12]\.)")
"""In the old names of DenseNet's layers, which torchvision's published weights still have: `norm.1` for `norm1`."""
_SHARE = 0.4  # of all names that a wrapper's prefix must have: some keep two copies, or a loss beside the network
_DEEPEST = 5


def find_weights(loaded: object) -> tuple[dict[str, Tensor], list[str]]:
    """The network's tensors by plain name, and in sentences where they were found and what was left out.

    Args:
        loaded: what a file holds: tensors by name, at any depth of what a training keeps.

    Raises:
        InputError: there are no tensors by name in it.
    """
    notes: list[str] = []
    tensors = _tensors_in(loaded, notes)
    for _ in range(_DEEPEST):
        stripped = _without_wrapper(tensors, notes)
        if stripped is None:
            break
        tensors = stripped
    return _renewed(tensors, notes), notes


def _tensors_in(loaded: object, notes: list[str]) -> dict[str, Tensor]:
    """The mapping of tensors in a file."""
    path: list[str] = []
    here = loaded
    for _ in range(_DEEPEST):
        if not isinstance(here, Mapping):
            break
        tensors = {name: value for name, value in here.items() if isinstance(name, str) and isinstance(value, Tensor)}
        holder = _holder(here)
        if len(tensors) > 1 or (tensors and holder is None):
            if path:
                averaged = ", averaged over training" if any(part in AVERAGED for part in path) else ""
                notes.append(f"The weights are those in `{'.'.join(path)}`{averaged}.")
            if others := [shorten(name, 30) for name in here if name not in tensors]:
                notes.append(f"Passed over, as no weights: {_some(others)}.")
            return tensors
        if holder is None:
            break
        path.append(shorten(holder, 30))
        here = here[holder]
    raise InputError(
        "the file holds no weights by name: it must be what `model.state_dict()` gives, alone or in a training's file"
    )


def _holder(found: Mapping[Any, Any]) -> str | None:
    """The name under which the weights lie deeper."""
    inside = {name: value for name, value in found.items() if isinstance(name, str) and isinstance(value, Mapping)}
    known = next((name for name in (*AVERAGED, *HOLDERS) if name in inside and _deep_count(inside[name])), None)
    if known is not None:
        return known
    counts = {name: _deep_count(value) for name, value in inside.items() if "optim" not in name.casefold()}
    best = max(counts, key=counts.__getitem__, default=None)
    return best if best is not None and counts[best] else None


def _deep_count(found: object, depth: int = 0) -> int:
    """How many tensors a mapping holds."""
    if isinstance(found, Tensor):
        return 1
    if not isinstance(found, Mapping) or depth > _DEEPEST:
        return 0
    return sum(_deep_count(value, depth + 1) for value in found.values())


def _without_wrapper(tensors: dict[str, Tensor], notes: list[str]) -> dict[str, Tensor] | None:
    """The tensors under a wrapper's prefix, without it; None where no wrapper named them."""
    groups = {prefix: [name for name in tensors if name.startswith(prefix)] for prefix in WRAPPERS}
    for prefix in sorted(WRAPPERS, key=lambda prefix: not prefix.startswith(("ema", "model_ema"))):
        group = groups[prefix]
        if len(group) < max(1, _SHARE * len(tensors)) or (prefix == "1." and len(group) < 0.9 * len(tensors)):
            continue
        notes.append(f"`{prefix}` was taken off the names.")
        if left := [shorten(name, 40) for name in tensors if not name.startswith(prefix)]:
            notes.append(f"Passed over, as they lie outside of `{prefix}`: {_some(left)}.")
        return {name.removeprefix(prefix): tensors[name] for name in group}
    return None


def _renewed(tensors: dict[str, Tensor], notes: list[str]) -> dict[str, Tensor]:
    """The tensors by the names that their network's layers have today."""
    renewed = {_OLD_DENSE.sub(r"\1", name): value for name, value in tensors.items()}
    if renewed.keys() != tensors.keys():
        notes.append("Layers of DenseNet have their old names, and got those of today.")
    return renewed


def _some(names: list[str]) -> str:
    """The first of some names, and how many more there are."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")
