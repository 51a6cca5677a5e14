"""The standings for a room: four networks a slide, each with its right answers, clean and attacked, as bars."""

from collections.abc import Sequence

from app.models.standings import Share, Standing
from app.ui.elements import percent
from app.ui.presenter import Bar, Face, Slide, network
from core.norms import Norm, radius_words

AT_ONCE = 4


def slides(standing: Sequence[Standing], first: Sequence[str], norm: Norm) -> list[Slide]:
    """The table's figures; the networks that are chosen side by side stand first."""
    order = sorted(standing, key=lambda one: one.card.key not in first)
    groups = [order[start : start + AT_ONCE] for start in range(0, len(order), AT_ONCE)]
    epsilons = sorted({one.epsilon for one in standing if one.epsilon is not None})
    radius = f"attacks of {' or '.join(radius_words(norm, epsilon) for epsilon in epsilons)}" if epsilons else ""
    return [
        Slide(
            f"standings-{number}",
            "How often are they right?",
            tuple(network(one.card.key, Face(bars=_bars(one))) for one in group),
            radius,
        )
        for number, group in enumerate(groups)
    ]


def _bars(one: Standing) -> tuple[Bar, ...]:
    """A bar a figure; none of what was not measured."""
    named: dict[str, Share | None] = {"clean": one.clean, "PGD-50": one.pgd, "APGD": one.apgd}
    return tuple(Bar(name, share.value, percent(share.value)) for name, share in named.items() if share is not None)
