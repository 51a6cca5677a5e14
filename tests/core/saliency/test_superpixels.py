"""Superpixels: pieces that follow colour, or a grid."""

import pytest
import torch

from core.saliency.superpixels import superpixels
from tests.helpers.attribution import generator


def test_superpixels_follow_colour_and_cover_everything():
    image = torch.zeros(1, 3, 32, 32)
    image[:, 0, :, :11] = 1.0
    image[:, 1, :, 11:] = 1.0
    pieces = superpixels(image)
    left, right = set(pieces[0, :, :11].flatten().tolist()), set(pieces[0, :, 11:].flatten().tolist())
    assert not left & right and left | right == set(range(int(pieces.max()) + 1))
    assert 12 <= int(pieces.max()) + 1 <= 36


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28)])
def test_an_image_without_colours_that_hang_together_falls_into_a_grid(shape):
    assert int(superpixels(torch.rand(1, *shape, generator=generator())).max()) + 1 >= 6
    assert int(superpixels(torch.full((1, *shape), 0.3)).max()) + 1 >= 6
