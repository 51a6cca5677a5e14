"""Insertion and deletion: the class's probability as the places that a map ranks highest come or go."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn

from core.errors import ConfigError, InputError

CHUNK = 512  # images a pass
GREY = 0.5
BLUR = 4.0
"""Deviation of the blur that insertion starts from, in pixels: of a 32x32 image little but its colours is left."""


@dataclass(frozen=True, slots=True)
class Curves:
    """Insertion and deletion of a batch.

    Attributes:
        shares: of the pixels that came or went, (S + 1,), from 0 to 1.
        insertion: probability of the class (B, S + 1) as pixels come back into the blurred image, the highest first.
        deletion: probability of the class (B, S + 1) as pixels turn grey, the highest first.
    """

    shares: NDArray[np.float64]
    insertion: NDArray[np.float64]
    deletion: NDArray[np.float64]

    @property
    def insertion_area(self) -> NDArray[np.float64]:
        """The area (B,) below the insertion curve, in [0, 1]; higher is better."""
        return np.asarray(np.trapezoid(self.insertion, self.shares, axis=1))

    @property
    def deletion_area(self) -> NDArray[np.float64]:
        """The area (B,) below the deletion curve, in [0, 1]; lower is better."""
        return np.asarray(np.trapezoid(self.deletion, self.shares, axis=1))


def insertion_deletion(model: nn.Module, x: Tensor, heatmaps: Tensor, classes: Tensor, steps: int = 16) -> Curves:
    """Both curves (Petsiuk et al. 2018, arXiv:1806.07421, Sec. 3.2).

    As there, deletion covers with one colour (here mid-grey) and insertion starts from a blurred image. Pixels of one
    height go in reading order.

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
    if steps < 1:
        raise ConfigError(f"steps must be at least 1; got {steps}")
    if heatmaps.shape != (len(x), *x.shape[2:]):
        raise InputError(f"need one map of {tuple(x.shape[2:])} places an image; got {tuple(heatmaps.shape)}")
    x = x.detach()
    places = heatmaps[0].numel()
    rank = heatmaps.detach().flatten(1).argsort(dim=1, descending=True, stable=True).argsort(1).view(heatmaps.shape)
    counts = torch.linspace(0, places, steps + 1).round().long()
    blurred = torch.from_numpy(gaussian_filter(x.cpu().numpy(), (0, 0, BLUR, BLUR))).to(x)
    among = (rank[:, None] < counts.to(x.device).view(1, -1, 1, 1))[:, :, None]
    goals = {"insertion": (x, blurred), "deletion": (torch.full_like(x, GREY), x)}
    found = {
        name: _follow(model, torch.where(among, here[:, None], away[:, None]), classes)
        for name, (here, away) in goals.items()
    }
    return Curves((counts / places).double().numpy(), found["insertion"], found["deletion"])


def _follow(model: nn.Module, images: Tensor, classes: Tensor) -> NDArray[np.float64]:
    """The probability (B, S) of each row's class on images (B, S, C, H, W)."""
    asked = classes.repeat_interleave(images.shape[1])
    with torch.no_grad():
        logits = torch.cat([model(part) for part in images.flatten(0, 1).split(CHUNK)])
    probs = logits.double().softmax(1).gather(1, asked[:, None])
    return probs.view(images.shape[:2]).cpu().numpy()
