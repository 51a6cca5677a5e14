"""Another view of the same scene: turned, nearer, moved, seen at an angle; what comes in at the border is a reflection.

All four are one projective map of the plane, sampled bilinearly by kornia (Riba et al. 2020, arXiv:1910.02190).
"""

from functools import partial

import torch
from kornia.geometry.transform import warp_perspective
from torch import Tensor

from core.natural.change import Change


def _warped(x: Tensor, rows: list[list[Tensor]]) -> Tensor:
    """The images under maps of the plane, of 3x3 entries (B,) each, in pixels from the picture's middle."""
    height, width = x.shape[-2:]
    matrix = torch.stack([torch.stack(row, -1) for row in rows], -2)
    middle = torch.eye(3, dtype=x.dtype, device=x.device)
    middle[0, 2], middle[1, 2] = (width - 1) / 2, (height - 1) / 2
    placed = middle @ matrix @ torch.linalg.inv(middle)
    return warp_perspective(x, placed, (height, width), padding_mode="reflection").clamp(0.0, 1.0)


def _rotated(x: Tensor, degrees: Tensor) -> Tensor:
    angle, none, one = degrees.deg2rad(), torch.zeros_like(degrees), torch.ones_like(degrees)
    return _warped(x, [[angle.cos(), angle.sin(), none], [-angle.sin(), angle.cos(), none], [none, none, one]])


def _scaled(x: Tensor, factor: Tensor) -> Tensor:
    none, one = torch.zeros_like(factor), torch.ones_like(factor)
    return _warped(x, [[factor, none, none], [none, factor, none], [none, none, one]])


def _shifted(x: Tensor, percent: Tensor) -> Tensor:
    none, one = torch.zeros_like(percent), torch.ones_like(percent)
    return _warped(x, [[one, none, percent / 100 * x.shape[-1]], [none, one, none], [none, none, one]])


def _raised(x: Tensor, percent: Tensor) -> Tensor:
    none, one = torch.zeros_like(percent), torch.ones_like(percent)
    return _warped(x, [[one, none, none], [none, one, -percent / 100 * x.shape[-2]], [none, none, one]])


def _from_the_side(x: Tensor, degrees: Tensor) -> Tensor:
    """A pinhole camera as far from the picture as that is wide, which turns around its upright middle line."""
    angle, none, one = degrees.deg2rad(), torch.zeros_like(degrees), torch.ones_like(degrees)
    return _warped(x, [[angle.cos(), none, none], [none, one, none], [angle.sin() / x.shape[-1], none, one]])


_change = partial(Change, group="view")

ROTATION = _change("rotation", "Rotation", -90, 90, 0, "°", "Counter-clockwise is positive.", _rotated)
SCALE = _change(
    "scale", "Scale", 0.5, 2, 1, " ×", "How large everything is; below 1 the border shows reflections.",
    _scaled, step=0.05,
)  # fmt: skip
SHIFT = _change("shift", "Shift to the right", -40, 40, 0, " %", "As a share of the picture's width.", _shifted)
RAISE = _change("raise", "Shift upwards", -40, 40, 0, " %", "As a share of the picture's height.", _raised)
PERSPECTIVE = _change(
    "perspective", "Perspective", -50, 50, 0, "°",
    "The picture turned around its upright middle line, seen from as far away as it is wide.", _from_the_side,
)  # fmt: skip
