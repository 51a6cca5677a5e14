"""Confounding labels, and the losses that send them back through a network."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import one_hot, softplus

from core.devices import finest_type
from core.errors import ConfigError

Head = Literal["sigmoid", "softmax", "cross-entropy"]
HEADS: tuple[Head, ...] = ("sigmoid", "softmax", "cross-entropy")
Label = Literal["ones", "zeros", "m-hot", "top-m", "predicted", "others"]
LABELS: tuple[Label, ...] = ("ones", "zeros", "m-hot", "top-m", "predicted", "others")


@dataclass(frozen=True, slots=True)
class ConfoundingLabel:
    """A label that no training image had, and the loss J that asks for it (Lee et al. 2022, arXiv:2206.08255).

    Attributes:
        label: the classes said to be there.
            "ones": all, the papers' default. "zeros": none. "m-hot": `m` of them, drawn once by `seed` and the same for
            every image. "top-m": the `m` of largest logit, so that the label follows the prediction (our addition).
            "predicted": the prediction alone, an ordinary label, for contrast. "others": all but the prediction (ours).
        head: the loss, summed over the classes.
            "sigmoid": binary cross-entropy on sigmoids, which is how the paper is read here; it depends on the level of
            the logits. "softmax": binary cross-entropy on softmax probabilities, as pytorch-ood has it.
            "cross-entropy": `-sum_k y_k log p_k` of the softmax; with "ones" the same as "softmax".
        m: classes in "m-hot" and "top-m"; not used by the others.
        seed: draws the classes of "m-hot".

    Raises:
        ConfigError: an unknown label or head, m < 1, or no label with cross-entropy, whose gradient is then zero.
    """

    label: Label = "ones"
    head: Head = "sigmoid"
    m: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        if self.label not in LABELS or self.head not in HEADS:
            raise ConfigError(
                f"label must be one of {', '.join(LABELS)} and head one of {', '.join(HEADS)}; "
                f"got {self.label!r} and {self.head!r}"
            )
        if self.m < 1:
            raise ConfigError(f"m must be at least 1; got {self.m}")
        if self.label == "zeros" and self.head == "cross-entropy":
            raise ConfigError("cross-entropy with the label zeros is zero whatever the image; take another head")

    def confounding(self, logits: Tensor) -> Tensor:
        """The label (B, K) of 0 and 1, in the type of `logits` (B, K); no row depends on another.

        Raises:
            ConfigError: more classes asked for than there are.
        """
        classes = logits.shape[1]
        if self.label in ("m-hot", "top-m") and self.m > classes:
            raise ConfigError(f"m must be at most the number of classes {classes}; got {self.m}")
        predicted = one_hot(logits.detach().argmax(1), classes).to(logits.dtype)
        match self.label:
            case "ones":
                return torch.ones_like(predicted)
            case "zeros":
                return torch.zeros_like(predicted)
            case "predicted":
                return predicted
            case "others":
                return 1 - predicted
            case "top-m":
                chosen = logits.detach().topk(self.m, dim=1).indices
                return torch.zeros_like(predicted).scatter_(1, chosen, 1.0)
            case "m-hot":
                drawn = torch.randperm(classes, generator=torch.Generator().manual_seed(self.seed))[: self.m]
                return torch.zeros_like(predicted).index_fill_(1, drawn.to(logits.device), 1.0)

    def loss(self, logits: Tensor, y: Tensor | None = None) -> Tensor:
        """J of each image (B,), float64, without a step that overflows.

        In double precision, for where the network is sure the gradient `p - y` on a logit is a difference of near
        equals.

        Args:
            logits: (B, K).
            y: the label (B, K), held fixed; None takes `confounding`.
        """
        y = (self.confounding(logits) if y is None else y).to(finest_type(logits))
        logits = logits.to(finest_type(logits))
        match self.head:
            case "sigmoid":  # the gradient on the logits is sigmoid(z) - y
                return (y * softplus(-logits) + (1 - y) * softplus(logits)).sum(1)
            case "cross-entropy":
                return -(y * logits.log_softmax(1)).sum(1)
            case "softmax":
                return -(y * logits.log_softmax(1) + (1 - y) * _log_complement(logits)).sum(1)


def _log_complement(logits: Tensor) -> Tensor:
    """`log(1 - softmax(z))` (B, K): the log-sum of the other classes less that of all, exact where p is nearly 1."""
    classes = logits.shape[1]
    itself = torch.eye(classes, dtype=torch.bool, device=logits.device)
    others = logits[:, None, :].expand(-1, classes, -1).masked_fill(itself, -torch.inf)
    return others.logsumexp(2) - logits.logsumexp(1, keepdim=True)
