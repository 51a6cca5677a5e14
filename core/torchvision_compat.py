"""torchvision, importable beside a CPU-only torch; the one place that imports it first.

The torchvision wheel on PyPI is built for CUDA. Beside a CPU build of torch its extension library does not load, and
`import torchvision` then fails because it registers fake kernels for `torchvision::nms`, an operator that only the
extension defines. Declaring the operators' schemas before the import is enough: nothing in this project calls a
compiled torchvision operator. Where the extension does load (the ordinary wheels), the schemas are already there and
nothing is done.

The import makes torch's folder for compiled code among the temporary files. Nothing here is compiled, so where the
system has no place for those it is given a folder that exists.
"""

import importlib.util
import os
import tempfile
from pathlib import Path

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

import torchvision  # noqa: E402 - only importable after the schemas exist

__all__ = ["torchvision"]
