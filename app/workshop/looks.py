"""Pictures and bars of workshops as HTML; everything that people wrote is escaped here."""

import base64
import io
from collections.abc import Sequence
from html import escape

import numpy as np
import streamlit as st
from PIL import Image

from app.state.result_cache import cached_result
from app.ui.colours import NEUTRAL, model_colour, signed_colours
from app.ui.data_urls import bytes_url
from app.ui.elements import STYLE
from app.workshop.server import database
from core.workshop import reading
from core.workshop.items import Item, Option, Picture
from core.workshop.rounds.bars import Share
from core.workshop.state import Round


def style() -> None:
    """The CSS of this page."""
    st.html(STYLE.with_name("workshop.css"))


@cached_result
def _url(workshop: int, digest: str, form: str) -> str:
    png = reading.picture(database(), workshop, digest)
    if form == "picture":
        return "data:image/png;base64," + base64.b64encode(png).decode()
    levels = np.asarray(Image.open(io.BytesIO(png), formats=["PNG"]).convert("L"), np.float32)
    return bytes_url(np.rint(signed_colours((levels - np.float32(128)) / np.float32(127), 1.0)).astype(np.uint8))


def url(workshop: int, picture: Picture) -> str:
    """A picture, or a map in the app's signed colours, as a data URL.

    Raises:
        InputError: the workshop has no such picture.
    """
    return _url(workshop, picture.digest, picture.form)


def item_html(workshop: int, item: Item, options: Sequence[Option]) -> str:
    """What a phone shows above the answers; nothing in it names a network or what is right."""
    shown = list(item.pictures)
    captions = [picture.caption for picture in shown]
    if len(shown) == len(options) + 1 and not any(option.label for option in options):  # one picture an option
        own = {option.value: picture for option, picture in zip(item.options, shown[1:], strict=True)}
        shown = [shown[0], *(own[option.value] for option in options)]
        captions = ["The picture", *(letter(place) for place in range(len(options)))]
    kind = "ws-one" if len(shown) == 1 else "ws-three" if len(shown) == 3 else "ws-many"
    figures = "".join(
        f'<figure><img src="{url(workshop, picture)}" alt="{escape(_alt(picture, caption))}">'
        + (f"<figcaption>{escape(caption)}</figcaption>" if caption else "")
        + "</figure>"
        for picture, caption in zip(shown, captions, strict=True)
    )
    return f'<p class="ws-prompt">{escape(item.prompt)}</p><div class="ws-pictures {kind}">{figures}</div>'


def answers_of_html(prefix: str) -> str:
    """Hides the answers to any other item than the one whose buttons have this prefix of their keys.

    Streamlit draws a page piece by piece: without this the next picture stands above the buttons of the one before,
    whose press says nothing, for as long as a slow phone takes.
    """
    answers = '[class*="st-key-ws-answer-"]'
    return f'<style>{answers}:not([class*="st-key-{prefix}"]) {{ visibility: hidden; }}</style>'


def _alt(picture: Picture, caption: str) -> str:
    what = "A map: orange raises the score, purple lowers it" if picture.form == "map" else "A picture"
    return f"{what}, {caption}" if caption else what


def letter(place: int) -> str:
    """A, B, C, … for options without words."""
    return chr(ord("A") + place)


def option_label(option: Option, place: int) -> str:
    """What the button of an option says."""
    return option.label or f"Map {letter(place)}"


def bars_html(bars: Sequence[Share], masked: bool = False) -> str:
    """One bar a share, with its interval; masked, nothing says which network it is."""
    groups = list(dict.fromkeys(bar.group for bar in bars))
    return f'<div class="ws-bars">{"".join(_bar(bar, groups.index(bar.group), masked) for bar in bars)}</div>'


def _bar(bar: Share, place: int, masked: bool) -> str:
    label = f"{letter(place)}: {bar.measure}" if masked else bar.label
    known = not masked and bar.measure in ("right", "preferred", "human fooled", "mistake reasonable", "let go by then")
    colour = model_colour(bar.group) if known else NEUTRAL
    value = f"{100 * bar.share:.0f} %" if bar.n else "–"
    counted = f"{bar.hits} of {bar.n} · {100 * bar.low:.0f} to {100 * bar.high:.0f} %" if bar.n else "no answers"
    return (
        f'<div class="ws-bar" role="img" aria-label="{escape(label)}: {value}, {bar.hits} of {bar.n}" '
        f'style="--rs-colour: {colour}"><span>{escape(label)}</span>'
        f'<div class="ws-track"><i style="width: {100 * bar.share:.1f}%"></i>'
        + (f'<u style="left: {100 * bar.low:.1f}%; width: {100 * (bar.high - bar.low):.1f}%"></u>' if bar.n else "")
        + f"</div><b>{value}</b><small>{counted}</small></div>"
    )


def sentence_html(text: str) -> str:
    """The room's answer, for the back row."""
    return f'<p class="ws-point">{escape(text)}</p>'


def examples_html(workshop: int, items: Sequence[Item], names: dict[str, str]) -> str:
    """What was shown, unveiled: each map or picture with its class and network."""
    figures = "".join(
        f'<figure><img src="{url(workshop, item.pictures[0])}" alt="">'
        f"<figcaption><b>{escape(str(item.facts.get('class', '')))}</b>"
        f"{escape(names.get(item.condition, item.condition))}</figcaption></figure>"
        for item in items
    )
    return f'<div class="ws-examples">{figures}</div>'


def of_one_picture(round_: Round) -> bool:
    """Whether a round is about the maps of one picture alone, as is that of a picture that somebody offered."""
    return len(round_.items) == 1 and len(round_.items[0].pictures) == len(round_.items[0].options) + 1


def asked_picture_html(workshop: int, round_: Round) -> str:
    """The picture of a round about one alone, for the wall; its maps are in an order of each person's own."""
    if not of_one_picture(round_):
        return ""
    picture = url(workshop, round_.items[0].pictures[0])
    return f'<figure class="ws-asked"><img src="{picture}" alt="The picture"></figure>'


def unveiled_html(workshop: int, round_: Round) -> str:
    """The picture of a round about one alone with its maps, each under its network's name; "" for any other round."""
    if not of_one_picture(round_):
        return ""
    item, names = round_.items[0], round_.settings["names"]
    captions = ["The picture", *(names.get(option.value, option.value) for option in item.options)]
    figures = "".join(
        f'<figure><img src="{url(workshop, picture)}" alt="{escape(_alt(picture, ""))}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
        for picture, caption in zip(item.pictures, captions, strict=True)
    )
    return f'<div class="ws-examples">{figures}</div>'


def clock_html(seconds: float | None) -> str:
    """The time left, in words; nothing without a timer."""
    if seconds is None:
        return ""
    left = max(0, round(seconds))
    return f'<span class="ws-clock" role="timer">{left // 60}:{left % 60:02d} left</span>' if left else "Time is up"
