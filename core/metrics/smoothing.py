"""What a vote under Gaussian noise proves: a bound on the winner's share, and the radius within which it wins.

Cohen, Rosenfeld, Kolter 2019, arXiv:1902.02918, Sec. 3.
"""

from scipy.stats import beta, norm

from core.errors import ConfigError, InputError


def share_at_least(hits: int, n: int, alpha: float) -> float:
    """A lower bound of a share seen as `hits` of `n`, wrong with a probability of at most alpha, in [0, 1).

    Clopper and Pearson 1934, Biometrika 26:404, one-sided: exact for any n.

    Raises:
        InputError: n < 1 or hits outside 0..n.
        ConfigError: alpha outside (0, 1).
    """
    if n < 1 or not 0 <= hits <= n:
        raise InputError(f"need n >= 1 and hits in 0..n; got {hits} of {n}")
    if not 0 < alpha < 1:
        raise ConfigError(f"alpha must lie between 0 and 1; got {alpha}")
    return float(beta.ppf(alpha, hits, n - hits + 1)) if hits else 0.0


def certified_radius(share: float, sigma: float) -> float:
    """The L2 radius within which a class that wins at least this share of votes wins (Theorem 1, p_B = 1 - p_A).

    Args:
        share: a lower bound of p_A in [0, 1).
        sigma: of the noise, in input units; the radius has them, too.

    Returns:
        sigma * Phi^-1(share); 0 where the share is at most a half, and nothing is proved.
    """
    return sigma * float(norm.ppf(share)) if share > 0.5 else 0.0


def largest_radius(n: int, alpha: float, sigma: float) -> float:
    """The radius that n votes can prove at most: that of a class that wins them all."""
    return certified_radius(share_at_least(n, n, alpha), sigma)
