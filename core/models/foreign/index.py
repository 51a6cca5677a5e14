"""Every network of the libraries by the names of its tensors, so that those that fit a file are found at once."""

import hashlib
import json
from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from pathlib import Path

from core.checksums import read_checked, write_checked
from core.errors import ConfigError
from core.models.foreign.fitting import LIBRARIES, PASSED_OVER, Fit, NetworkName, Shapes, expected_shapes, fit
from core.progress import OnProgress, silent

FILE = Path(__file__).resolve().parents[3] / "assets" / "architectures.json"
MAX_BYTES = 2_000_000
_INDEXED = ("torchvision", "timm")
_MOST_TRIED = 24
_MOST_FOUND = 6


def fitting_networks(shapes: Shapes) -> list[Fit]:
    """The networks that tensors of these shapes fit whole, those with the plainest names first."""
    found: list[Fit] = []
    alike = sorted(_index().get(signature(shapes), ()), key=lambda text: (len(text.partition("/")[2]), text))
    for text in alike[:_MOST_TRIED]:
        library, _, name = text.partition("/")
        try:
            one = fit(NetworkName(library, name), shapes)
        except ConfigError:
            continue
        if one.whole:
            found.append(one)
        if len(found) == _MOST_FOUND:
            break
    return found


def signature(names: Iterable[str]) -> str:
    """What stands for a set of tensors' names, but for those that are passed over."""
    kept = sorted(name for name in names if name.rpartition(".")[2] not in PASSED_OVER)
    return hashlib.blake2b("\n".join(kept).encode(), digest_size=8).hexdigest()


def versions() -> dict[str, str]:
    """The installed version of each library, which the index is of."""
    return {library: version(library).split("+")[0] for library in _INDEXED}


def make_index(path: Path = FILE, on_network: OnProgress = silent) -> int:
    """Write the index of the installed libraries; returns how many networks are in it. Takes minutes.

    Raises:
        InputError: it can't be written.
    """
    found: dict[str, list[str]] = {}
    names = [NetworkName(library, name) for library in _INDEXED for name in LIBRARIES[library][0].names()]
    for done, network in enumerate(names):
        on_network(done, len(names))
        try:
            found.setdefault(signature(expected_shapes(network)), []).append(str(network))
        except ConfigError:  # it needs what is not installed
            continue
    write_checked(path, json.dumps({"versions": versions(), "networks": found}, indent=0, sort_keys=True).encode())
    return sum(map(len, found.values()))


@cache
def _index() -> dict[str, list[str]]:
    found: dict[str, list[str]] = json.loads(read_checked(FILE, MAX_BYTES))["networks"]
    return found
