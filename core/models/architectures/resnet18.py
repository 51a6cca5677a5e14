"""torchvision's ResNet-18 on [0, 1] images, normalising inside."""

from copy import deepcopy
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from core.models.architectures.architecture import Architecture
from core.models.pooled import PooledClassifier
from core.models.resnet import Normalise, OfNormalisedImages, check_normalisation, check_size

Stem = Literal["small", "photograph"]
WIDTHS = (64, 128, 256, 512)


@dataclass(frozen=True, slots=True)
class ResNet18Config(OfNormalisedImages):
    """What a ResNet-18 is made of (He et al. 2015, arXiv:1512.03385, Table 1).

    Attributes:
        classes: K, at least 1.
        mean: per-channel mean that the input is normalised with; its length is C.
        std: per-channel deviation, above 0.
        stem: "photograph" is the paper's, which looks at 7x7 pixels and halves the resolution twice; "small" has a 3x3
            convolution in its place and halves nothing, as is usual for images of 32x32.
        architecture: its name in cards.

    Raises:
        ConfigError: lengths that do not match, a value out of range, or more than 50 million parameters.
    """

    classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    stem: Stem = "small"
    architecture: Literal["resnet18"] = "resnet18"

    def __post_init__(self) -> None:
        check_normalisation(self.classes, self.mean, self.std)
        check_size(self.parameters)

    @property
    def parameters(self) -> int:
        """The number of trainable values, by arithmetic."""
        width = WIDTHS[0]
        count = (9 if self.stem == "small" else 49) * self.channels * width + 2 * width
        for stage, outputs in enumerate(WIDTHS):
            count += 9 * width * outputs + 27 * outputs * outputs + 8 * outputs  # two blocks of two convolutions
            count += width * outputs + 2 * outputs if stage > 0 else 0  # the first block's shortcut
            width = outputs
        return count + (width + 1) * self.classes


class ResNet18(PooledClassifier):
    """torchvision's network with its names for parameters, behind the normalisation of the input."""

    conv1: nn.Conv2d
    bn1: nn.Module
    relu: nn.ReLU
    maxpool: nn.Module
    fc: nn.Linear

    def __init__(self, config: ResNet18Config) -> None:
        """A network with weights that mean nothing yet: they come from a file."""
        from core.torchvision_compat import torchvision

        super().__init__()
        self.normalise = Normalise(config.mean, config.std)
        built = torchvision.models.resnet18(weights=None, num_classes=config.classes)
        for name, module in built.named_children():
            self.add_module(name, module)
        kernel, stride = (3, 1) if config.stem == "small" else (7, 2)
        self.conv1 = nn.Conv2d(config.channels, WIDTHS[0], kernel, stride, kernel // 2, bias=False)
        if config.stem == "small":
            self.maxpool = nn.Identity()
        for module in self.modules():
            if isinstance(module, nn.ReLU):
                module.inplace = False  # gradients by torch.func, and methods that keep what a layer was given

    @property
    def widths(self) -> tuple[int, ...]:
        """The channels of each stage."""
        return WIDTHS

    @property
    def last_layer(self) -> nn.Linear:
        """The layer that gives the logits."""
        return self.fc

    def stage_maps(self, x: Tensor) -> list[Tensor]:
        """The map (B, width, h, w) that each stage hands on."""
        h = self.maxpool(self.relu(self.bn1(self.conv1(self.normalise(x)))))
        found = []
        for stage in self._stages():
            h = stage(h)
            found.append(h)
        return found

    def last_features(self, last: Tensor) -> Tensor:
        """The map of the last stage itself: its blocks end in an activation."""
        return last

    def _stages(self) -> list[nn.Module]:
        return [self.get_submodule(f"layer{stage}") for stage in range(1, len(WIDTHS) + 1)]


def fast_form(model: ResNet18) -> ResNet18:
    """A frozen copy in eval mode with every BatchNorm folded into the convolution before it."""
    fast = deepcopy(model).eval()
    for module in list(fast.modules()):
        for (first, conv), (second, norm) in pairwise(list(module.named_children())):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                module.add_module(first, fuse_conv_bn_eval(conv, norm))
                module.add_module(second, nn.Identity())
    frozen: ResNet18 = fast.to(memory_format=torch.channels_last).requires_grad_(False)  # type: ignore[call-overload]
    return frozen


RESNET18 = Architecture(
    "resnet18", "ResNet-18",
    "The usual residual network of 11 million parameters, with a stem for small images or for photographs.",
    "He et al. 2015, arXiv:1512.03385, as torchvision builds it", "BSD-3-Clause",
    config=ResNet18Config, build=lambda config, shape: ResNet18(config), smallest_side=32, fast_form=fast_form,
)  # fmt: skip
