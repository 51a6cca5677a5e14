"""What a visitor does next on a page: another picture, network, control, part or page, or something heavy."""

import io
import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from benchmarks.load.visitor import Visitor, Widget

PAGES = (
    "compare", "tour", "adversarial", "anomaly", "saliency", "latent", "find", "models", "report", "training",
    "workshop",
)  # fmt: skip
WEIGHTS = {"page": 0.22, "picture": 0.3, "network": 0.08, "control": 0.25, "part": 0.09, "heavy": 0.06}
HEAVY = ("attack.strength", "adversarial.rho", "saliency.methods", "anomaly.push", "attack.norm")
AVOIDED = (
    "picker.", "side.", "bring.", "share.", "train", "ws-", "saliency.layer", "anomaly.sample", "made.",
    "models.counted", "find.source", "certificate", "adversarial.draws",
)  # fmt: skip
LIGHT_KINDS = ("button_group", "slider", "selectbox", "checkbox")


@dataclass(frozen=True, slots=True)
class Action:
    """One interaction.

    Attributes:
        kind: key of `WEIGHTS`.
        name: what is used, for people.
        do: does it; back once the page is drawn.
    """

    kind: str
    name: str
    do: Callable[[], Awaitable[None]]


def new_picture(draw: random.Random, side: int = 160) -> bytes:
    """A picture that nobody has seen, as PNG: soft blobs of colour, which networks have opinions on."""
    noise = np.random.default_rng(draw.getrandbits(63)).integers(0, 256, (7, 7, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).resize((side, side), Image.Resampling.BICUBIC).save(file, "PNG")
    return file.getvalue()


def possible(
    visitor: Visitor, kind: str, draw: random.Random, bring: Callable[[Widget], Awaitable[None]]
) -> list[Action]:
    """What of a kind can be done on the page as it is drawn.

    Args:
        visitor: whose page.
        kind: key of `WEIGHTS`.
        draw: what is drawn at random.
        bring: brings a new picture by an uploader.
    """
    if kind == "page":
        return [
            Action(kind, page, lambda page=page: visitor.turn_to(page))
            for page in PAGES
            if page != visitor.page and page in visitor.pages
        ]
    if kind == "picture":
        uploader = [each for each in visitor.widgets.values() if each.id.endswith("picker.upload")]
        if uploader and draw.random() < 0.5:
            return [Action(kind, "new picture", lambda: bring(uploader[0]))]
    return [
        Action(kind, widget.id.split("-", 2)[-1], lambda widget=widget, value=value: visitor.use(widget, value))
        for widget, value in _values(visitor, kind, draw)
    ]


def _values(visitor: Visitor, kind: str, draw: random.Random) -> Iterator[tuple[Widget, object]]:
    """Widgets that a kind of action uses, each with a value."""
    for widget in visitor.widgets.values():
        name = widget.id.split("-", 2)[-1]
        if kind == "picture" and widget.kind == "button" and name.startswith("pick-"):
            yield widget, None
        elif kind == "network" and widget.kind == "multiselect" and name.startswith("side.models."):
            options = [*widget.drawn.options]
            yield widget, draw.sample(options, min(len(options), draw.choice((1, 2, 2, 3))))
        elif kind == "part" and widget.kind == "expandable":
            yield widget, not widget.drawn.expanded
        elif kind in ("control", "heavy") and widget.kind in (*LIGHT_KINDS, "multiselect"):
            heavy = name.startswith(HEAVY)
            usable = heavy == (kind == "heavy") and not name.startswith(AVOIDED) and widget.kind in LIGHT_KINDS
            if usable and (value := _value(widget, draw)) is not None:
                yield widget, value


def _value(widget: Widget, draw: random.Random) -> object:
    """A value that a widget can have; None where there is none to choose."""
    drawn = widget.drawn
    if widget.kind == "checkbox":
        return not drawn.value
    if widget.kind == "slider":
        return _place_of(drawn, draw) if len(drawn.default) == 1 else None
    options = [each.content if widget.kind == "button_group" else each for each in drawn.options]
    if len(options) < 2:
        return None
    chosen = draw.choice(options)
    if widget.kind == "selectbox":
        return chosen
    return [chosen] if drawn.click_mode == 0 else draw.sample(options, min(3, len(options)))


def _place_of(slider, draw: random.Random) -> list[object] | None:
    """A place of a slider with one handle, among its options where it has such."""
    if slider.options:
        return [draw.choice(slider.options)]
    steps = round((slider.max - slider.min) / slider.step) if slider.step else 0
    return [slider.min + draw.randint(0, steps) * slider.step] if steps else None
