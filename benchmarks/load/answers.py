"""The answers that a page shows, and whether one visitor alone is given the same for the same view."""

import asyncio
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from benchmarks.load.visitor import Visitor

MARK = re.compile(r'<[a-z0-9]+[^>]*?\sdata-[a-z-]+="[^>]*>[^<]*')
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


def view_of(visitor: Visitor, picture: bytes | None) -> View:
    """What a visitor sees now; `picture` is their own latest."""
    own = "image=upload" in visitor.query
    return View(
        visitor.page, visitor.query, picture if own else None, answers_of(each.body for each in visitor.shown.values())
    )


async def differences(view: View, address: str, patience: float) -> list[str]:
    """What a new visitor sees otherwise in a view; empty where all is the same."""
    query = urlencode([each for each in parse_qsl(view.query) if each != ("image", "upload")], safe=":,")
    visitor = Visitor(address, query, view.page)
    try:
        await visitor.open()
        await visitor.until(lambda: visitor.runs, patience)
        uploaders = visitor.find("picker.upload", "file_uploader")  # some pages are of no picture
        if view.picture is not None and uploaders:
            await visitor.bring(visitor.widgets[uploaders[0]], "new.png", view.picture)
        await asyncio.sleep(0.1)
        await visitor.until(lambda: not visitor.busy, patience)
        now = answers_of(each.body for each in visitor.shown.values())
    except (OSError, TimeoutError) as error:
        return [repr(error)]
    finally:
        await visitor.close()
    return [*(f"+ {text}" for text in now - view.answers), *(f"- {text}" for text in view.answers - now)]
