"""What the latent searches raise: the lead of the strongest other class over the right one."""

from typing import Literal

import torch
from torch import Tensor

Objective = Literal["probability", "logit"]
OBJECTIVES: tuple[Objective, ...] = ("probability", "logit")


def margin(logits: Tensor, labels: Tensor, objective: Objective) -> Tensor:
    """`J = max_{k != y} v_k - v_y` (B,), above 0 where the answer is wrong; v are probabilities or logits (B, K)."""
    values = logits.softmax(1) if objective == "probability" else logits
    chosen = labels[:, None]
    return values.scatter(1, chosen, -torch.inf).amax(1) - values.gather(1, chosen)[:, 0]


def misclassified(logits: Tensor, labels: Tensor) -> Tensor:
    """Whether another class leads, bool (B,): seen in the logits (B, K), for probabilities round to 0 and 1."""
    return margin(logits, labels, "logit") > 0
