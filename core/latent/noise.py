"""Noise on codes that keeps their prior, the decay that it brings, and how likely a change is under it.

Buzhinsky et al. 2020, arXiv:2003.01993; l ~ N(0, I_n) is a code. Sizes of codes are scaled: `||v||_2 / sqrt(n)`, about
1 for a code of the prior.
"""

import math

import torch
from torch import Tensor

from core.draws import gaussian
from core.errors import ConfigError


def scaled_norm(v: Tensor) -> Tensor:
    """`||v||_2 / sqrt(n)` of each code (B,) of `v` (B, n)."""
    return v.square().mean(1).sqrt()


def decay(epsilon: float) -> float:
    """The share `d = 1 - 1 / sqrt(1 + epsilon^2)` of a code that noise of magnitude `epsilon` takes, in [0, 1).

    Raises:
        ConfigError: epsilon < 0, or not finite.
    """
    return 1 - 1 / math.sqrt(1 + _checked(epsilon) ** 2)


def eps_of(d: float) -> float:
    """The noise magnitude whose decay is `d`: the inverse of `decay`.

    Raises:
        ConfigError: d outside [0, 1).
    """
    if not 0 <= d < 1:
        raise ConfigError(f"a decay lies in [0, 1); got {d}")
    return math.sqrt(1 / (1 - d) ** 2 - 1)


def typical_norm(epsilon: float) -> float:
    """The scaled norm `epsilon / sqrt(1 + epsilon^2)` of the noise's offset from the decayed code, in root mean square.

    Raises:
        ConfigError: epsilon < 0, or not finite.
    """
    return _checked(epsilon) / math.sqrt(1 + epsilon**2)


def decayed(z: Tensor, epsilon: float) -> Tensor:
    """The centre `z / sqrt(1 + epsilon^2)` of the noisy codes around each code (B, n).

    Raises:
        ConfigError: epsilon < 0, or not finite.
    """
    return z / math.sqrt(1 + _checked(epsilon) ** 2)


def noisy(z: Tensor, epsilon: float, generator: torch.Generator) -> Tensor:
    """`(z + epsilon xi) / sqrt(1 + epsilon^2)`, xi ~ N(0, I), for each code (B, n): it keeps the prior.

    Raises:
        ConfigError: epsilon < 0, or not finite.
    """
    xi = gaussian(z.shape, generator, z)
    return decayed(z + epsilon * xi, epsilon)


def log_likelihood_bound(rho: float, epsilon: float, n: int) -> float:
    """`ln tau`: the log density under the noise of an offset from the decayed code whose scaled norm is `rho`.

    `n ln sqrt((1 + epsilon^2) / (2 pi epsilon^2)) - n rho^2 (1 + epsilon^2) / (2 epsilon^2)`, the density of
    N(0, epsilon^2 / (1 + epsilon^2)) at norm `rho sqrt(n)`. Codes less likely than tau are those further than rho.
    (The authors' code has another factor sqrt(n) in the second term, in a function that their experiments do not call.)

    Raises:
        ConfigError: rho < 0, epsilon <= 0, or n < 1.
    """
    if not (0 <= rho < math.inf and 0 < epsilon < math.inf and n >= 1):
        raise ConfigError(f"need rho >= 0, epsilon > 0 and n >= 1; got {rho}, {epsilon} and {n}")
    precision = (1 + epsilon**2) / epsilon**2
    return n * 0.5 * math.log(precision / (2 * math.pi)) - n * rho**2 * precision / 2


def rho_of_bound(log_tau: float, epsilon: float, n: int) -> float:
    """The scaled norm beyond which offsets are less likely than tau: the inverse of `log_likelihood_bound`.

    Raises:
        ConfigError: epsilon <= 0, n < 1, or no offset at all is as likely as that.
    """
    highest = log_likelihood_bound(0.0, epsilon, n)
    if not log_tau <= highest:
        raise ConfigError(
            f"under epsilon = {epsilon} no change of {n} numbers has a log likelihood above {highest:.4g}"
        )
    return math.sqrt((highest - log_tau) * 2 * epsilon**2 / (n * (1 + epsilon**2)))


def _checked(epsilon: float) -> float:
    if not 0 <= epsilon < math.inf:
        raise ConfigError(f"epsilon must be at least 0 and finite; got {epsilon}")
    return epsilon
