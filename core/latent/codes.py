"""Codes as text, for links: half-precision numbers in the URL-safe alphabet of base64."""

import base64
import binascii

import numpy as np
import torch
from torch import Tensor

from core.errors import InputError
from core.latent.noise import scaled_norm

MOST = 5.0
"""The largest scaled norm of a code that is taken; the prior's is about 1."""


def write_code(z: Tensor) -> str:
    """One code (1, n) as text of 8/3 n letters, digits, "-" and "_"; its numbers are rounded as by `rounded`.

    Raises:
        InputError: not one code, numbers that are not finite, or a code longer than `MOST`.
    """
    if z.ndim != 2 or len(z) != 1:
        raise InputError(f"one code is written at a time; got {tuple(z.shape)}")
    data = _checked(z.detach().cpu().float()).numpy().astype("<f2").tobytes()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def read_code(text: str, latent: int) -> Tensor:
    """The code (1, n) in a text from anywhere, float32.

    Raises:
        InputError: not such a text, another number of numbers, numbers that are not finite, or a code longer than
            `MOST`; the message is one sentence.
    """
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        data = base64.b64decode(padded, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError("the code in the link is not one that this page writes") from error
    if len(data) != 2 * latent:
        raise InputError(f"the code in the link holds {len(data) / 2:g} numbers; the generator takes {latent}")
    return _checked(torch.from_numpy(np.frombuffer(data, "<f2").astype(np.float32))[None])


def round_code(z: Tensor) -> Tensor:
    """A code (1, n) as it comes back from its text, so that a link shows what was seen; errors as for `write_code`."""
    return read_code(write_code(z), z.shape[1]).to(z.device)


def _checked(z: Tensor) -> Tensor:
    if not bool(z.isfinite().all()):
        raise InputError("a code must hold finite numbers only")
    size = float(scaled_norm(z))
    if size > MOST:
        raise InputError(f"a code's scaled norm must be at most {MOST:g}, where the prior's is about 1; got {size:.3g}")
    return z
