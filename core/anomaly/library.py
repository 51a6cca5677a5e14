"""pytorch-ood, whose import takes seconds: whoever only knows its scores by name is not kept waiting for it."""

from typing import Any


def detectors() -> Any:
    """`pytorch_ood.detector`."""
    # pytorch-ood imports torchvision, which needs this first.
    from core.torchvision_compat import torchvision  # noqa: F401, PLC0415

    # isort: split
    from pytorch_ood import detector  # noqa: PLC0415

    return detector
