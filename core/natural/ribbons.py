"""Decision ribbons: what each classifier would answer, were one natural change made to another amount."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import InputError
from core.metrics.answers import AnswersInRow
from core.natural.catalogue import changed

Classifier = Callable[[Tensor], Tensor]
"""Images (B, C, H, W) in [0, 1] to logits (B, K), in eval mode."""

CHUNK = 2**19
"""Pixels that are looked at in one pass: ten pictures at 224."""


@dataclass(frozen=True, slots=True)
class ChangedRow(AnswersInRow):
    """One picture under P amounts of a change, as M classifiers see it.

    Attributes:
        positions: the amounts (P,), rising.
        x: the pictures at the first and at the last amount (2, C, H, W), float32 in [0, 1].
        probs: softmax probabilities (M, P, K).
    """

    positions: NDArray[np.float32]
    x: NDArray[np.float32]


def positions_at(shape: Sequence[int]) -> int:
    """How many amounts a ribbon has for pictures (C, H, W): 33 up to 64 pixels, 9 at 224."""
    height, width = shape[-2:]
    return int(min(33, max(9, 33 * 64**2 // (height * width))))


@torch.no_grad()
def ribbon(
    classifiers: Sequence[Classifier], x: Tensor, amounts: Mapping[str, float], key: str, positions: Sequence[float]
) -> ChangedRow:
    """The row along one change, at rising `positions`, while all others stay as they are.

    Args:
        classifiers: pictures to logits.
        x: one picture (1, C, H, W) in [0, 1].
        amounts: of all changes, by key; that of `key` makes no difference.
        key: the change that is moved.
        positions: its amounts.

    Raises:
        ConfigError: an amount out of range.
        InputError: a classifier's answers are not finite.
    """
    probs: list[Tensor] = []
    ends: list[Tensor] = []
    for chunk in chunks(positions, x):
        made = changed(x.expand(len(chunk), -1, -1, -1), {**amounts, key: torch.tensor(chunk, device=x.device)})
        probs.append(torch.stack([classifier(made).float().softmax(1) for classifier in classifiers]))
        ends += [made[:1], made[-1:]]
    found = torch.cat(probs, 1)
    if not bool(found.isfinite().all()):
        raise InputError("a network's answers to the changed pictures are not finite")
    return ChangedRow(
        found.cpu().numpy(), np.asarray(positions, np.float32), torch.cat([ends[0], ends[-1]]).cpu().numpy()
    )


def chunks(positions: Sequence[float], x: Tensor) -> Iterator[list[float]]:
    """The positions in as few parts as memory allows for pictures of the shape of x."""
    size = max(1, CHUNK // (x.shape[-2] * x.shape[-1]))
    for start in range(0, len(positions), size):
        yield list(positions[start : start + size])
