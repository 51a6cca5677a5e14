"""The smallest amount of a natural change that changes a classifier's answer: a scan of its range, then bisection."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import ConfigError, InputError
from core.natural.change import Change
from core.natural.ribbons import Classifier, chunks

STEPS, HALVINGS = 32, 12


@dataclass(frozen=True, slots=True)
class SmallestChange:
    """What a search along one change found.

    Attributes:
        change: key of the change.
        label: the class answered at rest, whatever is right.
        found: whether another answer was found in the range.
        amount: the smallest amount found that is answered otherwise; rest where none is.
        kept: the last amount before it with the answer at rest: the truth lies between, for this turn of the answer.
        answer: the class answered at `amount`.
        share: distance of `amount` from rest as a share of its side's way; infinite where none is found.
        step: of the scan, as a share of a side's way: an answer that turns and turns back within it is missed.
        x: the picture at `amount` (C, H, W), float32 in [0, 1].
    """

    change: str
    label: int
    found: bool
    amount: float
    kept: float
    answer: int
    share: float
    step: float
    x: NDArray[np.float32]


@torch.no_grad()
def smallest_change(classifier: Classifier, x: Tensor, change: Change, steps: int = STEPS) -> SmallestChange:
    """The smallest amount of a change to which a classifier answers otherwise than to the picture at rest.

    Both sides of rest are scanned outwards at `steps` evenly spaced amounts each; the first turn on each is brought
    to within 2^-12 of a step by bisection, and the nearer one, as a share of its side, is what is found. It is an
    upper bound: between two amounts of the scan an answer may turn and turn back.

    Args:
        classifier: pictures to logits, in eval mode.
        x: one picture (1, C, H, W) in [0, 1].
        change: what is done to it.
        steps: amounts scanned a side.

    Raises:
        ConfigError: steps < 1, or a change of colours on a grey picture.
        InputError: not one picture, or answers that are not finite.
    """
    if steps < 1:
        raise ConfigError(f"steps must be at least 1; got {steps}")
    if x.dim() != 4 or len(x) != 1:
        raise InputError(f"need one picture (1, C, H, W); got {tuple(x.shape)}")

    def answers(amounts: list[float]) -> list[int]:
        logits = classifier(change(x.expand(len(amounts), -1, -1, -1), torch.tensor(amounts, device=x.device)))
        if not bool(logits.isfinite().all()):
            raise InputError("a network's answers to the changed pictures are not finite")
        return logits.argmax(1).tolist()

    (label,) = answers([change.rest])

    def turn(end: float) -> tuple[float, float, int] | None:
        """The last amount kept, the first answered otherwise, and that answer, on one side."""
        kept = change.rest
        for chunk in chunks(change.towards(end, steps), x):
            for amount, answer in zip(chunk, answers(chunk), strict=True):
                if answer != label:
                    return _bisected(kept, amount, answer)
                kept = amount
        return None

    def _bisected(kept: float, amount: float, answer: int) -> tuple[float, float, int]:
        for _ in range(HALVINGS):
            middle = change.settled((kept + amount) / 2)
            if middle in (kept, amount):
                break
            (said,) = answers([middle])
            kept, amount, answer = (middle, amount, answer) if said == label else (kept, middle, said)
        return kept, amount, answer

    turns = [found for end in (change.low, change.high) if end != change.rest and (found := turn(end))]
    kept, amount, answer = min(
        turns, key=lambda found: change.share(found[1]), default=(change.rest, change.rest, label)
    )
    share = change.share(amount) if turns else float("inf")
    picture = change(x, amount)[0].cpu().numpy()
    return SmallestChange(change.key, label, bool(turns), amount, kept, answer, share, 1 / steps, picture)
