"""Insertion and deletion: the class's probability as the places that a map ranks highest come or go."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn

from core.errors import ConfigError, InputError
from core.models.asking import at_once

CHUNK = 512  # images a pass
GREY = 0.5
BLUR = 4.0
"""Deviation of the blur that insertion starts from, in pixels: of a 32x32 image little but its colours is left."""


@dataclass(frozen=True, slots=True)
class Curve:
    """The probability of a class as pixels come or go.

    Attributes:
        shares: of the pixels that came or went, (S + 1,), from 0 to 1.
        probs: of the class, (B, S + 1).
    """

    shares: NDArray[np.float64]
    probs: NDArray[np.float64]

    @property
    def area(self) -> NDArray[np.float64]:
        """The area (B,) below the curve, in [0, 1]."""
        return np.asarray(np.trapezoid(self.probs, self.shares, axis=1))


def insertion(model: nn.Module, x: Tensor, heatmaps: Tensor, classes: Tensor, steps: int = 16) -> Curve:
    """The curve as pixels come back into the blurred image, the highest first; a larger area is better.

    Petsiuk et al. 2018, arXiv:1806.07421, Sec. 3.2. Pixels of one height go in reading order.

    Args:
        model: images (B, C, H, W) to logits (B, K), in eval mode.
        x: images (B, C, H, W), float in [0, 1].
        heatmaps: (B, H, W); higher is more.
        classes: whose probability is followed, (B,), int64.
        steps: parts of the pixels that come or go together.

    Raises:
        ConfigError: steps < 1.
        InputError: maps of another shape.
    """
    blurred = torch.from_numpy(gaussian_filter(x.detach().cpu().numpy(), (0, 0, BLUR, BLUR))).to(x)
    return _curve(model, blurred, x.detach(), heatmaps, classes, steps)


def deletion(model: nn.Module, x: Tensor, heatmaps: Tensor, classes: Tensor, steps: int = 16) -> Curve:
    """The curve as pixels turn mid-grey, the highest first; a smaller area is better.

    Source, arguments and errors as for `insertion`.
    """
    return _curve(model, x.detach(), torch.full_like(x, GREY), heatmaps, classes, steps)


def _curve(model: nn.Module, before: Tensor, after: Tensor, heatmaps: Tensor, classes: Tensor, steps: int) -> Curve:
    """The curve on the way from the images `before` to `after` (B, C, H, W), pixel by pixel."""
    if steps < 1:
        raise ConfigError(f"steps must be at least 1; got {steps}")
    if heatmaps.shape != (len(before), *before.shape[2:]):
        raise InputError(f"need one map of {tuple(before.shape[2:])} places an image; got {tuple(heatmaps.shape)}")
    places = heatmaps[0].numel()
    rank = heatmaps.detach().flatten(1).argsort(dim=1, descending=True, stable=True).argsort(1).view(heatmaps.shape)
    counts = torch.linspace(0, places, steps + 1).round().long()
    among = (rank[:, None] < counts.to(before.device).view(1, -1, 1, 1))[:, :, None]
    images = torch.where(among, after[:, None], before[:, None])
    return Curve((counts / places).double().cpu().numpy(), _follow(model, images, classes))


def _follow(model: nn.Module, images: Tensor, classes: Tensor) -> NDArray[np.float64]:
    """The probability (B, S) of each row's class on images (B, S, C, H, W)."""
    asked = classes.repeat_interleave(images.shape[1])
    with torch.no_grad():
        logits = torch.cat([model(part) for part in images.flatten(0, 1).split(at_once(images[0], CHUNK))])
    probs = logits.cpu().double().softmax(1).gather(1, asked[:, None].cpu())
    return probs.view(images.shape[:2]).cpu().numpy()
