"""torchvision, importable beside a CPU-only torch; the one place that imports it first.

The torchvision wheel on PyPI is built for CUDA. Beside a CPU build of torch its extension library does not load, and
`import torchvision` then fails because it registers fake kernels for `torchvision::nms`, an operator that only the
extension defines. Declaring the operators' schemas before the import is enough: nothing in this project calls a
compiled torchvision operator. Where the extension does load (the ordinary wheels), the schemas are already there and
nothing is done.

One of its modules asks torch's compiler what it supports, whose import takes a second of every process. Nothing here
is compiled, so another module stands in for it meanwhile; who asks that for anything else is given the compiler. Its
import makes a folder among the temporary files: where the system has no place for those it is given one that exists.
"""

import importlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch


def _extension_loads() -> bool:
    """Whether torchvision's compiled operators can be loaded into this torch."""
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return False
    for library in Path(spec.origin).parent.glob("_C.*"):
        try:
            torch.ops.load_library(library)
        except OSError:
            continue
        return True
    return False


if not _extension_loads():
    # Kept for the life of the process: dropping the object would drop the schemas again.
    _SCHEMAS = torch.library.Library("torchvision", "FRAGMENT")  # noqa: TOR901 - a fragment must outlive the import
    for _name in ("nms", "qnms"):
        _SCHEMAS.define(f"{_name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

try:
    tempfile.gettempdir()
except FileNotFoundError:
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(Path(__file__).parent))


class _Later(ModuleType):
    """Stands for a module of torch's compiler until anything is asked of it that torchvision's import does not need."""

    __path__: list[str] = []  # noqa: RUF012 - what makes it a package

    def __getattr__(self, name: str) -> Any:
        if name == "is_compile_supported":
            return lambda device: False
        if name.startswith("__"):  # of every module, which the import system looks for
            raise AttributeError(name)
        _take_away(*_COMPILER)
        return getattr(importlib.import_module(self.__name__), name)


_COMPILER = ("torch._dynamo", "torch._dynamo.utils")


def _take_away(*names: str) -> None:
    for name in names:
        if isinstance(sys.modules.get(name), _Later):
            sys.modules.pop(name, None)


@contextmanager
def _without_the_compiler() -> Iterator[None]:
    if _COMPILER[0] in sys.modules:
        yield
        return
    sys.modules.update((name, _Later(name)) for name in _COMPILER)
    try:
        yield
    finally:
        _take_away(*_COMPILER)


with _without_the_compiler():
    import torchvision

__all__ = ["torchvision"]
