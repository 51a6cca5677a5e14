"""timm's pretrained classifiers of 1,000 classes, as its configurations of published weights say."""

import re
from collections.abc import Iterator
from typing import Any

from core.models.published.entry import PublishedNetwork
from core.models.published.torchvision_weights import preprocess_line

HUB = "https://huggingface.co"
USUAL_FILE = "model.safetensors"
_CLASSES = 1000
_DIGITS = re.compile(r"-([0-9a-f]{8})\.pth$")


def timm_networks() -> list[PublishedNetwork]:
    """Every classifier of timm with published weights for 1,000 classes that are plain tensors by name; imports timm.

    From `timm.get_pretrained_cfg` of timm 1.0.31: address, licence, preprocessing. It holds no accuracy, and no
    checksum but for eight digits in the names of older files; the file on the Hub is preferred as timm does, for its
    tensors have timm's names. Weights that need a converter of timm's own (`custom_load`) are left out.
    """
    from core.torchvision_compat import torchvision  # noqa: F401, PLC0415 - timm imports it, which needs this first

    # isort: split
    import timm  # noqa: PLC0415, TID251 - takes seconds

    configured: Iterator[tuple[str, Any]] = ((name, timm.get_pretrained_cfg(name)) for name in timm.list_pretrained())
    return [_entry(name, one) for name, one in configured if one.num_classes == _CLASSES and not _converted(one)]


def _converted(found: Any) -> bool:
    """Whether timm reads the weights by code of its own alone."""
    return found.custom_load == "hf" or not (found.hf_hub_id or (found.url and not found.custom_load))


def _entry(name: str, found: Any) -> PublishedNetwork:
    digits = None if found.hf_hub_id else _DIGITS.search(found.url)
    hub = f"{HUB}/{found.hf_hub_id}/resolve/main/{found.hf_hub_filename or USUAL_FILE}"
    papers = f", {found.paper_ids}" if found.paper_ids else ""
    return PublishedNetwork(
        name=f"timm/{name}",
        network=f"timm/{name.partition('.')[0]}",
        address=hub if found.hf_hub_id else found.url,
        source=f"timm, {found.origin_url or 'github.com/huggingface/pytorch-image-models'}{papers}",
        licence=found.license or "not stated",
        preprocess=preprocess_line(found.mean, found.std, found.input_size[-1]),
        sha256=digits.group(1) if digits else "",
        note=f"Published with pictures of {found.input_size[-1]} pixels ({found.interpolation}), "
        f"cropped to {found.crop_pct:.1%} of their side.".replace("%", " %"),
    )
