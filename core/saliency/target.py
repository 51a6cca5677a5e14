"""What a map explains: the logit of a class, or the difference of two."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from core.errors import ConfigError, InputError
from core.models.asking import check_classes


@dataclass(frozen=True, slots=True)
class Target:
    """What is explained, said once for all networks and images; `classes` says it for given logits.

    Attributes:
        of: the class explained; "top" is the one predicted, "true" the label.
        against: None explains the logit `f_of` alone; a class, or "other" for the strongest one besides `of`, explains
            the contrast `f_of - f_against`: why this and not that.

    Raises:
        ConfigError: a negative class, another word, or a class against itself.
    """

    of: int | Literal["top", "true"] = "top"
    against: int | Literal["other"] | None = None

    def __post_init__(self) -> None:
        right_of = self.of in ("top", "true") if isinstance(self.of, str) else self.of >= 0
        right_against = self.against is None or (
            self.against == "other" if isinstance(self.against, str) else self.against >= 0
        )
        if not right_of or not right_against or self.of == self.against:
            raise ConfigError(
                "of must be a class, top or true, and against another class, other or nothing; "
                f"got {self.of!r} against {self.against!r}"
            )

    def classes(self, logits: Tensor, labels: Tensor | None = None) -> Tensor:
        """The classes (B,) int64 for logits (B, K), or (B, 2) for a contrast: the one explained and the one against it.

        Args:
            logits: of the images, (B, K).
            labels: the true classes (B,), int64; needed for "true" only.

        Raises:
            ConfigError: a class that the network does not have, or "true" without labels.
            InputError: a contrast where an image's class is the one it should be held against.
        """
        classes = logits.shape[1]
        for asked in (self.of, self.against):
            if isinstance(asked, int) and asked >= classes:
                raise ConfigError(f"the network knows classes 0 to {classes - 1}; got {asked}")
        if self.of == "true" and labels is None:
            raise ConfigError("the true class is not known for this image")
        of = self._explained(logits, labels)
        if self.against is None:
            return of
        if self.against == "other":
            against = logits.scatter(1, of[:, None], -torch.inf).argmax(1)
        else:
            against = torch.full_like(of, self.against)
        if bool((of == against).any()):
            raise InputError(f"class {self.against} is the one explained here, so there is nothing to hold it against")
        return torch.stack([of, against], 1)

    def _explained(self, logits: Tensor, labels: Tensor | None) -> Tensor:
        if isinstance(self.of, int):
            return torch.full((len(logits),), self.of, dtype=torch.int64, device=logits.device)
        if self.of == "true" and labels is not None:
            return labels.to(logits.device)
        return logits.argmax(1)


def resolve_target(target: Tensor, logits: Tensor) -> Tensor:
    """Classes (B,), or contrasts (B, 2) as they are, with each negative entry replaced by the class predicted."""
    return target if target.dim() == 2 else torch.where(target < 0, logits.detach().argmax(1), target)


def resolve_target_by(model: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    """As `chosen`, asking `model` only where an entry is negative."""
    if target.dim() == 2 or not bool((target < 0).any()):
        return target
    with torch.no_grad():
        return resolve_target(target, model(x))


def score(logits: Tensor, target: Tensor) -> Tensor:
    """What is explained (B,): of logits (B, K), the entry of each class (B,), or the difference of each pair (B, 2).

    Raises:
        ConfigError: a class that the network does not have.
    """
    check_classes(target, logits.shape[1])
    if target.dim() == 1:
        return logits.gather(1, target[:, None])[:, 0]
    pairs = logits.gather(1, target)
    return pairs[:, 0] - pairs[:, 1]
