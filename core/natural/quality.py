"""What stands in the way, and what a lens, a sensor and a file do: occlusion, fog, blur, noise, JPEG."""

import io
import math
from functools import partial

import numpy as np
import torch
from kornia.filters import gaussian_blur2d
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from core.natural.change import Change

SEED = 0
"""Of the noise and the fog, which are the same for every picture of one shape."""
GREY = 0.5
"""What an occlusion is filled with."""
LAYERS = 5


def _occluded(x: Tensor, percent: Tensor) -> Tensor:
    """A grey square in the middle; its edges cover pixels in part, so that it grows without jumps."""
    height, width = x.shape[-2:]
    half = percent[:, None] / 100 * min(height, width) / 2

    def covered(size: int) -> Tensor:
        away = (torch.arange(size, dtype=x.dtype, device=x.device) - (size - 1) / 2).abs()
        return (torch.minimum(half, away + 0.5) - torch.maximum(-half, away - 0.5)).clamp(0.0, 1.0)

    cover = (covered(height)[:, :, None] * covered(width)[:, None, :])[:, None]
    return x * (1 - cover) + GREY * cover


def _fogged(x: Tensor, density: Tensor) -> Tensor:
    """White mixed in by a cloud that is thickest where its value is 1."""
    veil = density[:, None, None, None] * (0.6 + 0.4 * _cloud(x))
    return x * (1 - veil) + veil


def _cloud(x: Tensor) -> Tensor:
    """Random fields of finer and finer grain, half as strong each, over (1, 1, H, W) in [0, 1]."""
    generator = torch.Generator().manual_seed(SEED)
    cloud = torch.zeros(1, 1, *x.shape[-2:])
    for layer in range(LAYERS):
        grain = torch.rand(1, 1, 2 ** (layer + 1) + 1, 2 ** (layer + 1) + 1, generator=generator)
        cloud += interpolate(grain, x.shape[-2:], mode="bilinear", align_corners=True) / 2**layer
    low, high = cloud.amin(), cloud.amax()
    return ((cloud - low) / (high - low)).to(x)


def _blurred(x: Tensor, percent: Tensor) -> Tensor:
    """A Gaussian whose deviation is a share of the shorter side; the border is a reflection."""
    shorter = min(x.shape[-2:])
    deviation = (percent / 100 * shorter).clamp(min=1e-3)
    reach = min(math.ceil(4 * float(deviation.detach().max())), shorter - 1)
    size = 2 * reach + 1
    return gaussian_blur2d(x, (size, size), deviation[:, None].expand(-1, 2)).clamp(0.0, 1.0)


def _noisy(x: Tensor, deviation: Tensor) -> Tensor:
    noise = torch.randn(1, *x.shape[1:], generator=torch.Generator().manual_seed(SEED)).to(x)
    return (x + deviation[:, None, None, None] * noise).clamp(0.0, 1.0)


def _compressed(x: Tensor, quality: Tensor) -> Tensor:
    """Written as a JPEG file by Pillow and read again, each image at its quality."""
    levels = (x.detach().clamp(0.0, 1.0) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    read = [_through_jpeg(image, round(q)) for image, q in zip(levels, quality.tolist(), strict=True)]
    return torch.from_numpy(np.stack(read)).permute(0, 3, 1, 2).to(x) / 255


def _through_jpeg(levels: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    file = io.BytesIO()
    Image.fromarray(levels[..., 0] if levels.shape[2] == 1 else levels).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file, formats=("JPEG",))).reshape(levels.shape)


_change = partial(Change, group="quality")

OCCLUSION = _change(
    "occlusion", "Occlusion", 0, 90, 0, " %",
    "A grey square in the middle; its side as a share of the picture's shorter side.", _occluded,
)  # fmt: skip
FOG = _change("fog", "Fog", 0, 1, 0, "", "The share of white mixed in where the fog is thickest.", _fogged, step=0.02)
BLUR = _change(
    "blur", "Blur", 0, 6, 0, " %",
    "Deviation of a Gaussian, as a share of the picture's shorter side.", _blurred, step=0.1,
)  # fmt: skip
NOISE = _change(
    "noise", "Noise", 0, 0.4, 0, "", "Deviation of Gaussian noise on every value; black to white is 1.",
    _noisy, step=0.01,
)  # fmt: skip
JPEG = _change(
    "jpeg", "JPEG quality", 1, 100, 100, "",
    "Of a JPEG file, in whole numbers; 100 stands for no file at all.", _compressed, differentiable=False,
    whole=True,
)  # fmt: skip
