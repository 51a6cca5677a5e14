"""What a link to the page Workshop says: whose door it is, and which round to look back at."""

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from app.state import query_fields
from app.state.query_fields import QueryField, matching
from core.workshop.codes import ALPHABET, LENGTH

JOIN, LEAD = "join", "lead"
_CODE = matching(rf"(?i)[{ALPHABET}]{{{LENGTH}}}", str.upper)


@dataclass(frozen=True, slots=True)
class WorkshopLink:
    """A link to the page.

    Attributes:
        join: a code, at a participant's door; "" for none.
        lead: a code, at the presenter's door; the key is in no link.
        round: the number of a revealed round to look back at, from 1; 0 for where the workshop is.
    """

    join: str = ""
    lead: str = ""
    round: int = 0


Context = Callable[[WorkshopLink], int]
"""How many rounds of a link's workshop have been revealed."""

_TABLE: tuple[QueryField[WorkshopLink, Context], ...] = (
    QueryField(
        "join", "join", _CODE, lambda value, link, context: True, f"must be a code of {LENGTH} letters",
        instead="; type it here.",
    ),
    QueryField(
        "lead", "lead", _CODE, lambda value, link, context: True, f"must be a code of {LENGTH} letters",
        instead="; type it here.",
    ),
    QueryField(
        "round", "round", matching(r"-?[1-9]\d{0,8}", int), lambda value, link, context: 1 <= value <= context(link),
        "must be the number of a round that this workshop has revealed", instead="; the current one is shown.",
    ),
)  # fmt: skip


def here(revealed: Context) -> tuple[WorkshopLink, list[str]]:
    """What the address says, and a sentence for each value that had to be replaced."""
    return query_fields.read(_TABLE, WorkshopLink(), st.query_params.to_dict(), revealed)


def go(link: WorkshopLink) -> None:
    """Bring the address in line."""
    st.query_params.from_dict(query_fields.to_query(_TABLE, link, WorkshopLink()))
