"""The project's classifier: a compact pre-activation residual network on [0, 1] images, normalising inside."""

from dataclasses import dataclass, field
from math import inf, isfinite
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from core.errors import ConfigError
from core.models.activations import Activation, activation
from core.models.pooled import PooledClassifier

MAX_WIDTH = 1024
MAX_STAGES = 8
MAX_BLOCKS = 64  # of all stages together
MAX_CHANNELS = 16  # of an image
MAX_PARAMETERS = 50_000_000


def check_normalisation(classes: int, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    """Refuse a number of classes, or means and deviations of channels, that no network can have.

    Raises:
        ConfigError: one of them is such.
    """
    if classes < 1 or len(mean) != len(std) or not 1 <= len(mean) <= MAX_CHANNELS:
        raise ConfigError(
            f"need classes >= 1 and a mean and a deviation for each of 1..{MAX_CHANNELS} channels; "
            f"got {classes} classes, {len(mean)} means and {len(std)} deviations"
        )
    if not all(map(isfinite, mean)) or not all(0 < value < inf for value in std):
        raise ConfigError(f"means must be finite, deviations above 0; got {mean} and {std}")


def check_size(parameters: int) -> None:
    """Refuse a network of more parameters than are built here.

    Raises:
        ConfigError: there are too many.
    """
    if parameters > MAX_PARAMETERS:
        raise ConfigError(f"the network would have {parameters:,} parameters; at most {MAX_PARAMETERS:,} are allowed")


class OfNormalisedImages:
    """Settings of a network that normalises each channel of its images."""

    __slots__ = ()

    mean: tuple[float, ...]

    @property
    def channels(self) -> int:
        """C of the images."""
        return len(self.mean)


@dataclass(frozen=True, slots=True)
class ResNetConfig(OfNormalisedImages):
    """What a network is made of (He et al. 2016, arXiv:1603.05027, pre-activation form).

    Attributes:
        classes: K, at least 1.
        mean: per-channel mean that the input is normalised with; its length is C.
        std: per-channel deviation, above 0.
        widths: channels of each stage, at most eight; the resolution halves between stages.
        blocks: residual blocks of each stage, at most 64 in all.
        activation: "relu" or "hhrelu".

    The default is the 0.65-million-parameter network for 32x32 colour.

    Raises:
        ConfigError: lengths that do not match, a value out of range, or more than 50 million parameters. Nothing of the
            network is built to find that out.
    """

    architecture: ClassVar[str] = "preact-resnet"  # no field: the project's cards do not name it

    classes: int = 10
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.25, 0.25, 0.25)
    widths: tuple[int, ...] = (16, 64, 128)
    blocks: tuple[int, ...] = (1, 2, 2)
    activation: Activation = "relu"

    def __post_init__(self) -> None:
        check_normalisation(self.classes, self.mean, self.std)
        if len(self.widths) != len(self.blocks) or not 1 <= len(self.widths) <= MAX_STAGES:
            raise ConfigError(
                f"need a width and a number of blocks for each of 1..{MAX_STAGES} stages; "
                f"got {len(self.widths)} widths and {len(self.blocks)} numbers of blocks"
            )
        if not all(1 <= width <= MAX_WIDTH for width in self.widths):
            raise ConfigError(f"widths must lie in 1..{MAX_WIDTH}; got {self.widths}")
        if min(self.blocks) < 1 or sum(self.blocks) > MAX_BLOCKS:
            raise ConfigError(f"blocks must be at least 1 a stage and at most {MAX_BLOCKS} in all; got {self.blocks}")
        check_size(self.parameters)

    @property
    def parameters(self) -> int:
        """The number of trainable values of the network, by arithmetic."""
        width = self.widths[0]
        count = 9 * len(self.mean) * width
        for stage, (outputs, blocks) in enumerate(zip(self.widths, self.blocks, strict=True)):
            count += 9 * width * outputs + 2 * (width - outputs)  # the first block reads the width before
            count += width * outputs if stage > 0 or width != outputs else 0  # its shortcut
            count += (2 * blocks - 1) * 9 * outputs * outputs + blocks * 4 * outputs
            width = outputs
        return count + 2 * width + (width + 1) * self.classes


@dataclass(frozen=True, slots=True)
class MirroredConfig(ResNetConfig):
    """What a `MirroredResNet` is made of: the settings of a `PreActResNet`, and its own name in cards."""

    architecture: Literal["mirrored-preact-resnet"] = field(  # type: ignore[misc]  # a field here
        default="mirrored-preact-resnet", kw_only=True
    )


class Normalise(nn.Module):
    """`(x - mean) / std` per channel, so that every model takes images in [0, 1]."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Normalised images, the shape of `x` (B, C, H, W)."""
        return (x - self.mean) / self.std


class PreActBlock(nn.Module):
    """norm, activation, conv, norm, activation, conv, plus a shortcut.

    The shortcut is the identity, or a 1x1 convolution of the activated input where shapes differ.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, act: Activation) -> None:
        super().__init__()
        self.norm1: nn.Module = nn.BatchNorm2d(inputs)
        self.act1 = activation(act)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm2: nn.Module = nn.BatchNorm2d(outputs)
        self.act2 = activation(act)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        same = inputs == outputs and stride == 1
        self.shortcut = None if same else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Features (B, outputs, H / stride, W / stride) of features (B, inputs, H, W)."""
        h = self.act1(self.norm1(x))
        skip = x if self.shortcut is None else self.shortcut(h)
        out: Tensor = self.conv2(self.act2(self.norm2(self.conv1(h)))) + skip
        return out


class PreActResNet(PooledClassifier):
    """Images (B, C, H, W) in [0, 1] to logits (B, K)."""

    def __init__(self, config: ResNetConfig, generator: torch.Generator | None = None) -> None:
        """A network with fresh weights (Kaiming normal, fan-out), drawn from `generator` where one is given."""
        super().__init__()
        self.config = config
        self.normalise = Normalise(config.mean, config.std)
        width = config.widths[0]
        self.stem = nn.Conv2d(len(config.mean), width, 3, 1, 1, bias=False)
        self.stages = nn.ModuleList()
        for stage, (outputs, count) in enumerate(zip(config.widths, config.blocks, strict=True)):
            blocks = []
            for index in range(count):
                stride = 2 if stage > 0 and index == 0 else 1
                blocks.append(PreActBlock(width, outputs, stride, config.activation))
                width = outputs
            self.stages.append(nn.Sequential(*blocks))
        self.norm: nn.Module = nn.BatchNorm2d(width)
        self.act = activation(config.activation)
        self.head = nn.Linear(width, config.classes)
        if generator is not None:
            self._initialise(generator)

    def _initialise(self, generator: torch.Generator) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu", generator=generator)
        bound = self.head.in_features**-0.5
        nn.init.uniform_(self.head.weight, -bound, bound, generator=generator)
        nn.init.zeros_(self.head.bias)

    @property
    def widths(self) -> tuple[int, ...]:
        """The channels of each stage."""
        return self.config.widths

    @property
    def last_layer(self) -> nn.Linear:
        """The layer that gives the logits."""
        return self.head

    def stage_maps(self, x: Tensor) -> list[Tensor]:
        """The map (B, width, h, w) that each stage hands on."""
        h = self.stem(self.normalise(x))
        found = []
        for stage in self.stages:
            h = stage(h)
            found.append(h)
        return found

    def last_features(self, last: Tensor) -> Tensor:
        """The features (B, width, h, w) that belong to the map of the last stage."""
        features: Tensor = self.act(self.norm(last))
        return features


class MirroredResNet(PreActResNet):
    """A `PreActResNet` that looks at an image and at its mirror image, and answers by the mean of both answers.

    Left and right are the same to it, and an attack has to mislead both views at once; it has the same weights, and
    takes twice the time. Hooks on its layers see the mirror image first, and the image as it is last.
    """

    @property
    def widths(self) -> tuple[int, ...]:
        """The channels of each stage, those of both views together."""
        return tuple(2 * width for width in self.config.widths)

    def stage_maps(self, x: Tensor) -> list[Tensor]:
        """The map (B, 2 width, h, w) that each stage hands on: of the image, then of its mirror image, turned back."""
        turned, straight = super().stage_maps(x.flip(-1)), super().stage_maps(x)
        return [torch.cat([here, there.flip(-1)], 1) for here, there in zip(straight, turned, strict=True)]

    def last_features(self, last: Tensor) -> Tensor:
        """The features (B, width, h, w) that belong to the map of the last stage: the mean over both views."""
        straight, turned = (super(MirroredResNet, self).last_features(view) for view in last.chunk(2, 1))
        return (straight + turned) / 2


def network_of(config: ResNetConfig, generator: torch.Generator | None = None) -> PreActResNet:
    """The project's network of these settings, with fresh weights, drawn from `generator` where one is given."""
    return (MirroredResNet if isinstance(config, MirroredConfig) else PreActResNet)(config, generator)
