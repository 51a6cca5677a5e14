"""What several classifiers answer to a row of pictures, such as those along a slider."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


def likeliest(scores: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    """The classes (...,) of the highest of logits or probabilities (..., K); the first of equals."""
    classes: NDArray[np.int64] = scores.argmax(-1)
    return classes


@dataclass(frozen=True, slots=True)
class AnswersInRow:
    """The answers of M classifiers to P pictures.

    Attributes:
        probs: softmax probabilities (M, P, K).
    """

    probs: NDArray[np.float32]

    @property
    def predicted(self) -> NDArray[np.int64]:
        """The class that each classifier answers (M, P)."""
        return likeliest(self.probs)
