"""Which of two maps explains the answer better: two networks' maps of the same picture and class."""

from collections.abc import Sequence

from core.errors import InputError
from core.workshop.items import Item, Option
from core.workshop.rounds.bars import Measure, Share, among_values, percent
from core.workshop.rounds.kind import Kind, Preparation, Rules, Subject, full_blocks, known_by_all
from core.workshop.rounds.pictures import Album
from core.workshop.state import PreparedRound, Round, Tallies

EACH, WANTED = 4, 8


def prepare(preparation: Preparation) -> PreparedRound:
    """Two maps beside their picture, in an order of each person's own.

    Pictures that somebody chose, which are a single one or those of unknown class, are all asked of everybody, up to
    `WANTED`; where the class is unknown, the one that the first network answers is explained.

    Raises:
        InputError: not two networks, or too few pictures.
    """
    if len(preparation.networks) != 2:
        raise InputError(f"This round compares two networks; got {len(preparation.networks)}.")
    chosen = len(preparation.subjects) == 1 or any(subject.label is None for subject in preparation.subjects)
    subjects = preparation.subjects if chosen else known_by_all(preparation)
    each = min(len(subjects), WANTED) if chosen else EACH
    subjects = subjects[: full_blocks(len(subjects), each, WANTED)]
    album = Album()
    items = []
    for number, subject in enumerate(subjects):
        items.append(_item(preparation, album, number, subject))
        preparation.on_progress(number + 1, len(subjects))
    return PreparedRound("pair", preparation.stated(each=each), tuple(items), album.pictures)


def _item(preparation: Preparation, album: Album, number: int, subject: Subject) -> Item:
    answered = int(preparation.networks[0].fast(subject.x).argmax())
    label = answered if subject.label is None else subject.label
    maps = tuple(album.gradient_map(model, subject.x, label) for model in preparation.networks)
    name = preparation.task.class_names[label]
    return Item(
        number, "", "", f"Which map explains the answer “{name}” better?", (album.picture(subject.x), *maps),
        tuple(Option(key, "") for key in preparation.names), {"class": name},
    )  # fmt: skip


def measures(round_: Round) -> tuple[Measure, ...]:
    """How often each network's map was chosen."""
    names = round_.settings["names"]
    return tuple(Measure("preferred", key, names[key], among_values(key)) for key in round_.settings["networks"])


def words(round_: Round, shares: Sequence[Share], tallies: Tallies) -> str:
    """Whose maps the room prefers."""
    best, other = sorted(shares, key=lambda share: -share.hits)
    if best.hits == other.hits:
        return f"The room is split: half prefer the maps of “{best.label}”, half those of “{other.label}”."
    return f"{percent(best)} of the room's choices are maps of “{best.label}”, {percent(other)} of “{other.label}”."


PAIR = Kind(
    key="pair",
    title="Which map explains it better?",
    sentence="Two networks' maps of one picture and class, side by side, without names.",
    source="Each map is on its own scale (99th percentile).",
    rules=Rules(prepare, measures, words),
    shuffled=2,
    networks=(2, 2),
)
