"""A free poll: the presenter's own question and answers."""

from collections.abc import Sequence

from core.errors import InputError
from core.text import shorten
from core.workshop.items import Item, Option
from core.workshop.rounds.bars import Measure, Share, among_values, percent
from core.workshop.rounds.kind import Kind, Preparation, Rules
from core.workshop.state import PreparedRound, Round, Tallies

LONGEST_QUESTION, LONGEST_OPTION = 160, 60
OPTIONS = (2, 8)


def prepare(preparation: Preparation) -> PreparedRound:
    """The presenter's question; what does not print is escaped, and long texts lose their middle.

    Raises:
        InputError: no question, or too few or too many answers.
    """
    question = shorten(str(preparation.settings.get("prompt", "")).strip(), LONGEST_QUESTION)
    texts = [shorten(str(text).strip(), LONGEST_OPTION) for text in preparation.settings.get("options", ())][:100]
    texts = list(dict.fromkeys(text for text in texts if text))
    if not question or not OPTIONS[0] <= len(texts) <= OPTIONS[1]:
        raise InputError(f"A poll needs a question and {OPTIONS[0]} to {OPTIONS[1]} different answers.")
    options = tuple(Option(str(number), text) for number, text in enumerate(texts))
    item = Item(0, "", "", question, (), options)
    return PreparedRound("poll", preparation.stated(each=1, prompt=question), (item,), {})


def measures(round_: Round) -> tuple[Measure, ...]:
    """How often each answer was given."""
    return tuple(
        Measure("chosen", option.value, option.label, among_values(option.value)) for option in round_.items[0].options
    )


def words(round_: Round, shares: Sequence[Share], tallies: Tallies) -> str:
    """Which answer leads, and whether it is most of the room's."""
    best = max(shares, key=lambda share: share.hits)
    level = [f"“{share.label}”" for share in shares if share.hits == best.hits]
    if len(level) > 1:
        return f"The room is split: {percent(best)} each for {' and '.join(level)}."
    most = "Most of the room" if 2 * best.hits > best.n else "The largest part of the room"
    return f"{most} ({percent(best)}) says: “{best.label}”."


POLL = Kind(
    key="poll",
    title="A poll of your own",
    sentence="Your question, your answers, nothing to be right about.",
    source="The presenter's own question",
    rules=Rules(prepare, measures, words),
    networks=(0, 4),
)
