"""Noise on codes that keeps their prior, the decay that it brings, and how likely a change is under it.

Buzhinsky et al. 2020, arXiv:2003.01993; l ~ N(0, I_n) is a code. Sizes of codes are scaled: `||v||_2 / sqrt(n)`, about
1 for a code of the prior.
"""

import math

import torch
from torch import Tensor

from core.errors import ConfigError


def scaled_norm(v: Tensor) -> Tensor:
    """`||v||_2 / sqrt(n)` of each code (B,) of `v` (B, n)."""
    return v.square().mean(1).sqrt()


def decay(eps: float) -> float:
    """The share `d = 1 - 1 / sqrt(1 + eps^2)` of a code that noise of magnitude `eps` takes, in [0, 1).

    Raises:
        ConfigError: eps < 0, or not finite.
    """
    return 1 - 1 / math.sqrt(1 + _checked(eps) ** 2)


def eps_of(d: float) -> float:
    """The noise magnitude whose decay is `d`: the inverse of `decay`.

    Raises:
        ConfigError: d outside [0, 1).
    """
    if not 0 <= d < 1:
        raise ConfigError(f"a decay lies in [0, 1); got {d}")
    return math.sqrt(1 / (1 - d) ** 2 - 1)


def typical_norm(eps: float) -> float:
    """The scaled norm `eps / sqrt(1 + eps^2)` of the noise's offset from the decayed code, in root mean square.

    Raises:
        ConfigError: eps < 0, or not finite.
    """
    return _checked(eps) / math.sqrt(1 + eps**2)


def decayed(z: Tensor, eps: float) -> Tensor:
    """The centre `z / sqrt(1 + eps^2)` of the noisy codes around each code (B, n).

    Raises:
        ConfigError: eps < 0, or not finite.
    """
    return z / math.sqrt(1 + _checked(eps) ** 2)


def noisy(z: Tensor, eps: float, generator: torch.Generator) -> Tensor:
    """`(z + eps xi) / sqrt(1 + eps^2)`, xi ~ N(0, I), for each code (B, n): of the prior, where the code is of it.

    Raises:
        ConfigError: eps < 0, or not finite.
    """
    xi = torch.randn(z.shape, generator=generator, dtype=z.dtype, device=generator.device).to(z.device)
    return decayed(z + eps * xi, eps)


def log_likelihood_bound(rho: float, eps: float, n: int) -> float:
    """`ln tau`: the log density under the noise of an offset from the decayed code whose scaled norm is `rho`.

    `n ln sqrt((1 + eps^2) / (2 pi eps^2)) - n rho^2 (1 + eps^2) / (2 eps^2)`, the density of N(0, eps^2 / (1 + eps^2))
    at norm `rho sqrt(n)`. Codes less likely than tau are those further than rho. (The authors' code has another factor
    sqrt(n) in the second term, in a function that their experiments do not call.)

    Raises:
        ConfigError: rho < 0, eps <= 0, or n < 1.
    """
    if not (0 <= rho < math.inf and 0 < eps < math.inf and n >= 1):
        raise ConfigError(f"need rho >= 0, eps > 0 and n >= 1; got {rho}, {eps} and {n}")
    precision = (1 + eps**2) / eps**2
    return n * 0.5 * math.log(precision / (2 * math.pi)) - n * rho**2 * precision / 2


def rho_of_bound(log_tau: float, eps: float, n: int) -> float:
    """The scaled norm beyond which offsets are less likely than tau: the inverse of `log_likelihood_bound`.

    Raises:
        ConfigError: eps <= 0, n < 1, or no offset at all is as likely as that.
    """
    highest = log_likelihood_bound(0.0, eps, n)
    if not log_tau <= highest:
        raise ConfigError(f"under eps = {eps} no change of {n} numbers has a log likelihood above {highest:.4g}")
    return math.sqrt((highest - log_tau) * 2 * eps**2 / (n * (1 + eps**2)))


def _checked(eps: float) -> float:
    if not 0 <= eps < math.inf:
        raise ConfigError(f"eps must be at least 0 and finite; got {eps}")
    return eps
