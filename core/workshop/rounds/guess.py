"""Guess the class from a saliency map alone: whose maps can people read?"""

from collections.abc import Sequence
from itertools import pairwise

from core.workshop.items import Item, Option
from core.workshop.rounds.bars import Measure, Share, percent, under
from core.workshop.rounds.kind import Kind, Preparation, Rules, full_blocks, known_by_all
from core.workshop.rounds.pictures import Album
from core.workshop.state import PreparedRound, Round, Tallies

PER_NETWORK = 3
WANTED = 12
PROMPT = "What is in the picture behind this map?"


def prepare(preparation: Preparation) -> PreparedRound:
    """Gradient maps of the true class, of pictures that all networks answer rightly; blind as to the network.

    Raises:
        InputError: too few such pictures.
    """
    album, items = Album(), []
    each = PER_NETWORK * len(preparation.networks)
    subjects = known_by_all(preparation)
    subjects = subjects[: full_blocks(len(subjects), each, max(each, WANTED))]
    options = tuple(Option(str(label), name) for label, name in enumerate(preparation.task.class_names))
    for number, subject in enumerate(subjects):
        assert subject.label is not None
        answer = album.picture(subject.x)
        for model in preparation.networks:
            shown = album.gradient_map(model, subject.x, subject.label)
            items.append(
                Item(
                    number, model.card.key, str(subject.label), PROMPT, (shown,), options,
                    {"picture": answer.digest, "class": preparation.task.class_names[subject.label]},
                )
            )  # fmt: skip
        preparation.on_progress(number + 1, len(subjects))
    return PreparedRound("guess", preparation.stated(each=each), tuple(items), album.pictures)


def measures(round_: Round) -> tuple[Measure, ...]:
    """The share guessed, by network."""
    names = round_.settings["names"]
    return tuple(
        Measure("right", key, names[key], lambda item, value: value == item.truth, under(key))
        for key in round_.settings["networks"]
    )


def words(round_: Round, shares: Sequence[Share], tallies: Tallies) -> str:
    """What the room guessed from whose maps."""
    parts = [f"{percent(share)} from the maps of “{share.label}”" for share in shares if share.n]
    chance = 100 / len(round_.items[0].options)
    return f"The room guessed {' and '.join(parts)}. Blind guessing gets {chance:.0f} %."


GUESS = Kind(
    key="guess",
    title="Guess the class from a map",
    sentence="People see a gradient map alone and say what the picture shows: whose maps can be read?",
    source="The gradient is of the true class's logit, each map on its own scale (99th percentile).",
    rules=Rules(
        prepare, measures, words, compared=lambda round_: tuple(pairwise(range(len(round_.settings["networks"]))))
    ),
    networks=(1, 3),
)
