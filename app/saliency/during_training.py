"""How a map came about: a network that was stopped early beside the same one at its end, and films of one's own."""

from collections.abc import Mapping, Sequence
from html import escape

import streamlit as st

from app.saliency import results
from app.saliency.choice import SaliencyChoice
from app.saliency.colouring import explains, map_pixels, scales, why_empty
from app.saliency.grid_page import number
from app.saliency.results import Question
from app.state import visitors
from app.state import zoo as state_zoo
from app.state.names import model_name
from app.state.training_job import Job
from app.state.training_queue import jobs
from app.ui import tiles, training_film
from app.ui.colours import model_colour
from app.ui.data_urls import bytes_url, data_url
from core.metrics.map_agreement import spearman
from core.models.zoo import Card
from core.saliency.grid import SaliencyMap
from core.saliency.method import Method

EARLIER: Mapping[str, str] = {"standard": "oneepoch"}
"""Networks that ship, and their like that was stopped early: same recipe, seed and pictures."""


def course(question: Question, models: Sequence[str], part: SaliencyChoice, method: Method) -> None:
    """What there is from the training of the networks shown; a sentence where nothing was kept."""
    pairs = pairs_of(models, state_zoo.cards_of(question.task.key))
    runs = runs_of(question.task.key, models)
    for late in pairs:
        _pair(question, EARLIER[late], late, part, method)
    if runs:
        training_film.show_film(runs, own_scale=True)
        training_film.film_guide()
    if not pairs and not runs:
        st.caption(
            "The networks shown kept their last weights alone, so there is nothing earlier to look at. Train one on "
            "the page Train and choose it here: its gradient maps are kept from the first step on."
        )


def pairs_of(models: Sequence[str], zoo: Mapping[str, Card]) -> list[str]:
    """The networks of which an early and a late state ship, if one of the two is shown."""
    return [late for late, early in EARLIER.items() if {late, early} <= {*zoo} and (late in models or early in models)]


def runs_of(task: str, models: Sequence[str]) -> list[Job]:
    """The visitor's trainings that made the networks shown, and were watched."""
    visitor = visitors.me()
    mine = jobs().of(visitor) if visitor else []
    return [job for job in mine if job.order.task == task and job.order.key in models and job.points]


def _pair(question: Question, early: str, late: str, part: SaliencyChoice, method: Method) -> None:
    """The picture, and the map of both states."""
    keys = (early, late)
    if not method.long:
        for _ in results.quick_maps(question, keys, [method.key]):
            pass
    found = results.known_maps(question, keys, [method.key])
    if len(found) < len(keys):
        st.caption(
            f"{method.title} takes long: with {model_name(early)} and {model_name(late)} both in the grid, their maps "
            "stand here, too."
        )
        return
    cards = state_zoo.cards_of(question.task.key)
    full = scales(found, part.scale)
    pictures = (
        f'<figure><img src="{data_url(question.shown.x[0])}" alt="The picture"><figcaption>the picture</figcaption>'
    )
    pictures += "</figure>"
    for cell, one in found.items():
        epochs = cards[cell[0]].settings["epochs"]
        said = f"after {epochs} epoch{'s' if epochs != 1 else ''}: {_answer(question, one)}"
        problem = why_empty(one)
        pictures += (
            f'<div class="rs-map-none"><span>{escape(problem)}</span></div>'
            if problem
            else f'<figure><img src="{bytes_url(map_pixels(one, full[cell], part.colours, part.over))}" '
            f'alt="{escape(said)}"><figcaption>{escape(said)}</figcaption></figure>'
        )
    first, last = (found[key, method.key].heatmap for key in keys)
    tiles.show(
        f'<div data-course="{escape(late)}"><div class="rs-head" style="--rs-colour: {model_colour(late)}"><span '
        f'class="rs-name">{escape(method.title)} of {escape(model_name(late))}</span></div>'
        f'<div class="rs-strip rs-few" tabindex="0">{pictures}</div><div class="rs-small">Rank correlation of the two '
        f"maps: {number(spearman(first, last))}. Same recipe, seed and pictures; the first network's training was "
        "planned to end after one epoch, so it is an under-trained one rather than a moment of the other's training."
        "</div></div>",
        f"course-{late}",
    )


def _answer(question: Question, one: SaliencyMap) -> str:
    words = explains(one, question.task.class_names)
    return f"why {words}" if words else "no map"
