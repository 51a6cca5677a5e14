"""The contact sheet: several pictures at once under one method."""

from collections.abc import Mapping, Sequence
from functools import partial
from html import escape

import numpy as np
import streamlit as st

from app.saliency import results
from app.saliency.choice import MOST_SHEET, SaliencyChoice
from app.saliency.colouring import explains, map_pixels, scales, why_empty
from app.state import pictures as state_pictures
from app.state import session
from app.state.choice import Choice
from app.state.names import model_name
from app.state.pictures import ModelInput
from app.ui import tiles
from app.ui.colours import model_colour
from app.ui.data_urls import bytes_url, data_url
from app.ui.downloads import npz
from core.data.tasks import Task
from core.explanations.catalogue import ATTRIBUTION_METHODS
from core.saliency.grid import SaliencyMap


def sheet(task: Task, choice: Choice, part: SaliencyChoice) -> None:
    """Choose pictures, and see the method that is looked at on all of them, a row a network."""
    items = state_pictures.listed(task.key)
    st.multiselect(
        "Pictures", list(items), format_func=lambda key: items[key].title if key in items else key,
        max_selections=MOST_SHEET, placeholder="Choose some pictures of the gallery",
        **session.binding("sheet", f"saliency.sheet.{task.key}"),
    )  # fmt: skip
    pictures, method = session.page_choice(SaliencyChoice).sheet, ATTRIBUTION_METHODS[part.method]
    if not pictures:
        st.caption(f"Up to {MOST_SHEET} pictures, with {method.title}: the method of the map that is looked at above.")
        return
    if method.long:
        st.info(
            f"{method.title} takes too long for many pictures at once: look at a map of a quicker method above.",
            icon=":material/info:",
        )
        return
    place = st.empty()
    shown = [state_pictures.model_input(task.key, key, choice.fit, choice.invert) for key in pictures]
    rows: dict[str, str] = dict.fromkeys(choice.models, "")
    heads = ""
    maps: dict[tuple[int, str], SaliencyMap] = {}
    for number, picture in enumerate(shown):
        question = results.question_of(task, picture, part)
        for _ in results.quick_maps(question, choice.models, [part.method]):
            pass
        found = results.known_maps(question, choice.models, [part.method])
        full = scales(found, part.scale)
        heads += (
            f'<figure class="rs-map"><img src="{data_url(picture.x[0])}" alt="{escape(picture.title)}">'
            f"<small>{escape(picture.title)}</small></figure>"
        )
        for cell, one in found.items():
            problem, maps[number, cell[0]] = why_empty(one), one
            words = escape(explains(one, task.class_names))
            rows[cell[0]] += (
                f'<div class="rs-map rs-map-none"><span>{escape(problem)}</span></div>'
                if problem
                else f'<figure class="rs-map" data-sheet="{escape(cell[0])}">'
                f'<img src="{bytes_url(map_pixels(one, full[cell], part.colours, part.over))}" alt="{words}">'
                f"<small>why {words}</small></figure>"
            )
        place.progress((number + 1) / len(shown), f"Picture {number + 1} of {len(shown)}")
    body = "".join(
        f'<div class="rs-map-head rs-of-model" style="--rs-colour: {model_colour(key)}">'
        f"<b>{escape(model_name(key))}</b></div>{cells}"
        for key, cells in rows.items()
    )
    tiles.show(
        f'<div class="rs-maps rs-sheet" style="--rs-columns: {len(shown)}"><div class="rs-map-head"><b>'
        f"{escape(method.title)}</b></div>{heads}{body}</div>",
        f"contact-sheet-{task.key}",
        arrays=partial(sheet_npz, task, part, shown, maps),
        place=place,
    )


def sheet_npz(
    task: Task, part: SaliencyChoice, shown: Sequence[ModelInput], maps: Mapping[tuple[int, str], SaliencyMap]
) -> bytes:
    """`x` (N, C, H, W), and `attributions__<model>__<n>` (C, H, W) of each picture, counted from 0, that has a map."""
    arrays = {f"attributions__{key}__{at}": one.attributions for (at, key), one in maps.items() if not one.problem}
    titles = [picture.title for picture in shown]
    settings = {"task": task.key, "method": part.method, "pictures": titles} | next(iter(maps.values())).settings
    return npz(arrays | {"x": np.concatenate([picture.x for picture in shown])}, settings)
