"""The picture that a first visit opens with, as it was chosen for the networks that are here."""

from collections.abc import Mapping

from app.state import pictures, zoo
from app.state.result_cache import cached_for_all
from core.data.galleries import ASSETS
from core.explanations.opening import NAME, Opening, Openings, read_openings


def opening_of(task: str, page: str = "") -> Opening | None:
    """The picture chosen for a task, a test image where they are here; None where it was chosen for other networks.

    The page Latent takes the first whose slider turns a network, which may be one of its own.

    Raises:
        InputError: a card or the choice is damaged.
    """
    path = ASSETS / task / NAME
    made = _openings(task, path.stat().st_mtime_ns) if path.exists() else None
    cards = zoo.cards_of(task)
    if made is None or any(key not in cards or cards[key].sha256 != sha for key, sha in made.networks.items()):
        return None
    there = pictures.items(task)
    own = ("-latent", "") if page == "latent" else ("",)
    named = (made.chosen.get(f"{kind}{suffix}") for kind in ("test", "ships") for suffix in own)
    found = [one for one in named if one is not None and one.picture in there]
    turned = [one for one in found if one.direction] if page == "latent" else []
    return next(iter(turned or found), None)


@cached_for_all
def _openings(task: str, stamp: int) -> Openings | None:
    return read_openings(task)


def pictures_of(tasks: list[str], page: str) -> Mapping[str, str]:
    """By task the key of the picture that a page opens with, where one was chosen."""
    return {task: one.picture for task in tasks if (one := opening_of(task, page))}
