"""Networks of timm and torchvision with random weights: for each mechanism one that is asked in seconds."""

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

import pytest
from _pytest.mark.structures import ParameterSet

from core.models.architectures.library import LibraryConfig
from core.models.architectures.timm_networks import TimmConfig
from core.models.architectures.torchvision_networks import TorchvisionConfig
from core.models.preprocessing import PRESETS
from core.models.zoo import ZooModel
from tests.helpers.networks import brought

AT_64 = replace(PRESETS["imagenet"], side=64)
"""Pictures of 32 pixels are shown to the network at 64, so that its last map has places."""


def of_torchvision(name: str, classes: int = 10) -> LibraryConfig:
    """A network of torchvision that looks at 64 pixels."""
    return TorchvisionConfig(name, classes, AT_64)


def of_timm(name: str, classes: int = 10) -> LibraryConfig:
    """A network of timm that looks at 64 pixels."""
    return TimmConfig(name, classes, AT_64)


SMALL = {
    "mobilenet-v3": of_torchvision("mobilenet_v3_small"),
    "efficientnet": of_timm("efficientnet_b0"),
    "efficientnet-lite": of_timm("tf_efficientnet_lite0"),
    "convnext": of_timm("convnext_atto"),
    "vit": of_timm("vit_tiny_patch16_224"),
    "squeezenet": of_torchvision("squeezenet1_1"),
    "swin": TorchvisionConfig("swin_t", 10, replace(AT_64, side=56)),  # windows of 7 that fit cost half as much
}
LARGE = {
    "resnet50": of_torchvision("resnet50"),
    "convnext-tiny": of_torchvision("convnext_tiny"),
    "vit-b-16": of_torchvision("vit_b_16"),
    "swin-tiny of timm": of_timm("swin_tiny_patch4_window7_224"),
}
"""Those whose long methods would take minutes, and which have no mechanism of their own."""


def each(names: Iterable[str]) -> list[ParameterSet]:
    """Parameters of a test: all tests that ask a network are run by one process, since building it takes longer."""
    return [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in names]


def library_model(name: str) -> ZooModel:
    """One of them, which nobody may change; its logits spread by about one, as those of trained networks do."""
    return _small_model(name) if name in SMALL else _large_model(name)


@lru_cache
def _small_model(name: str) -> ZooModel:
    return _built(name)


@lru_cache(maxsize=1)  # they take hundreds of megabytes
def _large_model(name: str) -> ZooModel:
    return _built(name)


def _built(name: str) -> ZooModel:
    return brought((SMALL | LARGE)[name], as_trained=True)
