"""The two halves of a generator: a decoder from codes to images and an encoder back, both told the class."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, leaky_relu

from core.errors import ConfigError
from core.latent.prior import FlowPrior, flow_parameters

SLOPE = 0.2  # of the leaky ReLU below zero
MAX_LATENT = 1024
MAX_WIDTH = 512
MAX_DEPTH = 8
MAX_FLOW = 2048
MAX_PARAMETERS = 50_000_000


@dataclass(frozen=True, slots=True)
class AutoencoderConfig:
    """What a generator is made of.

    Attributes:
        classes: K, at least 1.
        shape: (C, H, W) of an image; H and W are multiples of 4.
        latent: n, the length of a code.
        widths: channels at a quarter, at half and at the whole of the image's resolution.
        depth: blocks at a quarter and at half of it, each, in 1..8.
        flow: units of the flow from N(0, I) to the encoder's codes, at most 2,048; 0: they are like N(0, I) themselves.

    Raises:
        ConfigError: a value out of range, or more than 50 million parameters. Nothing of the networks is built to find
            that out.
    """

    classes: int = 10
    shape: tuple[int, int, int] = (1, 28, 28)
    latent: int = 64
    widths: tuple[int, int, int] = (96, 48, 8)
    depth: int = 1
    flow: int = 0

    def __post_init__(self) -> None:
        if self.classes < 1 or not 1 <= self.latent <= MAX_LATENT:
            raise ConfigError(f"need classes >= 1 and latent in 1..{MAX_LATENT}; got {self}")
        sides = self.shape[1:]
        if len(self.shape) != 3 or self.shape[0] not in (1, 3) or any(not 4 <= s <= 256 or s % 4 for s in sides):
            raise ConfigError(f"shape must be (1 or 3, H, W), H and W multiples of 4 in 4..256; got {self.shape}")
        if len(self.widths) != 3 or not all(1 <= width <= MAX_WIDTH for width in self.widths):
            raise ConfigError(f"widths must be three numbers in 1..{MAX_WIDTH}; got {self.widths}")
        if not 1 <= self.depth <= MAX_DEPTH:
            raise ConfigError(f"depth must lie in 1..{MAX_DEPTH}; got {self.depth}")
        if not 0 <= self.flow <= MAX_FLOW:
            raise ConfigError(f"flow must lie in 0..{MAX_FLOW}; got {self.flow}")
        if self.parameters > MAX_PARAMETERS:
            raise ConfigError(
                f"the generator would have {self.parameters:,} parameters; at most {MAX_PARAMETERS:,} are allowed"
            )

    @property
    def parameters(self) -> int:
        """The number of trained values of decoder and encoder, by arithmetic."""
        coarse, middle, fine = self.widths
        channels, height, width = self.shape
        places = coarse * (height // 4) * (width // 4)
        blocks = self.depth * sum(18 * each * each + (4 * self.classes + 2) * each for each in (coarse, middle))
        decoder = (self.latent + self.classes) * places + blocks
        decoder += 4 * middle * (coarse + 1) + 4 * fine * (9 * middle + 1) + channels * (9 * fine + 1)
        encoder = middle * (36 * channels + 1) + blocks + coarse * (4 * middle + 1) + 2 * self.latent * (places + 1)
        flow = flow_parameters(self.latent, self.classes, self.flow) if self.flow else 0
        return decoder + encoder + flow


def spread(h: Tensor) -> Tensor:
    """Features (N, 4 M, H, W) laid out as (N, M, 2 H, 2 W): each pixel's channels become four pixels.

    Pixel shuffling (Shi et al. 2016, arXiv:1609.05158) with the channels of a new pixel side by side, which is the
    quicker order where channels lie last in memory.
    """
    batch, channels, height, width = h.shape
    tiles = h.permute(0, 2, 3, 1).reshape(batch, height, width, 2, 2, channels // 4)
    return tiles.transpose(2, 3).reshape(batch, 2 * height, 2 * width, channels // 4).permute(0, 3, 1, 2)


def gather(h: Tensor) -> Tensor:
    """Features (N, M, 2 H, 2 W) laid out as (N, 4 M, H, W): the inverse of `spread`."""
    batch, channels, height, width = h.shape
    tiles = h.permute(0, 2, 3, 1).reshape(batch, height // 2, 2, width // 2, 2, channels)
    return tiles.transpose(2, 3).reshape(batch, height // 2, width // 2, 4 * channels).permute(0, 3, 1, 2)


class ConditionalNorm(nn.Module):
    """Each pixel's channels normalised, then scaled and shifted as its class wants; the same in training and after.

    Layer normalisation over channels (Ba et al. 2016, arXiv:1607.06450) with the scale and shift of a class (Dumoulin
    et al. 2017, arXiv:1610.07629): no statistic of a batch, so that an image does not depend on its neighbours.
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.scale = nn.Embedding(classes, channels)
        self.shift = nn.Embedding(classes, channels)
        nn.init.ones_(self.scale.weight)
        nn.init.zeros_(self.shift.weight)

    def forward(self, h: Tensor, labels: Tensor) -> Tensor:
        """Normalised features, the shape of `h` (N, channels, H, W), for `labels` (N,)."""
        if labels.stride(0) == 0:  # one class expanded: a single pass
            scale, shift = (each(labels[:1])[0].to(h.dtype) for each in (self.scale, self.shift))
            return layer_norm(h.permute(0, 2, 3, 1), h.shape[1:2], scale, shift).permute(0, 3, 1, 2)
        normal = layer_norm(h.permute(0, 2, 3, 1), h.shape[1:2]).permute(0, 3, 1, 2)
        scale, shift = self.scale(labels).to(h.dtype), self.shift(labels).to(h.dtype)
        return torch.addcmul(shift[:, :, None, None], normal, scale[:, :, None, None])


class Block(nn.Module):
    """norm, leaky ReLU, convolution, twice, added to the input: what the norms drop, such as a code's length, stays."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.norm1 = ConditionalNorm(channels, classes)
        self.conv1 = nn.Conv2d(channels, channels, 3, 1, 1)
        self.norm2 = ConditionalNorm(channels, classes)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1)

    def forward(self, h: Tensor, labels: Tensor) -> Tensor:
        """Features of the shape of `h` (N, channels, H, W)."""
        change = self.conv1(leaky_relu(self.norm1(h, labels), SLOPE))
        out: Tensor = h + self.conv2(leaky_relu(self.norm2(change, labels), SLOPE))
        return out


class Blocks(nn.ModuleList):
    """The blocks that follow the first of a resolution; they are none where the depth is 1."""

    def __init__(self, channels: int, config: AutoencoderConfig) -> None:
        super().__init__(Block(channels, config.classes) for _ in range(config.depth - 1))

    def forward(self, h: Tensor, labels: Tensor) -> Tensor:
        """Features of the shape of `h` (N, channels, H, W)."""
        for block in self:
            h = block(h, labels)
        return h


class DecoderNetwork(nn.Module):
    """Codes (N, n) and labels (N,) to images (N, C, H, W) in [0, 1]."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        coarse, middle, fine = config.widths
        channels, height, width = config.shape
        self.start_shape = (coarse, height // 4, width // 4)
        places = coarse * (height // 4) * (width // 4)
        self.start = nn.Linear(config.latent, places, bias=False)
        self.start_of = nn.Embedding(config.classes, places)
        self.block1 = Block(coarse, config.classes)
        self.more1 = Blocks(coarse, config)
        self.up1 = nn.Conv2d(coarse, 4 * middle, 1)
        self.block2 = Block(middle, config.classes)
        self.more2 = Blocks(middle, config)
        self.up2 = nn.Conv2d(middle, 4 * fine, 3, 1, 1)
        self.last = nn.Conv2d(fine, channels, 3, 1, 1)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        """Images (N, C, H, W) in [0, 1]."""
        h = (self.start(z) + self.start_of(labels)).unflatten(1, self.start_shape)
        h = self.more1(self.block1(h.contiguous(memory_format=torch.channels_last), labels), labels)
        h = self.more2(self.block2(spread(self.up1(h)), labels), labels)
        h = spread(self.up2(leaky_relu(h, SLOPE)))
        return torch.sigmoid(self.last(leaky_relu(h, SLOPE)).float())


class EncoderNetwork(nn.Module):
    """Images (N, C, H, W) in [0, 1] and labels (N,) to the mean and the log variance of their codes, each (N, n)."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        coarse, middle, _ = config.widths
        channels, height, width = config.shape
        self.first = nn.Conv2d(4 * channels, middle, 3, 1, 1)
        self.block1 = Block(middle, config.classes)
        self.more1 = Blocks(middle, config)
        self.down = nn.Conv2d(4 * middle, coarse, 1)
        self.block2 = Block(coarse, config.classes)
        self.more2 = Blocks(coarse, config)
        self.last = nn.Linear(coarse * (height // 4) * (width // 4), 2 * config.latent)

    def forward(self, x: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance, each (N, n), float32."""
        h = self.more1(self.block1(self.first(gather(2.0 * x - 1.0)), labels), labels)
        h = self.more2(self.block2(self.down(gather(leaky_relu(h, SLOPE))), labels), labels)
        mean, log_variance = self.last(leaky_relu(h, SLOPE).flatten(1)).float().chunk(2, dim=1)
        return mean, log_variance.clamp(-10.0, 4.0)


class AutoencoderNetwork(nn.Module):
    """An encoder and a decoder of one configuration, and the flow between N(0, I) and the encoder's codes, if any."""

    def __init__(self, config: AutoencoderConfig, generator: torch.Generator | None = None) -> None:
        """Networks with fresh weights, drawn from `generator` where one is given."""
        super().__init__()
        self.config = config
        self.decoder = DecoderNetwork(config)
        self.encoder = EncoderNetwork(config)
        self.prior = FlowPrior(config.latent, config.classes, config.flow) if config.flow else None
        if generator is not None:
            self._initialise(generator)

    def _initialise(self, generator: torch.Generator) -> None:
        for name, module in [*self.decoder.named_modules(), *self.encoder.named_modules()]:
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, SLOPE, generator=generator)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            if name.endswith("conv2"):  # a block begins as nearly the identity
                with torch.no_grad():
                    module.weight.mul_(0.1)
        for last in (self.decoder.last, self.encoder.last):
            with torch.no_grad():
                last.weight.mul_(0.1)
        nn.init.normal_(self.decoder.start_of.weight, std=0.5, generator=generator)
