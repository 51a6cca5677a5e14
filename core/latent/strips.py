"""Strips: pictures of several codes side by side, and what each classifier makes of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import ConfigError, InputError
from core.latent.decoder import Classifier, Decoder
from core.latent.noise import noisy, scaled_norm
from core.metrics.answers import AnswersInRow
from core.norms import rmse


@dataclass(frozen=True, slots=True)
class DecodedRow(AnswersInRow):
    """Pictures of P codes as M classifiers see them.

    Attributes:
        positions: where each stands on its strip (P,).
        labels: the class that each is decoded in (P,).
        z: codes (P, n).
        x: pictures (P, C, H, W), float32 in [0, 1].
        probs: softmax probabilities (M, P, K).
        latent: scaled distance of each code to the strip's start (P,).
        image: root mean square distance of each picture to the start's (P,), in [0, 1] pixel units.
    """

    positions: NDArray[np.float32]
    labels: NDArray[np.int64]
    z: NDArray[np.float32]
    x: NDArray[np.float32]
    latent: NDArray[np.float32]
    image: NDArray[np.float32]


@torch.no_grad()
def decode_row(
    decoder: Decoder,
    classifiers: Sequence[Classifier],
    z: Tensor,
    labels: Tensor,
    positions: Sequence[float],
    start: Tensor,
    alone: bool = False,
) -> DecodedRow:
    """The strip of codes (P, n) in classes (P,) at positions (P,); distances are to `start` (1, n) in the first class.

    With `alone` each is decoded and asked about by itself. Beside others its numbers may be rounded otherwise, so that
    a code at the very edge of a class, where a search leaves it, might get another answer than the search had.

    Raises:
        InputError: not one class and one position a code, no codes, or values that are not finite.
    """
    if len(z) == 0 or labels.shape != z.shape[:1] or len(positions) != len(z):
        raise InputError(f"need codes with a class and a position each; got {len(z)}, {len(labels)}, {len(positions)}")
    size = 1 if alone else len(z)
    x = torch.cat([decoder.decode(*part) for part in zip(z.split(size), labels.split(size), strict=True)]).contiguous()
    first = x[:1] if torch.equal(z[:1], start) else decoder.decode(start, labels[:1])
    logits = (torch.cat([classifier(part) for part in x.split(size)]) for classifier in classifiers)
    probs = torch.stack([each.float().softmax(1) for each in logits])
    if not bool(x.isfinite().all()) or not bool(probs.isfinite().all()):
        raise InputError("these codes give pictures or answers that are not finite")
    return DecodedRow(
        probs.cpu().numpy(),
        np.asarray(positions, np.float32),
        labels.cpu().numpy(),
        z.cpu().numpy(),
        x.cpu().numpy(),
        latent=scaled_norm(z - start).cpu().numpy(),
        image=rmse(x - first).cpu().numpy(),
    )


def neighbours(
    decoder: Decoder,
    classifiers: Sequence[Classifier],
    z: Tensor,
    labels: Tensor,
    epsilon: float,
    count: int,
    generator: torch.Generator,
) -> DecodedRow:
    """`count` random neighbours of one code (1, n): noise of magnitude `epsilon` that keeps the prior; its class.

    Positions are 1, 2, ...; errors as for `strip`, and a ConfigError for count < 1 or epsilon < 0.
    """
    if count < 1:
        raise ConfigError(f"count must be at least 1; got {count}")
    codes = noisy(z.expand(count, -1), epsilon, generator)
    return decode_row(decoder, classifiers, codes, labels.expand(count), range(1, count + 1), z)


def class_row(
    decoder: Decoder, classifiers: Sequence[Classifier], z: Tensor, labels: Tensor, classes: int
) -> DecodedRow:
    """One code (1, n) decoded in each of the K classes; positions are the classes, distances those to its own.

    Errors as for `strip`.
    """
    own = int(labels[0])
    every = torch.arange(classes).to(labels)
    order = torch.cat([every[own : own + 1], every])  # its own leads, as what distances are taken to
    made = decode_row(decoder, classifiers, z.expand(classes + 1, -1), order, order.tolist(), z)
    return DecodedRow(
        made.probs[:, 1:], made.positions[1:], made.labels[1:], made.z[1:], made.x[1:], made.latent[1:], made.image[1:]
    )


def interpolation(
    decoder: Decoder, classifiers: Sequence[Classifier], ends: Tensor, labels: Tensor, positions: Sequence[float]
) -> DecodedRow:
    """From one code to another, on the arc between them, as `arc`; distances are to the first.

    Args:
        decoder: codes to pictures.
        classifiers: pictures to logits.
        ends: two codes (2, n).
        labels: their classes (2,). Where they differ, the first half is decoded in the first and the rest in the
            second: a decoder told one class knows no half.
        positions: shares of the way, in [0, 1].

    Raises:
        InputError: not two codes, and as for `strip`.
        ConfigError: a position outside [0, 1].
    """
    codes = arc(ends, positions)
    chosen = labels[(torch.tensor(list(positions)) >= 0.5).long().to(labels.device)]
    return decode_row(decoder, classifiers, codes, chosen, positions, ends[:1])


def arc(ends: Tensor, positions: Sequence[float]) -> Tensor:
    """Codes (P, n) between two (2, n): directions on the great circle between theirs, lengths from one to the other.

    Spherical interpolation keeps to lengths that the prior knows; halfway on a straight line a code is too short. Codes
    in one direction, or in opposite ones, have no great circle: those go straight.

    Raises:
        InputError: not two codes.
        ConfigError: a position outside [0, 1].
    """
    if ends.ndim != 2 or len(ends) != 2:
        raise InputError(f"need two codes; got {tuple(ends.shape)}")
    if not all(0 <= position <= 1 for position in positions):
        raise ConfigError(f"positions must lie in [0, 1]; got {list(positions)}")
    t = torch.tensor(list(positions), dtype=ends.dtype, device=ends.device)[:, None]
    length = ends.norm(dim=1)
    straight = (1 - t) * ends[0] + t * ends[1]
    if float(length.min()) < 1e-6:
        return straight
    one, other = ends / length[:, None]
    angle = torch.arccos((one * other).sum().clamp(-1.0, 1.0))
    if float(angle.sin()) < 1e-3:
        return straight
    turned = (torch.sin((1 - t) * angle) * one + torch.sin(t * angle) * other) / angle.sin()
    codes: Tensor = turned * ((1 - t) * length[0] + t * length[1])
    return codes
