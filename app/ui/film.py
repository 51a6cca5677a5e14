"""The film: a few pictures and, below each, the gradient maps of networks at every moment of their training.

All frames are sent, and the browser shows them: moving the slider asks nothing of the server.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.components.v2 import component

from app.state.result_cache import cached_result
from app.ui.colours import signed_colours
from app.ui.downloads import downloads, npz, table_csv
from app.ui.elements import STYLE
from app.ui.sheets import Cell, SheetRow, picture_sheet
from core.images import to_png

Caption = tuple[str, bool]  # what a network answers, and whether that is right


@dataclass(frozen=True, slots=True)
class Track:
    """One network's part of the film.

    Attributes:
        name: of the network.
        colour: of the network, "#rrggbb".
        frames: signed maps (N, H, W) of each moment.
        scale: the value at which the colour is full.
        at: epochs done at each moment.
        captions: for each moment, one for each picture.
    """

    name: str
    colour: str
    frames: Sequence[NDArray[np.float16]]
    scale: float
    at: Sequence[float]
    captions: Sequence[Sequence[Caption]]


def film(
    pictures: NDArray[np.uint8], labels: Sequence[str], tracks: Sequence[Track], follow: int | None, key: str
) -> None:
    """Show tracks under `pictures` (N, C, H, W) with their true classes, and below them their files.

    Args:
        pictures: uint8 (N, C, H, W).
        labels: their true classes.
        tracks: at least one.
        follow: the newest moment of a network that is learning now, which is shown unless the visitor looks at another;
            None shows the last of all.
        key: of the element.
    """
    data: dict[str, Any] = {
        "pictures": _url(_side_by_side(list(pictures.transpose(0, 2, 3, 1)))),
        "labels": list(labels),
        "follow": follow,
        "tracks": [
            {
                "name": track.name,
                "colour": track.colour,
                "at": list(track.at),
                "frames": [_frame(frame.tobytes(), frame.shape, track.scale) for frame in track.frames],
                "captions": [[list(caption) for caption in moment] for moment in track.captions],
            }
            for track in tracks
        ],
    }
    _component()(key=key, data=data)
    downloads(
        key,
        ("PNG", "png", partial(moments_png, pictures, labels, tracks)),
        ("CSV", "csv", partial(moments_csv, labels, tracks)),
        ("NPZ", "npz", partial(moments_npz, pictures, labels, tracks)),
        quiet=True,
    )


def moments_png(pictures: NDArray[np.uint8], labels: Sequence[str], tracks: Sequence[Track]) -> bytes:
    """The pictures, and each network's maps at the first moment, in the middle, and at the last."""
    first = [
        Cell(np.ascontiguousarray(np.broadcast_to(one, (*one.shape[:2], 3))), label)
        for one, label in zip(pictures.transpose(0, 2, 3, 1), labels, strict=True)
    ]
    rows = [SheetRow("The pictures", "", first)]
    for track in tracks:
        last = len(track.frames) - 1
        for at in sorted({0, last // 2, last}):
            cells = [
                Cell(_coloured(one.astype(np.float32), track.scale), f"{words}, {'right' if right else 'wrong'}")
                for one, (words, right) in zip(track.frames[at], track.captions[at], strict=True)
            ]
            rows.append(SheetRow(f"{track.name}, after {track.at[at]:.2f} epochs", track.colour, cells))
    return picture_sheet(rows, f"Full colour at {', '.join(f'{track.name}: {track.scale:.3g}' for track in tracks)}")


def moments_csv(labels: Sequence[str], tracks: Sequence[Track]) -> bytes:
    """A line for each network, moment and picture: its true class, and the answer with its share."""
    return table_csv(
        ("network", "epochs", "picture", "class", "answer", "right"),
        (
            (track.name, at, number, label, answer, right)
            for track in tracks
            for at, moment in zip(track.at, track.captions, strict=True)
            for number, (label, (answer, right)) in enumerate(zip(labels, moment, strict=True), 1)
        ),
    )


def moments_npz(pictures: NDArray[np.uint8], labels: Sequence[str], tracks: Sequence[Track]) -> bytes:
    """`pictures` (N, C, H, W), and by network, counted from 1, `maps_<n>` (S, N, H, W) and `epochs_<n>` (S,)."""
    arrays: dict[str, NDArray[Any]] = {"pictures": pictures}
    for number, track in enumerate(tracks, 1):
        arrays |= {f"maps_{number}": np.stack(track.frames), f"epochs_{number}": np.asarray(track.at)}
    return npz(arrays, {"networks": [track.name for track in tracks], "classes": list(labels)})


@cached_result
def _frame(values: bytes, shape: tuple[int, int, int], scale: float) -> str:
    """The maps of one moment side by side, one pixel a value, as a data URL."""
    maps = np.frombuffer(values, np.float16).reshape(shape).astype(np.float32)
    return _url(_side_by_side([_coloured(one, scale) for one in maps]))


def _coloured(one: NDArray[np.float32], scale: float) -> NDArray[np.uint8]:
    return np.rint(signed_colours(one, scale)).astype(np.uint8)


def _side_by_side(pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Pictures (H, W, 1 or 3) as one strip (H, N W, 3)."""
    return np.concatenate([np.broadcast_to(one, (*one.shape[:2], 3)) for one in pictures], axis=1)


def _url(pixels: NDArray[np.uint8]) -> str:
    return "data:image/png;base64," + base64.b64encode(to_png(pixels)).decode()


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    css, js = ((STYLE.with_name(f"film.{suffix}")).read_text() for suffix in ("css", "js"))
    return component("robustscope.film", html=_HTML, css=css, js=js)


_HTML = """
<div class="film">
  <div class="grid"></div>
  <div class="bar">
    <button type="button" class="play" aria-label="Play the training"></button>
    <input type="range" min="0" max="0" value="0" step="1" aria-label="Moment of the training">
    <output></output>
  </div>
</div>
"""
