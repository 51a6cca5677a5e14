"""Superpixels: the pieces that an image falls into by colour and place."""

import numpy as np
import torch
from skimage.segmentation import slic
from torch import Tensor

PIECES = 24
"""How many pieces are asked for; there may be some more or fewer."""
FEWEST = 6
GRID = 5
"""Rows and columns of the regular grid."""
COMPACTNESS = {1: 0.1, 3: 10.0}
"""By channels: how much place counts against colour (grey levels lie in [0, 1], Lab colours in [0, 100])."""


def superpixels(x: Tensor) -> Tensor:
    """For each pixel the number of its piece (B, H, W), int64 from 0 up, by SLIC with fixed settings.

    Achanta et al. 2012 (IEEE TPAMI 34:2274), through scikit-image: `PIECES` clusters of colour and place, ten rounds,
    pieces connected. No randomness. A plain image falls into a regular grid, and so does one whose colours are so mixed
    that SLIC joins almost all of it (fewer than `FEWEST` pieces).

    Args:
        x: images (B, C, H, W), float in [0, 1], C 1 or 3.
    """
    return torch.stack([_pieces(image) for image in x.detach().cpu()]).to(x.device)


def _pieces(image: Tensor) -> Tensor:
    channels = image.shape[0]
    pixels = image.permute(1, 2, 0).double().cpu().numpy()
    found = slic(
        pixels if channels == 3 else pixels[..., 0],
        n_segments=PIECES,
        compactness=COMPACTNESS[channels],
        start_label=0,
        channel_axis=-1 if channels == 3 else None,
    )
    if len(np.unique(found)) < FEWEST:
        rows, columns = (np.arange(side) * GRID // side for side in found.shape)
        found = rows[:, None] * GRID + columns
    return torch.from_numpy(np.unique(found, return_inverse=True)[1].reshape(found.shape)).long()
