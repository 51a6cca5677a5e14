"""Who judges what: blind, balanced over networks and pictures, in an order of each person's own."""

import random
from collections.abc import Sequence

from core.workshop.items import Item, Option


def assigned(items: Sequence[Item], each: int, number: int, seed: int, deal: int) -> tuple[int, ...]:
    """Indices of the items that a person judges, in their order.

    A Latin design: nobody sees one picture twice, everybody sees each condition equally often (as near as `each`
    allows), and over `conditions * subjects / each` people that come one after another every picture is judged once
    under every condition.

    Args:
        items: all of the round; every subject under every condition.
        each: how many a person judges; as many as there are subjects at most.
        number: of the person, by when they came, from 0.
        seed: of the person's own order.
        deal: of the workshop: which pictures go together.
    """
    grid = {(item.subject, item.condition): index for index, item in enumerate(items)}
    subjects = sorted({item.subject for item in items})
    conditions = sorted({item.condition for item in items})
    random.Random(deal).shuffle(subjects)
    each = min(each, len(subjects))
    blocks = len(subjects) // each
    block, turn = number % blocks, number // blocks % len(conditions)
    shown = subjects[block * each : (block + 1) * each]
    found = [grid[subject, conditions[(place + turn) % len(conditions)]] for place, subject in enumerate(shown)]
    random.Random(seed).shuffle(found)
    return tuple(found)


def ordered_options(item: Item, index: int, seed: int, shuffled: int) -> tuple[Option, ...]:
    """The options as a person sees them: the first `shuffled` of them in an order of their own, the rest last."""
    order = random.Random(f"{seed} {index}").sample(range(shuffled), shuffled)
    return tuple(item.options[place] for place in order) + item.options[shuffled:]
