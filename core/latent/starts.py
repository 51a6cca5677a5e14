"""Where the runs of a latent search begin, and where they turn."""

import hashlib

import torch
from torch import Tensor

from core.latent.noise import scaled_norm
from core.norms import scaled

_TINY = 1e-12


def random_starts(z: Tensor, labels: Tensor, runs: int, seed: int) -> Tensor:
    """Offsets (R, B, n) in the ball of scaled radius 1: uniform directions, lengths uniform in [0, 1).

    So not uniform in the ball. They follow from the seed, the code (B, n), its class (B,) and the number of runs alone,
    so that neighbours in a batch play no part; those of fewer runs are not the first of those of more.
    """
    offsets = z.new_zeros(runs, *z.shape)
    for row, (code, label) in enumerate(zip(z.detach().cpu().numpy(), labels.tolist(), strict=True)):
        digest = hashlib.blake2b(f"{seed},{label},".encode() + code.tobytes(), digest_size=7).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(digest, "big"))
        lengths = torch.rand(runs, 1, generator=generator)
        offsets[:, row] = (unit(torch.randn(runs, z.shape[1], generator=generator)) * lengths).to(offsets)
    return offsets


def unit(v: Tensor) -> Tensor:
    """Rows (B, n) brought to scaled norm 1, however small they are; zero where a row is zero or no number."""
    v = scaled(v.nan_to_num(0.0, 0.0, 0.0))
    return v / scaled_norm(v)[:, None].clamp_min(_TINY)
