"""The player: pictures that change step by step, and the curves that go with them, moved together in the browser.

All frames and values are sent once. Scrubbing, playing, wiping, blinking, amplifying a difference and zooming ask
nothing of the server, and nothing is reported back.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.components.v2 import component

from app.state.result_cache import cached_result
from app.ui.downloads import downloads, npz, table_csv
from app.ui.elements import STYLE
from app.ui.sheets import Cell, SheetRow, few_steps, levels, picture_sheet
from core.images import to_png

Unit = Literal["number", "percent"]
Mode = Literal["three", "beside", "wipe", "blink", "change"]
MODES: tuple[Mode, ...] = ("three", "wipe", "blink", "change")


@dataclass(frozen=True, slots=True)
class Line:
    """One curve.

    Attributes:
        values: one a step (S+1,); what is not finite is left out.
        colour: "#rrggbb".
        name: what it shows, for the legend and for people who hear the page.
        faint: drawn dashed, behind the others.
    """

    values: Sequence[float]
    colour: str
    name: str
    faint: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """One small chart under the pictures.

    Attributes:
        title: what its values are, with the unit.
        lines: at least one.
        unit: how its values are written; "percent" values lie in [0, 1].
        mark: a value that is drawn as a dotted line.
        mark_name: what the mark is.
    """

    title: str
    lines: Sequence[Line]
    unit: Unit = "number"
    mark: float | None = None
    mark_name: str = ""


@dataclass(frozen=True, slots=True)
class Track:
    """One column of pictures.

    Attributes:
        name: of the network, or of whatever makes the frames.
        colour: "#rrggbb".
        frames: float32 (S+1, C, H, W); values outside [0, 1] are cut off, as a screen must.
        captions: one a step, or none.
        reference: the step that differences, wipes and blinks compare with.
        beside: what the mode "beside" shows next to the frames, step by step: float32 (S+1, C, H, W), or None.
        beside_name: what that is called.
    """

    name: str
    colour: str
    frames: NDArray[np.float32]
    captions: Sequence[str] = field(default_factory=tuple)
    reference: int = 0
    beside: NDArray[np.float32] | None = None
    beside_name: str = ""


def player(
    tracks: Sequence[Track],
    series: Sequence[Series],
    key: str,
    step: str = "Step",
    start: int | None = None,
    modes: Sequence[Mode] = MODES,
    ends: tuple[str, str] = ("start", "now"),
    places: Sequence[str] = (),
) -> None:
    """Show tracks side by side with their curves, in step, and below them their files.

    Args:
        tracks: at least one; a shorter one rests at its end.
        series: charts, in reading order.
        key: of the element.
        step: what a step is called.
        start: the step shown first; None shows the last.
        modes: how pictures can be shown, the first one first.
        ends: what the reference and the step that is shown are called.
        places: what each step stands for, where that says more than its number.
    """
    data: dict[str, Any] = {
        "step": step,
        "start": start,
        "modes": list(modes),
        "ends": list(ends),
        "places": list(places),
        "tracks": [
            {
                "name": track.name,
                "colour": track.colour,
                "count": len(track.frames),
                "reference": track.reference,
                "strip": _strip(track.frames.tobytes(), track.frames.shape),
                "captions": list(track.captions),
                "beside": None if track.beside is None else _strip(track.beside.tobytes(), track.beside.shape),
                "besideName": track.beside_name,
            }
            for track in tracks
        ],
        "series": [
            {
                "title": one.title,
                "unit": one.unit,
                "mark": one.mark,
                "markName": one.mark_name,
                "lines": [
                    {"name": line.name, "colour": line.colour, "faint": line.faint, "values": _plain(line.values)}
                    for line in one.lines
                ],
            }
            for one in series
        ],
    }
    _component()(key=key, data=data)
    downloads(
        key,
        ("PNG", "png", partial(steps_png, tracks, places)),
        ("CSV", "csv", partial(steps_csv, tracks, series, places)),
        ("NPZ", "npz", partial(steps_npz, tracks, series, places)),
        quiet=True,
    )


def steps_png(tracks: Sequence[Track], places: Sequence[str]) -> bytes:
    """A row a track, and one of what stands beside it: the first step, the last, and some between, with captions."""
    rows = []
    for track in tracks:
        rows.append(SheetRow(track.name, track.colour, _cells(track, track.frames, places)))
        if track.beside is not None:
            name = f"{track.name}: {track.beside_name}"
            rows.append(SheetRow(name, track.colour, _cells(track, track.beside, places)))
    return picture_sheet(rows)


def _cells(track: Track, frames: NDArray[np.float32], places: Sequence[str]) -> list[Cell]:
    return [
        Cell(levels(frames[at]), "\n".join([_place(at, places), *track.captions[at : at + 1]]))
        for at in few_steps(len(frames))
    ]


def _place(at: int, places: Sequence[str]) -> str:
    return places[at] if at < len(places) else str(at)


def steps_csv(tracks: Sequence[Track], series: Sequence[Series], places: Sequence[str]) -> bytes:
    """A line a step: each track's caption, and each curve's value; empty after an end."""
    columns: dict[str, Sequence[object]] = {
        f"{track.name}: caption": track.captions for track in tracks if track.captions
    }
    columns |= {f"{one.title}: {line.name}": line.values for one in series for line in one.lines}
    steps = max([*(len(track.frames) for track in tracks), *map(len, columns.values())])
    rows = (
        [_place(at, places), *(column[at] if at < len(column) else "" for column in columns.values())]
        for at in range(steps)
    )
    return table_csv(("step", *columns), rows)


def steps_npz(tracks: Sequence[Track], series: Sequence[Series], places: Sequence[str]) -> bytes:
    """`frames_<n>`, `beside_<n>` (S+1, C, H, W) a track, `curve_<n>` (S+1,), from 1; names are in the settings."""
    lines = [(f"{one.title}: {line.name}", line.values) for one in series for line in one.lines]
    arrays = {f"frames_{number}": track.frames for number, track in enumerate(tracks, 1)}
    arrays |= {f"beside_{number}": track.beside for number, track in enumerate(tracks, 1) if track.beside is not None}
    arrays |= {f"curve_{number}": np.asarray(values, np.float64) for number, (_, values) in enumerate(lines, 1)}
    named = {"tracks": [track.name for track in tracks], "curves": [name for name, _ in lines]}
    return npz(arrays, named | {"places": list(places)})


def _plain(values: Sequence[float]) -> list[float | None]:
    """Values as JSON takes them."""
    return [round(float(value), 6) if np.isfinite(value) else None for value in values]


@cached_result
def _strip(values: bytes, shape: tuple[int, int, int, int]) -> str:
    """All frames side by side, one pixel a value, as a data URL."""
    frames = np.frombuffer(values, np.float32).reshape(shape)
    return "data:image/png;base64," + base64.b64encode(to_png(np.concatenate(list(frames), axis=2))).decode()


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    css = "\n".join(STYLE.with_name(f"{name}.css").read_text() for name in ("tools", "player"))
    return component("robustscope.player", html=_HTML, css=css, js=STYLE.with_name("player.js").read_text())


_HTML = """
<div class="player" role="group" aria-label="Player: arrow keys move, space plays">
  <div class="tools">
    <div class="modes" role="radiogroup" aria-label="How the pictures are shown"></div>
    <label class="dial amplify">difference ×
      <input type="range" aria-label="Amplification of the difference"><output></output></label>
    <label class="dial wipe" hidden>divider
      <input type="range" min="0" max="100" value="50" aria-label="Place of the divider"></label>
    <div class="zoom" role="group" aria-label="Zoom">zoom
      <button type="button" data-zoom="out" aria-label="Zoom out">−</button><output>1 ×</output>
      <button type="button" data-zoom="in" aria-label="Zoom in">+</button>
    </div>
  </div>
  <div class="tracks" tabindex="0" aria-label="Pictures; arrow keys move, space plays"></div>
  <div class="bar">
    <button type="button" class="play" aria-label="Play"></button>
    <input type="range" class="scrub" min="0" max="0" value="0" step="1" aria-label="Step">
    <output class="said"></output>
  </div>
  <div class="charts"></div>
</div>
"""
