"""Directions to move a code in: where the picture changes most, towards another class, decay and noise."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import ConfigError, InputError
from core.latent.decoder import Decoder

Kind = Literal["straight", "decay", "noise"]

REACH = 0.5
"""Half the length of the differences that a decoder's change is measured by, in deviations of the prior."""
RIDGE = 1e-2
"""What keeps a step towards a class short, as a share of the largest squared singular value."""
RANGES: dict[Kind, tuple[float, float]] = {"straight": (-4.0, 4.0), "decay": (0.0, 1.0), "noise": (0.0, 2.0)}
"""Ends of a slider's positions."""


@dataclass(frozen=True, slots=True, eq=False)
class Direction:
    """A way for a code z to go, by a position t; t = 0 leaves it where it is.

    Attributes:
        key: its name: "principal-1", "towards-3" (class 3), "decay", "noise".
        kind: "straight": `z + t v`, so t counts deviations of the prior, and the scaled move is `|t| / sqrt(n)`.
            "decay": `(1 - t) z`; 1 is the class without any code. "noise": `(z + t v) / sqrt(1 + t^2)`: the noise of
            `core.latent.noise` with epsilon = t and xi = v, which ends at v.
        v: (n,), of length 1 where straight, of the prior for noise, zero for decay.
        change: root mean square of the picture's change for one unit at t = 0 (straight), in [0, 1] pixel units; NaN
            for the other kinds.
        explained: for a step towards a class, cosine of the picture's change with that of another label; 1 otherwise.
    """

    key: str
    kind: Kind
    v: NDArray[np.float32]
    change: float = float("nan")
    explained: float = 1.0

    def moved(self, z: Tensor, t: Tensor) -> Tensor:
        """Codes (B, n) moved to positions (B,)."""
        t = t.to(z)[:, None]
        v = torch.tensor(self.v).to(z)  # a copy: one that all share can not be written to
        if self.kind == "decay":
            return (1 - t) * z
        return z + t * v if self.kind == "straight" else (z + t * v) / (1 + t.square()).sqrt()


def directions(
    decoder: Decoder, z: Tensor, labels: Tensor, count: int, change: Tensor | None = None
) -> tuple[Direction, ...]:
    """The `count` directions in which the picture of a code changes most, the strongest first.

    They are the leading right singular vectors of the decoder's change at z: of central differences of length 2 `REACH`
    along each entry of the code. (The Jacobian itself would see a step of no length, and a slider is moved by whole
    deviations.) Of the two signs the one that brightens the picture is taken.

    Args:
        decoder: codes to pictures.
        z: one code (1, n).
        labels: its class (1,).
        count: how many, 1 to n.
        change: `picture_change` of the code, where it is there already: it takes more than all the rest.

    Raises:
        InputError: not one code of the generator's length.
        ConfigError: count outside 1..n.
    """
    if not 1 <= count <= decoder.latent:
        raise ConfigError(f"count must be in 1..{decoder.latent}; got {count}")
    change = picture_change(decoder, z, labels) if change is None else change
    v, s, u = torch.linalg.svd(change, full_matrices=False)
    v = v.T * torch.where(u.sum(1) < 0, -1.0, 1.0)[:, None]
    sizes = s / change.shape[1] ** 0.5
    return tuple(
        Direction(f"principal-{index + 1}", "straight", v[index].contiguous().cpu().numpy(), float(sizes[index]))
        for index in range(count)
    )


def towards(
    decoder: Decoder, z: Tensor, labels: Tensor, others: Sequence[int], change: Tensor | None = None
) -> tuple[Direction, ...]:
    """For each other class the step of the code that changes the picture most as telling that class would.

    A decoder of one class never leaves it by its label; this is the way within the class that resembles the change of
    label most: least squares `|J v - (G_k(z) - G_y(z))|^2` with a ridge of `RIDGE`, J the differences of `directions`.
    Its position is in deviations of the prior, too, and how far the resemblance goes is said in `explained`.

    Arguments and errors as for `directions`, and a ConfigError for the class itself among the others.
    """
    if int(labels[0]) in others:
        raise ConfigError(f"a code of class {int(labels[0])} needs no step towards it")
    change = picture_change(decoder, z, labels) if change is None else change
    with torch.no_grad():
        here = decoder.decode(z, labels).flatten(1)
        there = decoder.decode(z.expand(len(others), -1), torch.tensor(others).to(labels)).flatten(1)
    wanted = there - here
    gram = change @ change.T
    gram += RIDGE * torch.linalg.eigvalsh(gram)[-1].clamp_min(1e-12) * torch.eye(len(gram)).to(gram)
    steps = torch.linalg.solve(gram, change @ wanted.T).T
    steps = steps / steps.norm(dim=1, keepdim=True).clamp_min(1e-12)
    seen = steps @ change
    cosine = (seen * wanted).sum(1) / (seen.norm(dim=1) * wanted.norm(dim=1)).clamp_min(1e-12)
    sizes = seen.square().mean(1).sqrt()
    return tuple(
        Direction(f"towards-{other}", "straight", step.contiguous().cpu().numpy(), float(size), float(alike))
        for other, step, size, alike in zip(others, steps, sizes, cosine, strict=True)
    )


def decay_direction(latent: int) -> Direction:
    """Towards the class without any code."""
    return Direction("decay", "decay", np.zeros(latent, np.float32))


def noise_direction(latent: int, generator: torch.Generator) -> Direction:
    """Towards a random code, through codes that are as likely as the first."""
    return Direction("noise", "noise", torch.randn(latent, generator=generator).cpu().numpy())


def moved(z: Tensor, ways: Sequence[Direction], at: Sequence[float]) -> Tensor:
    """The code (1, n) with every slider at its position: straight ones add up, then decay, then noise.

    Raises:
        ConfigError: not one position a direction, or one that is not finite.
    """
    return moved_along(z, ways, at, None, [0.0])


def moved_along(
    z: Tensor, ways: Sequence[Direction], at: Sequence[float], which: int | None, positions: Sequence[float]
) -> Tensor:
    """Codes (P, n) with every slider where it is, but the slider `which` (if any) at each of the positions.

    Raises:
        ConfigError: not one position a direction, or one that is not finite.
    """
    if len(at) != len(ways) or not np.isfinite([*at, *positions]).all():
        raise ConfigError(f"{len(ways)} directions need as many finite positions; got {list(at)} and {list(positions)}")
    codes = z.expand(len(positions), -1)
    order: tuple[Kind, ...] = ("straight", "decay", "noise")
    for index in sorted(range(len(ways)), key=lambda index: order.index(ways[index].kind)):
        t = torch.tensor(list(positions) if index == which else [at[index]] * len(positions))
        codes = ways[index].moved(codes, t)
    return codes


@torch.no_grad()
def picture_change(decoder: Decoder, z: Tensor, labels: Tensor) -> Tensor:
    """How the picture of one code (1, n) changes with each entry of it, per deviation: (n, C H W).

    Raises:
        InputError: not one code of the generator's length.
    """
    n = decoder.latent
    if z.shape != (1, n) or labels.shape != (1,):
        raise InputError(f"need one code of length {n} and its class; got {tuple(z.shape)} and {tuple(labels.shape)}")
    steps = REACH * torch.eye(n).to(z)
    ahead, behind = decoder.decode(torch.cat([z + steps, z - steps]), labels.expand(2 * n)).flatten(1).split(n)
    slope: Tensor = (ahead - behind) / (2 * REACH)
    return slope
