"""The verdict on a claim of a paper, in words."""

from collections.abc import Mapping, Sequence
from typing import Any

VERDICTS: Mapping[str, tuple[str, str, str]] = {
    "yes": ("✓", "rs-held", "came out so"),
    "no": ("✗", "rs-failed", "came out the other way"),
    "undecided": ("?", "rs-open", "too close to tell"),
    "part": ("~", "rs-open", "holds in part"),
    "against": ("~", "rs-failed", "came out the other way in part"),
}


def verdict(rows: Sequence[Mapping[str, Any]]) -> str:
    """Key of `VERDICTS` for the rows of one claim."""
    held = {str(row.get("holds")) for row in rows}
    if len(held) == 1 and held <= VERDICTS.keys():
        return held.pop()
    return "part" if "yes" in held else "against" if "no" in held else "undecided"
