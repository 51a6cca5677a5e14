"""Where each model of a task stands: its card's figures and the report `robustness`, brought together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.models.zoo import Card
from core.norms import Norm


@dataclass(frozen=True, slots=True)
class Share:
    """A share of images in [0, 1] with its 95 % interval, and of how many images."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Standing:
    """One model under one norm; None stands for what was not measured.

    Attributes:
        card: the model's card.
        epsilon: the radius that `pgd` and `apgd` belong to, in [0, 1] pixel units.
        clean: accuracy on clean images, on as many as the card has, or else the report.
        pgd: accuracy under PGD-50, from the card as everywhere, or else the report, which has fewer starts.
        apgd: accuracy under APGD, from the report.
        cost: time of an epoch over that of the standard recipe.
        flags: what speaks for masked gradients; None where nobody looked.
    """

    card: Card
    epsilon: float | None
    clean: Share | None
    pgd: Share | None
    apgd: Share | None
    cost: float | None
    flags: tuple[str, ...] | None


def standings(cards: Sequence[Card], rows: Sequence[Mapping[str, Any]], norm: Norm) -> list[Standing]:
    """One a card, in the order given. A row of the report counts only if it was measured on the card's weights."""
    found = []
    for card in cards:
        own = next((row for row in card.figures if row.get("norm") == norm), {})
        row = _row_of(card, rows, norm)
        cost, flags = row.get("cost"), row.get("masking")
        epsilon = row.get("epsilon", own.get("epsilon"))
        found.append(
            Standing(
                card,
                float(epsilon) if isinstance(epsilon, int | float) else None,
                _share(own, "clean") or _share(row, "clean"),
                _share(own, "robust") or _share(row, "pgd"),
                _share(row, "apgd"),
                float(cost) if isinstance(cost, int | float) else None,
                tuple(flag for flag in flags.split(",") if flag) if isinstance(flags, str) else None,
            )
        )
    return found


def cards_in_report(cards: Sequence[Card], rows: Sequence[Mapping[str, Any]]) -> list[Card]:
    """The cards whose weights the report was measured on, in the order given."""
    return [card for card in cards if _row_of(card, rows, "linf") or _row_of(card, rows, "l2")]


def _row_of(card: Card, rows: Sequence[Mapping[str, Any]], norm: Norm) -> Mapping[str, Any]:
    wanted = (card.key, card.sha256, norm)
    return next((row for row in rows if (row.get("model"), row.get("sha256"), row.get("norm")) == wanted), {})


def _share(row: Mapping[str, Any], name: str) -> Share | None:
    """A figure of a row from anywhere, if it is whole."""
    parts = [row.get(f"{name}{suffix}") for suffix in ("", "_low", "_high", "_n")]
    value, low, high, n = (float(part) if isinstance(part, int | float) else -1.0 for part in parts)
    return Share(value, low, high, int(n)) if 0 <= low <= value <= high <= 1 and n >= 1 else None
