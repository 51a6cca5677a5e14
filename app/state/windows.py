"""Windows on a picture's values, as links write them."""

import re
from contextlib import suppress

from core.decoding.window import AS_IT_CAME, Kind, Window
from core.errors import ConfigError

_NUMBER = r"-?\d{1,12}(?:\.\d{1,9})?(?:e[-+]?\d{1,2})?"
_PAIR = re.compile(rf"(percentiles|values):({_NUMBER}):({_NUMBER})", re.ASCII)


def window_text(window: Window) -> str:
    """A window in a link: "stretch", "percentiles:1:99", "values:-160:240"; "file" as the picture came."""
    pair = "" if window.kind in ("file", "stretch") else f":{window.low:.9g}:{window.high:.9g}"
    return window.kind + pair


def parse_window(text: str) -> Window | None:
    """The window that a text from anyone means; None where it means none."""
    if text in ("file", "stretch"):
        return Window("stretch") if text == "stretch" else AS_IT_CAME
    found = _PAIR.fullmatch(text)
    if found is None:
        return None
    with suppress(ConfigError):
        kind: Kind = "percentiles" if found[1] == "percentiles" else "values"
        return Window(kind, float(found[2]), float(found[3]))
    return None


def kept(window: Window) -> Window:
    """The window as its text holds it: to nine digits, so that a link shows what its maker saw."""
    return parse_window(window_text(window)) or AS_IT_CAME
