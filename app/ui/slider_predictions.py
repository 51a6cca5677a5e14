"""The decision ribbon: a thin strip a network, coloured and lettered by its answer along one slider."""

from collections.abc import Collection, Iterator, Sequence
from html import escape
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from app.state.names import model_name
from app.ui.colours import model_colour
from app.ui.data_urls import data_url
from core.data.tasks import Task

# For dark letters on top, and apart under colour blindness: Paul Tol's light scheme (2021), and a lilac.
CLASS_COLOURS = (
    "#77AADD", "#EE8866", "#EEDD88", "#FFAABB", "#99DDFF", "#44BB99", "#BBCC33", "#AAAA00", "#DDDDDD", "#C4A5E0",
)  # fmt: skip
NO_COLOUR = "#FFFFFF"
LETTER = 2.1  # percent of a ribbon's width that a letter needs
MINUS = "−"
SMALL = 56  # pixels of the pictures at a ribbon's ends, about


class Strip(Protocol):
    """What a ribbon shows: a picture at P positions as M networks see it."""

    @property
    def positions(self) -> NDArray[np.float32]:
        """The positions (P,), rising."""

    @property
    def x(self) -> NDArray[np.float32]:
        """Pictures (., C, H, W), the first and the last position's at the ends."""

    @property
    def predicted(self) -> NDArray[np.int64]:
        """The class that each network answers (M, P)."""


class ClassColours(dict[int, str]):
    """The colours of a task's classes all over a page: no two of them share one.

    Each of few classes has its own. Of many, those that are asked for first are coloured, and the others white.
    """

    def __init__(self, task: Task) -> None:
        few = task.classes <= len(CLASS_COLOURS)
        super().__init__(enumerate(CLASS_COLOURS[: task.classes]) if few else ())

    def __missing__(self, index: int) -> str:
        self[index] = (*CLASS_COLOURS, *[NO_COLOUR] * (len(self) + 1))[len(self)]
        return self[index]


def runs(answers: NDArray[np.integer]) -> Iterator[tuple[int, int, int]]:
    """Where answers (P,) stay the same: (class, first, one behind the last), from left to right."""
    edges = [0, *(np.flatnonzero(np.diff(answers)) + 1).tolist(), len(answers)]
    for first, last in pairwise(edges):
        yield int(answers[first]), first, last


def spans(strip: Strip, network: int) -> list[tuple[int, float, float]]:
    """What a network answers along a strip: (class, from, to) as shares of the way; an answer turns halfway."""
    positions = strip.positions.astype(np.float64)
    share = (positions - positions[0]) / (positions[-1] - positions[0])
    edges = np.concatenate([[0.0], (share[:-1] + share[1:]) / 2, [1.0]])
    return [(label, float(edges[first]), float(edges[last])) for label, first, last in runs(strip.predicted[network])]


def ribbon_html(task: Task, strip: Strip, models: Sequence[str], axis: str, at: float, colours: ClassColours) -> str:
    """The ribbons of all networks along one slider, the slider's place, and the pictures at both ends."""
    low, high = float(strip.positions[0]), float(strip.positions[-1])
    place = (at - low) / (high - low) * 100
    rows = "".join(_row(task, strip, number, key, colours) for number, key in enumerate(models))
    ends = "".join(
        f'<figure><img src="{data_url(small(strip.x[end]))}" alt="At {signed(value)}">'
        f"<figcaption>{signed(value)}</figcaption></figure>"
        for end, value in ((0, low), (-1, high))
    )
    return (
        f'<div class="rs-ribbon" data-ribbon="{axis}" data-at="{at:g}"><div class="rs-ribbon-rows">{rows}'
        f'<i class="rs-ribbon-mark" style="left: {place:.2f}%"></i></div><div class="rs-ribbon-ends">{ends}</div></div>'
    )


def small(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """A picture (C, H, W) with every so many pixels averaged that neither side has over twice `SMALL`."""
    channels, height, width = x.shape
    by = max(1, min(height, width) // SMALL)
    if by == 1:
        return x
    cut = x[:, : height // by * by, : width // by * by]
    means: NDArray[np.float32] = cut.reshape(channels, height // by, by, width // by, by).mean((2, 4))
    return means


def _row(task: Task, strip: Strip, number: int, key: str, colours: ClassColours) -> str:
    names, found = task.class_names, spans(strip, number)
    low, high = float(strip.positions[0]), float(strip.positions[-1])
    parts = "".join(
        f'<b style="flex-basis: {(last - first) * 100:.3f}%; background: {colours[label]}" '
        f'data-class="{escape(names[label])}" title="{escape(names[label])}">{_fitting(names[label], last - first)}</b>'
        for label, first, last in found
    )
    said = ", ".join(
        f"{names[label]} from {signed(low + first * (high - low))} to {signed(low + last * (high - low))}"
        for label, first, last in found
    )
    return (
        f'<div class="rs-ribbon-row" role="img" aria-label="{escape(model_name(key))}: {escape(said)}" '
        f'data-network="{escape(key)}" style="--rs-colour: {model_colour(key)}">{parts}</div>'
    )


def _fitting(name: str, share: float) -> str:
    """A class's name, where there is room for it; on a narrower screen it is left out whole (`.rs-ribbon-row`)."""
    return escape(name.replace(" ", "\N{NO-BREAK SPACE}")) if share * 100 >= LETTER * len(name) else ""


def signed(value: float) -> str:
    """A slider's value in few characters, with a true minus."""
    return f"{value:.2f}".rstrip("0").rstrip(".").replace("-", MINUS)


def key_html(task: Task, models: Sequence[str], colours: ClassColours, classes: Collection[int] | None = None) -> str:
    """Which colour is which network, in the order of a ribbon's rows, and which is which class; None takes all."""
    networks = "".join(
        f'<span><i style="background: {model_colour(key)}"></i>{escape(model_name(key))}</span>' for key in models
    )
    named = "".join(
        f'<b style="background: {colours[index]}">{escape(name)}</b>'
        for index, name in enumerate(task.class_names)
        if classes is None or index in classes
    )
    return f'<div class="rs-key-row rs-ribbon-key">{networks}<span class="rs-classes">{named}</span></div>'
