"""Boxes of pixels, as links write them and as browsers send them."""

import re
from collections.abc import Sequence
from contextlib import suppress

from core.errors import ConfigError
from core.metrics.box import Box

_FOUR = re.compile(r"\d{1,4}(?:,\d{1,4}){3}", re.ASCII)


def box_text(box: Box | None) -> str:
    """A box in a link: "first row,first column,rows,columns"; "" for none."""
    return "" if box is None else f"{box.top},{box.left},{box.height},{box.width}"


def parse_box(text: str) -> Box | None:
    """The box that a text from anyone means; None where it means none."""
    return box_of([int(side) for side in text.split(",")]) if _FOUR.fullmatch(text) else None


def box_of(sides: Sequence[object]) -> Box | None:
    """The box of four numbers from anyone; None where they are none."""
    if len(sides) != 4:
        return None
    with suppress(ConfigError):
        return Box(*sides)  # type: ignore[arg-type]
    return None
