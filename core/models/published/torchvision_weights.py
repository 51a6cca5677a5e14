"""torchvision's own classifiers: address, checksum, accuracy and preprocessing as its enumeration of weights says."""

import re
from importlib.metadata import version
from typing import Any

from core.models.architectures.torchvision_networks import published_scale
from core.models.published.entry import Accuracy, PublishedNetwork

MEBIBYTE = 1 << 20
_DIGITS = re.compile(r"-([0-9a-f]{8,64})\.pth$")
_STATED = f"torchvision {version('torchvision')}, on ImageNet's validation set"
_CODE = "BSD-3-Clause (torchvision's code; none stated for the weights)"


def torchvision_networks() -> list[PublishedNetwork]:
    """Every classifier of torchvision with each of its weights for ImageNet's 1,000 classes; imports torchvision.

    VGG-16 has weights without a last layer besides, which are none of a classifier and left out.

    Accuracy: `acc@1` and `acc@5` on ImageNet's validation set, as torchvision states them in each weight's
    `meta`. The file's name holds the first 8 digits of its SHA-256.
    """
    from core.torchvision_compat import torchvision  # noqa: PLC0415 - takes seconds

    models = torchvision.models
    names = models.list_models(module=models)
    every = ((name, weights) for name in names for weights in models.get_model_weights(name))
    return [_entry(name, weights) for name, weights in every if weights.meta["categories"]]


def _entry(name: str, weights: Any) -> PublishedNetwork:
    meta, transforms = weights.meta, weights.transforms()
    digits = _DIGITS.search(weights.url)
    (figures,) = meta["_metrics"].values()
    crop, resize, way = transforms.crop_size[0], transforms.resize_size[0], transforms.interpolation.value
    return PublishedNetwork(
        name=f"torchvision/{name}.{weights.name.lower()}",
        network=f"torchvision/{name}",
        address=weights.url,
        source=f"torchvision, {weights}",
        licence=f"see {meta['license']}" if "license" in meta else _CODE,
        preprocess=preprocess_line(*published_scale(name, transforms), crop),
        sha256=digits.group(1) if digits else "",
        accuracy=Accuracy(figures["acc@1"] / 100, figures["acc@5"] / 100, source=_STATED),
        size=round(meta["_file_size"] * MEBIBYTE),
        parameters=meta["num_params"],
        note=f"Published figures are on pictures made {resize} pixels wide ({way}) and cropped to {crop}.",
    )


def preprocess_line(mean: tuple[float, ...], std: tuple[float, ...], side: int) -> str:
    """A preprocessing as `core.models.foreign.presets.preprocessing_of` reads it."""
    means, deviations = (":".join(map(str, values)) for values in (mean, std))
    return f"mean={means},std={deviations},side={side}"
