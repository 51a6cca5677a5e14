"""Every classifier of torchvision, by its name there."""

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from torch import nn

from core.models.architectures.library import LibraryConfig, check_name
from core.models.preprocessing import Preprocessing

_DRAWN = ("googlenet", "inception_v3")  # the first weights would be drawn for a long time, and with a warning
_REMAPPED = ("googlenet", "inception_v3")
"""Networks that torchvision builds otherwise for published weights: inside, they undo ImageNet's mean and deviation and
take 0.5 instead (`transform_input`). Here all that is done to pictures is in the preprocessing."""


class Torchvision:
    """torchvision; imported when it is first asked, which takes seconds."""

    title = "torchvision"
    sentence = "Any classifier of the library torchvision, by its name there."
    source = "TorchVision maintainers 2016, github.com/pytorch/vision, version 0.28.0"
    licence = "BSD-3-Clause"

    @cache  # noqa: B019 - there is one of it
    def names(self) -> list[str]:
        """The names of its classifiers."""
        models = _models()
        return list(models.list_models(module=models))

    def make(self, name: str, classes: int, channels: int, side: int) -> nn.Module:
        """See `Library`; transformers are built for `side`."""
        settings: dict[str, Any] = {"weights": None, "num_classes": classes}
        if name in _DRAWN:
            settings["init_weights"] = False
        if side and name.startswith("vit_"):
            settings["image_size"] = side
        if side and name.startswith("maxvit"):
            settings["input_size"] = (side, side)
        network: nn.Module = _models().get_model(name, **settings)
        return network if channels == 3 else _with_channels(network, channels)

    def usual_preprocessing(self, name: str) -> Preprocessing:
        """See `Library`.

        Raises:
            ConfigError: torchvision has no such network.
        """
        check_name(name, self)
        published = _models().get_model_weights(name).DEFAULT.transforms()
        mean, std = published_scale(name, published)
        return Preprocessing(mean, std, published.crop_size[0])


def published_scale(name: str, transforms: Any) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation of each channel that published weights of a network were trained with.

    Args:
        name: the network's.
        transforms: what torchvision says is done to pictures first.
    """
    if name in _REMAPPED:
        return (0.5,) * 3, (0.5,) * 3
    return tuple(transforms.mean), tuple(transforms.std)


def _models() -> Any:
    from core.torchvision_compat import torchvision

    return torchvision.models


def _with_channels(network: nn.Module, channels: int) -> nn.Module:
    """The network with another first convolution, since torchvision's are all for colour."""
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            first = nn.Conv2d(
                channels, module.out_channels, module.kernel_size, module.stride, module.padding,  # type: ignore[arg-type]
                bias=module.bias is not None,
            )  # fmt: skip
            network.set_submodule(name, first)
            break
    return network


TORCHVISION_LIBRARY = Torchvision()


@dataclass(frozen=True, slots=True)
class TorchvisionConfig(LibraryConfig):
    """A network of torchvision; see `LibraryConfig`."""

    library = TORCHVISION_LIBRARY
    architecture: Literal["torchvision"] = "torchvision"
