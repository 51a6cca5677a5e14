"""What a network does to a picture before it looks at it: resizing, order of colours, range, normalisation.

All of it is part of the network, so that every network is asked with the same picture in [0, 1] and a radius means the
same to all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isfinite
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from core.errors import ConfigError

Order = Literal["rgb", "bgr"]
ValueRange = Literal["0..1", "0..255"]
MAX_CHANNELS = 16
MAX_SIDE = 1024


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """The settings of `Preprocess`, in the order in which they are applied.

    Attributes:
        mean: of each channel, in the range `values`; as many as the picture has channels, in the order `channel_order`.
        std: deviation of each channel, above 0.
        side: pixels that pictures are resized to each way, bilinearly; 0 leaves them as they are.
        values: the range that the network learned from.
        channel_order: the colours as the network wants them; pictures are always RGB.

    Raises:
        ConfigError: lengths that do not match, a value out of range, or BGR of another number of channels than three.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    side: int = 0
    values: ValueRange = "0..1"
    channel_order: Order = "rgb"

    def __post_init__(self) -> None:
        if len(self.mean) != len(self.std) or not 1 <= len(self.mean) <= MAX_CHANNELS:
            raise ConfigError(
                f"need a mean and a deviation for each of 1..{MAX_CHANNELS} channels; "
                f"got {len(self.mean)} means and {len(self.std)} deviations"
            )
        if not all(map(isfinite, self.mean)) or not all(0 < value < inf for value in self.std):
            raise ConfigError(f"means must be finite, deviations above 0; got {self.mean} and {self.std}")
        if not 0 <= self.side <= MAX_SIDE:
            raise ConfigError(f"side must be 0 or at most {MAX_SIDE} pixels; got {self.side}")
        if self.channel_order == "bgr" and len(self.mean) != 3:
            raise ConfigError(f"only three channels can be in the order BGR; got {len(self.mean)}")

    @property
    def channels(self) -> int:
        """C of the pictures."""
        return len(self.mean)


_THIRDS = (1.0, 1.0, 1.0)
PRESETS: Mapping[str, Preprocessing] = {
    "imagenet": Preprocessing((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "half": Preprocessing((0.5,) * 3, (0.5,) * 3),
    "tensorflow-lite": Preprocessing((127 / 255,) * 3, (128 / 255,) * 3),
    "clip": Preprocessing((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
    "none": Preprocessing((0.0,) * 3, _THIRDS),
    "caffe": Preprocessing((103.939, 116.779, 123.68), _THIRDS, values="0..255", channel_order="bgr"),
}
"""What networks from elsewhere were usually trained with, by name; `side` is the task's own."""


class Preprocess(nn.Module):
    """Pictures (B, C, H, W) in [0, 1] to what a network was trained with; differentiable in the pictures."""

    mean: Tensor
    std: Tensor

    def __init__(self, settings: Preprocessing) -> None:
        super().__init__()
        self.settings = settings
        # Not stored with the weights: the card says them.
        self.register_buffer("mean", torch.tensor(settings.mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(settings.std).view(1, -1, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """What the network is given, (B, C, side, side), or the shape of `x` where nothing is resized."""
        side = self.settings.side
        if side and x.shape[2:] != (side, side):
            x = interpolate(x, (side, side), mode="bilinear", align_corners=False, antialias=side < min(x.shape[2:]))
        if self.settings.channel_order == "bgr":
            x = x.flip(1)
        if self.settings.values == "0..255":
            x = x * 255.0
        return (x - self.mean) / self.std
