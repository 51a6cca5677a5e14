"""Maps against maps: two networks wiped or blinked, and how much maps agree as small matrices."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app.saliency.choice import AGREED, SaliencyChoice
from app.saliency.colouring import map_pixels, scales, why_empty
from app.saliency.report import methods_matrix, models_matrix
from app.saliency.results import Cell
from app.state import session
from app.state.names import model_name
from app.ui import tables
from app.ui.colours import model_colour, signed_colours
from app.ui.controls import pick
from app.ui.elements import how_to_read
from app.ui.player import Track, player
from core.errors import CoreError
from core.explanations.catalogue import ATTRIBUTION_METHODS
from core.metrics.map_agreement import AGREEMENTS, TOP, agreement_matrix
from core.reports.saliency.report import SaliencyReport
from core.saliency.grid import SaliencyMap

Matrix = NDArray[np.float64]
OVER = 80  # percent at which the strongest values cover the picture, beside the map alone
TITLES: Mapping[str, str] = {
    "spearman": "rank correlation",
    "cosine": "cosine",
    "ssim": "structure (SSIM)",
    "top-overlap": f"highest {TOP:.0%} shared".replace("%", " %"),
}


def pair(choice_models: Sequence[str], part: SaliencyChoice, found: Mapping[Cell, SaliencyMap]) -> bool:
    """The chosen method's maps of two networks, to wipe and to blink; gives whether both are there."""
    rest = [key for key in choice_models if key != part.seen]
    if not rest:
        st.caption("Choose a second network in the side panel to wipe and blink between two.")
        return False
    st.segmented_control(
        f"Against {model_name(part.seen)}", rest, format_func=model_name, required=True,
        **session.binding("other", "saliency.other"),
    )  # fmt: skip
    both = [found.get((key, part.method)) for key in (part.seen, part.other)]
    shown = [one for one in both if one is not None and not why_empty(one)]
    if len(shown) < len(both):
        st.info("One of the two has no map of this method to compare.", icon=":material/info:")
        return False
    full = scales(found, part.scale)
    names = [model_name(one.model) for one in shown]
    tracks = []
    for title, over in (("the map alone", 0), ("the map over the picture", OVER)):
        frames = np.stack([_frame(map_pixels(one, full[one.model, one.method], part.colours, over)) for one in shown])
        tracks.append(Track(f"{ATTRIBUTION_METHODS[part.method].title}: {title}", model_colour(part.other), frames))
    player(tracks, (), "saliency-pair", "Network", modes=("wipe", "blink"), ends=(names[0], names[1]))
    return True


def _frame(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.asarray(pixels.transpose(2, 0, 1) / 255, np.float32)


def agreement(
    choice_models: Sequence[str],
    part: SaliencyChoice,
    found: Mapping[Cell, SaliencyMap],
    report: SaliencyReport | None,
) -> None:
    """How much maps agree: networks with networks for each method, and methods with methods for each network.

    The report is None where none holds these networks.
    """
    with st.container(horizontal=True):
        pick(
            "Agreement by",
            {key: TITLES[key] for key in AGREEMENTS},
            **session.binding("agreement", "saliency.agreement"),
        )
        pick("Over", AGREED, **session.binding("agreed", "saliency.agreed"))
    part = session.page_choice(SaliencyChoice)
    if part.agreed and report is None:
        st.caption("The report that holds these networks is not here yet: see below how to make it.")
        return
    there = {cell: one for cell, one in found.items() if not why_empty(one)}

    def networks(method: str) -> Matrix:
        if part.agreed and report is not None:
            return models_matrix(report, method, choice_models, part.agreement)
        return matrix([there.get((key, method)) for key in choice_models], part.agreement)

    def methods(key: str) -> Matrix:
        if part.agreed and report is not None:
            return methods_matrix(report, key, part.methods, part.agreement)
        return matrix([there.get((key, method)) for method in part.methods], part.agreement)

    names, titles = [model_name(key) for key in choice_models], [ATTRIBUTION_METHODS[key].title for key in part.methods]
    if len(names) > 1:
        st.subheader("Do the networks agree, method by method?", anchor=False)
        between = [(ATTRIBUTION_METHODS[key].title, networks(key)) for key in part.methods]
        tables.show(_matrices(between, names, "networks"), "agreement-networks")
    if len(titles) > 1:
        st.subheader("Do the methods agree, network by network?", anchor=False)
        within = [(model_name(key), methods(key)) for key in choice_models]
        tables.show(_matrices(within, titles, "methods"), "agreement-methods")
    percents = f"{TOP * 100:.0f} %"
    counts = {} if report is None else report.report.settings
    how_to_read(
        "1 is the same map, 0 no relation, below 0 the opposite; a dash where a map is missing or has no order. Rank "
        "correlation orders all pixels, cosine counts strong ones more, SSIM compares local structure, and the last "
        f"one counts the {percents} strongest pixels that two maps share (by chance {percents}). Networks whose "
        "maps differ look at different pixels; methods that differ for one network can't all be right about it."
        + (
            f" Means over the first {counts['images']} test images, {counts['costly_images']} of the methods that "
            "take longest; each network explains its own answer."
            if part.agreed
            else ""
        ),
        "SSIM: Wang et al. 2004; the others as defined in core.metrics.",
    )


def _matrices(blocks: Sequence[tuple[str, Matrix]], names: Sequence[str], mark: str) -> str:
    tables = "".join(_matrix(title, values, names) for title, values in blocks)
    return f'<div class="rs-matrices" data-agreement="{mark}">{tables}</div>'


def _matrix(title: str, values: Matrix, names: Sequence[str]) -> str:
    lines = ""
    for row, name in enumerate(names):
        cells = "".join(_cell(float(values[row, column])) for column in range(row + 1))
        lines += f"<tr><th>{escape(name)}</th>{cells}</tr>"
    return f'<section><div class="rs-chart">{escape(title)}</div><table class="rs-matrix">{lines}</table></section>'


def matrix(maps: Sequence[SaliencyMap | None], agreement_key: str) -> Matrix:
    """The agreement (N, N) of each map with each other; NaN where one is missing, or can't be compared."""
    values = np.full((len(maps), len(maps)), np.nan)
    there = [(index, one.heatmap) for index, one in enumerate(maps) if one is not None]
    try:
        found = agreement_matrix([heatmap for _, heatmap in there], AGREEMENTS[agreement_key])
    except CoreError:  # such as maps too small for a window
        return values
    places = [index for index, _ in there]
    values[np.ix_(places, places)] = found
    return values


def _cell(value: float) -> str:
    if not np.isfinite(value):
        return "<td>–</td>"
    colour = signed_colours(np.array([[value**2 * np.sign(value)]], np.float32), 1.0)[0, 0]
    red, green, blue = np.rint(colour).astype(int)
    ink = "#14273D" if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "#FFFFFF"
    text = f"{value:.2f}".replace("-", "−")
    return f'<td style="background: rgb({red} {green} {blue}); color: {ink}">{text}</td>'
