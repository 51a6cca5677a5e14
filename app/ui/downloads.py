"""What pages give to take away: buttons, NPZ files with settings, cells of captioned pictures."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from core.npz import npz_bytes
from core.text import csv_cell

CELL, GAP, CAPTION, HEAD = 128, 12, 44, 40
MIMES = {
    "png": "image/png", "npz": "application/octet-stream", "csv": "text/csv", "html": "text/html",
    "parquet": "application/vnd.apache.parquet", "zip": "application/zip",
}  # fmt: skip

DPI = 300
INK, PAPER = "#14273D", "#FFFFFF"


def npz(arrays: Mapping[str, NDArray[Any]], settings: Mapping[str, object]) -> bytes:
    """A compressed NPZ: the arrays by name, and `settings` as a JSON string; no pickles."""
    return npz_bytes({**arrays, "settings": np.array(json.dumps(settings, sort_keys=True))})


def table_csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A table as CSV, UTF-8, with a line for its head; text that a spreadsheet would take for a formula is quoted."""
    text = io.StringIO()
    quoted = ([csv_cell(cell) if isinstance(cell, str) else cell for cell in row] for row in (head, *rows))
    csv.writer(text, lineterminator="\n").writerows(quoted)
    return text.getvalue().encode()


def cell_picture(x: NDArray[np.float32]) -> Image.Image:
    """An image (C, H, W), cut to [0, 1], as a cell of a sheet."""
    levels = np.rint(x.clip(0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)
    rgb = np.ascontiguousarray(np.broadcast_to(levels, (*levels.shape[:2], 3)))
    return Image.fromarray(rgb).resize((CELL, CELL), Image.Resampling.NEAREST)


_IN_LATIN = str.maketrans(
    {
        "∞": "inf", "ρ": "RMSE", "ε": "e", "η": "n", "α": "alpha", "σ": "sigma", "−": "-", "–": "-", "→": "to",
        "≠": "!=", "≤": "<=", "≥": ">=", "′": "'", "’": "'", "“": '"', "”": '"', "…": "...", "✓": "yes", "✗": "no",
    }
)  # fmt: skip


def latin_text(text: str) -> str:
    """Text with the signs that the built-in font has."""
    return text.translate(_IN_LATIN).encode("latin-1", "replace").decode("latin-1")


def sheet_png(sheet: Image.Image) -> bytes:
    """A sheet as PNG, which says that it has 300 dpi."""
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG", dpi=(DPI, DPI))
    return buffer.getvalue()


def downloads(
    name: str,
    *files: tuple[str, str, Callable[[], bytes]],
    quiet: bool = False,
    before: Callable[[str], None] | None = None,
) -> None:
    """A button for each file (label, suffix, what makes it); it is made once it is asked for.

    Those of single charts and tables are `quiet`: many stand on a page. `before` draws what stands before them by name.
    """
    with st.container(horizontal=True, key=f"quiet-{name}" if quiet else None):
        if before is not None:
            before(name)
        for label, suffix, make in files:
            st.download_button(
                label, make, f"{name}.{suffix}", MIMES[suffix], key=f"download.{name}.{suffix}",
                icon=":material/download:", on_click="ignore", type="tertiary" if quiet else "secondary",
            )  # fmt: skip
