"""The answers that a page shows, and whether one visitor alone is given the same for the same view."""

import asyncio
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.load.visitor import Visitor

MARK = re.compile(r'<[a-z0-9]+[^>]*?\sdata-[a-z-]+="[^>]*>[^<]*')
BRINGING = "compare"  # a page where a picture can be brought
ATTRIBUTE = re.compile(r'\sdata-([a-z-]+)="([^"]*)"')


@dataclass(frozen=True, slots=True)
class View:
    """What a visitor saw.

    Attributes:
        page: which page.
        query: its address, which restores all of it but for a picture of the visitor's own.
        picture: that picture, where the view is of one.
        answers: what the page says, as `answers_of`.
    """

    page: str
    query: str
    picture: bytes | None
    answers: Counter[str]


def answers_of(texts: Iterable[str]) -> Counter[str]:
    """The marks in pieces of HTML that hold answers: elements' data attributes with the text behind them, counted."""
    found: Counter[str] = Counter()
    for text in texts:
        for mark in MARK.finditer(text):
            attributes = sorted(ATTRIBUTE.findall(mark[0]))
            words = mark[0].rpartition(">")[2].strip()
            found[" ".join(f"{name}={value}" for name, value in attributes) + f": {words}"] += 1
    return found


def is_own(query: str) -> bool:
    """Whether a view is of a picture of the visitor's own, by its address."""
    return "image=upload" in query


def view_of(visitor: Visitor, picture: bytes | None) -> View:
    """What a visitor sees now; `picture` is their own latest."""
    own = picture if is_own(visitor.query) else None
    return View(visitor.page, visitor.query, own, answers_of(each.body for each in visitor.shown.values()))


async def differences(view: View, address: str, patience: float) -> list[str]:
    """What a new visitor sees otherwise in a view; empty where all is the same.

    A picture of one's own is brought first, and the view opened after it as by a reload: another picture puts sliders
    to rest, and a link that comes before it would lose where they stood.
    """
    visitor = Visitor(address, view.query, view.page)
    try:
        if view.picture is not None:
            visitor.query, visitor.page = "", BRINGING
            await _opened(visitor, patience)
            (uploader,) = visitor.find("picker.upload", "file_uploader")
            await visitor.bring(visitor.widgets[uploader], "new.png", view.picture)
            await visitor.until(lambda: visitor.known, patience)
            await visitor.close()
            visitor.query, visitor.page = view.query, view.page
        await _opened(visitor, patience)
        now = answers_of(each.body for each in visitor.shown.values())
    except (OSError, TimeoutError) as error:
        return [repr(error)]
    finally:
        await visitor.close()
    return [*(f"+ {text}" for text in now - view.answers), *(f"- {text}" for text in view.answers - now)]


async def _opened(visitor: Visitor, patience: float) -> None:
    """Open where the visitor stands, and wait until all of it is drawn."""
    runs = visitor.runs
    await visitor.open()
    await visitor.until(lambda: visitor.runs > runs, patience)
    await asyncio.sleep(0.1)
    await visitor.until(lambda: not visitor.busy, patience)
