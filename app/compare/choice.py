"""The Compare page's part of the choice: how gradient maps are drawn, and whether odd pictures get an answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.state.page_choice import Beside, PageChoice
from app.state.query_fields import WHOLE, QueryField, one_of, whole

FORMS: Mapping[str, str] = {"over": "over the picture", "alone": "alone"}
SCALES: Mapping[str, str] = {"own": "each its own", "shared": "shared"}
WITHHELD: Mapping[str, str] = {"no": "always", "yes": "unless flagged"}


@dataclass(frozen=True, slots=True)
class CompareChoice(PageChoice):
    """What the page shows besides the shared choice.

    Attributes:
        form: key of `FORMS`: over the grey picture, or alone.
        scale: key of `SCALES`: a colour scale for each map, or one for all side by side.
        opacity: of the strongest values of a map over the picture, in percent.
        withheld: key of `WITHHELD`: whether a network answers where the picture is odd to it.
    """

    leaves_out_defaults = True
    form: str = "over"
    scale: str = "own"
    opacity: int = 80
    withheld: str = "no"

    @property
    def over(self) -> bool:
        """Whether maps lie over the picture."""
        return self.form == "over"

    @property
    def shared(self) -> bool:
        """Whether maps side by side share a scale."""
        return self.scale == "shared"

    @classmethod
    def table(cls) -> tuple[QueryField[Any, Beside], ...]:
        """Its values, in the order in which they are read."""
        return FIELDS


FIELDS: tuple[QueryField[CompareChoice, Beside], ...] = (
    QueryField("map", "form", str, one_of(FORMS), f"must be {' or '.join(FORMS)}"),
    QueryField("scale", "scale", str, one_of(SCALES), f"must be {' or '.join(SCALES)}"),
    QueryField("opacity", "opacity", WHOLE, whole(10, 100), "must be a whole number of percent from 10 to 100"),
    QueryField("withheld", "withheld", str, one_of(WITHHELD), f"must be {' or '.join(WITHHELD)}"),
)
