"""A region pointed at on the page Saliency: how much of each map lies in it, and the answers once it is gone."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from html import escape
from math import isfinite

import streamlit as st

from app.saliency.choice import SaliencyChoice
from app.saliency.colouring import map_pixels, strongest, why_empty
from app.saliency.results import Cell, Question
from app.state import predictions, session
from app.state.boxes import box_text
from app.state.choice import Choice
from app.state.names import model_name
from app.ui import region, tables
from app.ui.colours import model_colour
from app.ui.data_urls import bytes_url
from app.ui.downloads import downloads, table_csv
from app.ui.elements import percent
from app.ui.region_picker import Panel, PanelGroup, region_picker
from core.explanations.catalogue import ATTRIBUTION_METHODS
from core.metrics.box import Box, BoxShares, box_shares
from core.saliency.grid import SaliencyMap


def point(choice: Choice, question: Question, found: Mapping[Cell, SaliencyMap]) -> None:
    """The picture and one method's maps, linked; the region changed; and the share of every map in it."""
    part, task = session.page_choice(SaliencyChoice), question.task
    left, right = st.columns(2, gap="medium")
    left.selectbox(
        "Maps of", part.methods, format_func=lambda key: ATTRIBUTION_METHODS[key].title,
        **session.binding("method", "saliency.point.method"),
    )  # fmt: skip
    with right:
        region.fill_picker()
    looks = predictions.predictions_of(task, choice.models, question.shown)
    maps = _map_panels(choice.models, part, found)
    groups = [PanelGroup("", [region.picture_panel(task, question.shown, looks), *maps])]
    edited = region.edited_panels(task, choice.models, question.shown)
    region_picker([*groups, *([edited] if edited else [])], *task.shape[1:], "saliency")
    if choice.box is not None:
        table = _table(choice.models, part.methods, found, choice.box)
        tables.show(table, "map-shares", partial(shares_csv, found, choice.box))
        region.edits_guide(
            "A map that points at what is in the box has more of its mass there than the box has of the area; methods "
            "that mark places are coarser than those that mark pixels. ",
            "Share of absolute mass: Kohlbrenner et al. 2020, arXiv:1910.09840. ",
        )
        answers = partial(region.edited_csv, task, choice.models, question.shown, choice.box)
        downloads(f"region-{task.key}", ("New answers as CSV", "csv", answers))


def _map_panels(models: Sequence[str], part: SaliencyChoice, found: Mapping[Cell, SaliencyMap]) -> Iterator[Panel]:
    """The maps of the method that is looked at; of those that are not there, why."""
    for model in models:
        cell = (model, part.method)
        one = found.get(cell)
        problem = "It is on its way." if one is None else why_empty(one)
        if one is None or problem:
            st.caption(f"No map of **{model_name(model)}**: {problem}")
            continue
        source = bytes_url(map_pixels(one, strongest(one), part.colours, part.over))
        note = f"{ATTRIBUTION_METHODS[part.method].title}, on a scale of its own"
        yield Panel(",".join(cell), model_name(model), note, source, one.heatmap, model)


def shares_of(found: Mapping[Cell, SaliencyMap], box: Box) -> dict[Cell, BoxShares]:
    """How much of each map that is there lies in a box."""
    return {cell: box_shares(one.heatmap, box) for cell, one in found.items() if not why_empty(one)}


def shares_csv(found: Mapping[Cell, SaliencyMap], box: Box) -> bytes:
    """A line a map: its names, the box, its area, and the shares of all, of what raises and what lowers the score."""
    rows = (
        [model, method, box_text(box), shares.area, shares.mass, shares.positive, shares.negative]
        for (model, method), shares in shares_of(found, box).items()
    )
    return table_csv(["model", "method", "box", "area", "share", "share_positive", "share_negative"], rows)


def _table(models: Sequence[str], methods: Sequence[str], found: Mapping[Cell, SaliencyMap], box: Box) -> str:
    shares = shares_of(found, box)
    heads = "".join(
        f'<th><i style="background: {model_colour(key)}"></i>{escape(model_name(key))}</th>' for key in models
    )
    lines = "".join(
        f"<tr><th>{escape(ATTRIBUTION_METHODS[method].title)}</th>"
        + "".join(_share((model, method), shares.get((model, method))) for model in models)
        + "</tr>"
        for method in methods
    )
    area = next((one.area for one in shares.values()), None)
    even = "" if area is None else f" An even map would have {percent(area)}."
    return (
        f'<div class="rs-chart">Share of each map inside of the box</div><div class="rs-small">Of absolute values; '
        f"+ of what raises the score, − of what lowers it.{even}</div>"
        f'<div class="rs-wide"><table class="rs-table rs-narrow-table" data-box="{box_text(box)}">'
        f"<tr><th>Method</th>{heads}</tr>{lines}</table></div>"
    )


def _share(cell: Cell, shares: BoxShares | None) -> str:
    if shares is None:
        return "<td>–</td>"
    signs = [
        f"{sign} {percent(part)}" for sign, part in (("+", shares.positive), ("−", shares.negative)) if isfinite(part)
    ]
    return (
        f'<td data-share="{escape(",".join(cell))}" data-value="{shares.mass:.6f}"><b>{percent(shares.mass)}</b> '
        f"<small>{' · '.join(signs)}</small></td>"
    )
