"""The kinds of rounds that the presenter's menu offers."""

from collections.abc import Mapping

from core.errors import ConfigError
from core.workshop.rounds.guess import GUESS
from core.workshop.rounds.kind import Kind
from core.workshop.rounds.mistake import MISTAKE
from core.workshop.rounds.odd import ODD
from core.workshop.rounds.pair import PAIR
from core.workshop.rounds.poll import POLL
from core.workshop.rounds.slider import SLIDER

_KINDS = (GUESS, MISTAKE, PAIR, ODD, SLIDER, POLL)
KINDS: Mapping[str, Kind] = {kind.key: kind for kind in _KINDS}
"""By the key used in the database and in files."""


def kind_named(key: str) -> Kind:
    """The kind with this key.

    Raises:
        ConfigError: there is none.
    """
    if key not in KINDS:
        raise ConfigError(f"a round must be one of {', '.join(KINDS)}; got {key[:40]!r}")
    return KINDS[key]
