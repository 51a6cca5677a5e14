"""The architectures by key, and which one a card means."""

from collections.abc import Mapping
from typing import Any

from core.errors import ConfigError
from core.models.architectures.architecture import Architecture, NetworkConfig
from core.models.architectures.factory_networks import FactoryConfig
from core.models.architectures.given_network import GIVEN
from core.models.architectures.library import of_library
from core.models.architectures.onnx_network import ONNX
from core.models.architectures.preact_resnet import MIRRORED_RESNET, PREACT_RESNET
from core.models.architectures.resnet18 import RESNET18
from core.models.architectures.timm_networks import TimmConfig
from core.models.architectures.torchvision_networks import TorchvisionConfig
from core.text import shorten

ARCHITECTURES: dict[str, Architecture] = {
    one.key: one
    for one in (
        PREACT_RESNET,
        MIRRORED_RESNET,
        RESNET18,
        of_library(TimmConfig),
        of_library(TorchvisionConfig),
        ONNX,
        of_library(FactoryConfig, "Network of a Python function"),
        GIVEN,
    )
}


def architecture_of(network: NetworkConfig) -> Architecture:
    """The architecture that settings are of."""
    return ARCHITECTURES[network.architecture]


def settings_class(network: Mapping[str, Any]) -> type[Any]:
    """The class of a card's settings `network`, by the architecture they name; where they name none, the project's own.

    Raises:
        ConfigError: it is not in the catalogue.
    """
    key = network.get("architecture", PREACT_RESNET.key)
    if not isinstance(key, str) or key not in ARCHITECTURES:
        raise ConfigError(f"architecture must be one of {', '.join(ARCHITECTURES)}; got {shorten(key, 40)}")
    return ARCHITECTURES[key].config
