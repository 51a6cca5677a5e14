"""Norm balls on batches of images: sizes, steepest directions, projections, random points.

Every function works per example: the first dimension is the batch, the norm is taken over all others.
"""

from typing import Literal

import torch
from torch import Tensor

from core.draws import gaussian, uniform
from core.errors import choice_of

Norm = Literal["linf", "l2"]
NORMS: tuple[Norm, ...] = ("linf", "l2")

_TINY = 1e-12
_SINGLE = 4  # bytes of an entry from which on rounding is too small to be looked after


def check_norm(norm: str) -> Norm:
    """The norm, if it is one that this project knows.

    Raises:
        ConfigError: any other name.
    """
    return choice_of("norm", NORMS, norm)


def _spread(values: Tensor, like: Tensor) -> Tensor:
    """Values (B,) reshaped so that they multiply `like` (B, ...) per example."""
    return values.view(-1, *[1] * (like.dim() - 1))


def norm_of(delta: Tensor, norm: Norm) -> Tensor:
    """The norm of each example (B,) of `delta` (B, ...), in the units of `delta`."""
    flat = delta.flatten(1)
    return flat.abs().amax(1) if norm == "linf" else flat.norm(dim=1)


def rmse(delta: Tensor) -> Tensor:
    """The root mean square of each example (B,), which is `L2 / sqrt(C H W)`, in the units of `delta`."""
    return delta.flatten(1).square().mean(1).sqrt()


def scaled(delta: Tensor) -> Tensor:
    """Each example of `delta` (B, ...) over its largest entry, so that no square underflows; zero where it is zero."""
    return delta / _spread(norm_of(delta, "linf").clamp_min(torch.finfo(delta.dtype).tiny), delta)


def steepest_ascent_direction(grad: Tensor, norm: Norm) -> Tensor:
    """The direction of unit norm along which `grad` (B, ...) rises fastest; zero where the gradient is zero.

    For L-infinity that is the sign, for L2 the gradient over its length (per example), however small that is.
    """
    if norm == "linf":
        return grad.sign()
    grad = scaled(grad)
    return grad / _spread(norm_of(grad, "l2").clamp_min(torch.finfo(grad.dtype).tiny), grad)


def project(delta: Tensor, epsilon: float | Tensor, norm: Norm) -> Tensor:
    """The nearest point (in L2) to `delta` (B, ...) inside the ball of radius `epsilon` around zero.

    Args:
        delta: offsets (B, ...).
        epsilon: one radius, or one per example (B,), in the units of `delta`.
        norm: the ball's norm.
    """
    radius = torch.as_tensor(epsilon, dtype=delta.dtype, device=delta.device).expand(delta.shape[0])
    radius = _spread(radius, delta)
    if norm == "linf":
        return delta.clamp(-radius, radius)
    length = _spread(norm_of(delta, "l2").clamp_min(_TINY), delta)
    return delta * (radius / length).clamp_max(1.0)


def precise(x: Tensor) -> Tensor:
    """`x` in the precision that changes of it are computed in: float32 at least."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def round_towards(found: Tensor, x: Tensor) -> Tensor:
    """Changed images in the precision of the images `x`, no further from them in any entry than before rounding.

    So what lay in a ball around `x` lies there still, though the entries of bfloat16 near 1 are 1/256 apart.
    """
    if x.dtype.itemsize >= _SINGLE:
        return found.to(x.dtype)
    near = found.to(x.dtype)
    beyond = (near.to(found.dtype) - x).abs() > (found - x).abs()
    return torch.where(beyond, torch.nextafter(near, x), near)


def random_in_ball(like: Tensor, epsilon: float, norm: Norm, generator: torch.Generator) -> Tensor:
    """A random offset (B, ...) inside the ball, one per example.

    L-infinity: uniform in the cube. L2: uniform direction, radius `epsilon * u^(1/D)` with u uniform, so uniform in
    the ball.
    """
    if norm == "linf":
        noise = uniform(like.shape, generator, like)
        return (2.0 * noise - 1.0) * epsilon
    direction = gaussian(like.shape, generator, like)
    u = uniform((like.shape[0],), generator, like)
    dimensions = like.shape[1:].numel()
    return steepest_ascent_direction(direction, "l2") * _spread(epsilon * u ** (1.0 / dimensions), like)


def radius_words(norm: str, epsilon: float) -> str:
    """A radius in [0, 1] pixel units, for people: in levels, "8/255" or "0.5/255", for L-infinity, else "0.1".

    Parts of a level are written where the plain number is longer: 0.1 is no "25.5/255".
    """
    plain, levels = f"{epsilon:g}", round(epsilon * 255, 2)
    if norm != "linf" or abs(epsilon * 255 - levels) > 1e-5:
        return plain
    words = f"{levels:g}/255"
    return words if levels == int(levels) else min(plain, words, key=len)
