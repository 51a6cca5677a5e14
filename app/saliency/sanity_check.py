"""The sanity check: what a map becomes while the networks lose their weights, layer by layer, from the answer down."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Any

import numpy as np
import streamlit as st
import torch
from numpy.typing import NDArray

from app.saliency.colouring import strength
from app.saliency.grid_page import number
from app.saliency.results import SEED, Question
from app.state import device, zoo
from app.state.names import model_name
from app.state.tasks import Call
from app.ui import tiles
from app.ui.colours import model_colour, signed_colours
from app.ui.data_urls import bytes_url
from app.ui.downloads import npz
from app.ui.elements import how_to_read
from app.ui.player import Line, Series, Track, player
from app.ui.sheets import few_steps
from app.ui.task_progress import LongTask, watch
from core.errors import CoreError
from core.explanations.catalogue import ATTRIBUTION_METHODS
from core.progress import OnProgress, ShouldStop, StoppedError
from core.saliency.grid import SaliencyMap
from core.saliency.method import AttributionRequest
from core.saliency.randomisation import cascade

Map = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Cascade:
    """What one network's map became.

    Attributes:
        model: the network.
        layers: the layer that lost its weights at each step (S,); "" first.
        heatmaps: the maps (S, H, W).
        similarity: Spearman's correlation (S,) of the absolute map with the first.
        problem: why there is none, one sentence; "" where there is one.
    """

    model: str
    layers: tuple[str, ...]
    heatmaps: Map
    similarity: NDArray[np.float64]
    problem: str = ""


def sanity(question: Question, method: str, maps: Sequence[SaliencyMap]) -> None:
    """The button, how far the work is, or the strips."""
    names = ", ".join(model_name(one.model) for one in maps)
    offer = LongTask(
        "saliency.sanity",
        ("sanity", *(question.key(one.model, method) for one in maps)),
        partial(call_for, question, method, maps),
        f"{ATTRIBUTION_METHODS[method].title} of {names}: the weights go layer by layer, the one next to the answer "
        "first.",
        "Randomise the layers",
        ":material/shuffle:",
        lambda work: f"Layer {work.done:,} of {work.of:,}" if work.of else "Begun",
    )
    work = watch(offer)
    if work is not None:
        _show(method, work.result)


def call_for(question: Question, method: str, maps: Sequence[SaliencyMap]) -> Call:
    """The work: the cascade of each network, of the class that its map explains."""
    loaded = [zoo.model(question.task.key, one.model) for one in maps]

    def call(on_progress: OnProgress, should_stop: ShouldStop) -> list[Cascade]:
        found: list[Cascade] = []
        for number_, (one, model) in enumerate(zip(maps, loaded, strict=True)):

            def told(done: int, of: int, before: int = number_) -> None:
                on_progress(before * of + done, len(maps) * of)

            network, x = device.placed(model).fast, question.x()
            target = torch.tensor([one.target] if len(one.target) == 2 else one.target, device=x.device)
            generator = torch.Generator().manual_seed(SEED)
            ask = AttributionRequest(network, x, target, generator, told, should_stop)
            try:
                steps = list(cascade(question.method(method), ask, SEED))
            except StoppedError:
                raise
            except CoreError as problem:
                found.append(Cascade(one.model, (), np.zeros((0, 1, 1), np.float32), np.zeros(0), str(problem)))
                continue
            found.append(
                Cascade(
                    one.model,
                    tuple(step.layer for step in steps),
                    np.concatenate([step.heatmaps for step in steps]),
                    np.concatenate([step.similarity for step in steps]),
                )
            )
        return found

    return call


def _show(method: str, found: Sequence[Cascade]) -> None:
    for one in found:
        if one.problem:
            st.html(_no_strip(one))
        else:
            tiles.show(_strip(one, method), f"sanity-{one.model}", arrays=partial(cascade_npz, one, method))
    there = [one for one in found if not one.problem]
    if there:
        tracks = [
            Track(
                model_name(one.model),
                model_colour(one.model),
                np.stack([_pixels(heatmap, method).transpose(2, 0, 1) / 255 for heatmap in one.heatmaps]).astype(
                    np.float32
                ),
                [_said(one, step) for step in range(len(one.layers))],
            )
            for one in there
        ]
        lines = [Line(one.similarity.tolist(), model_colour(one.model), model_name(one.model)) for one in there]
        series = Series("Rank correlation with the map as it was", lines, mark=0.0, mark_name="no relation")
        player(tracks, (series,), "saliency-sanity", "Layers lost", 0, ("three", "wipe", "blink"), ("as it is", "now"))
    how_to_read(
        "Each step replaces one more layer's weights by random ones, and explains the same class again; each picture "
        "has its own colour scale. A map that stays as it was does not depend on what was learnt there, so it can't "
        "say what the network has learnt: the correlation should fall to about 0.",
        "Adebayo et al. 2018, arXiv:1810.03292, cascading randomisation; rank correlation of absolute values.",
    )


def cascade_npz(one: Cascade, method: str) -> bytes:
    """`heatmaps` (S, H, W), and `similarity` (S,): the rank correlation of each with the first."""
    arrays: dict[str, NDArray[Any]] = {"heatmaps": one.heatmaps, "similarity": one.similarity}
    return npz(arrays, {"model": one.model, "method": method, "layers": list(one.layers), "seed": SEED})


def _head(one: Cascade) -> str:
    return (
        f'<div class="rs-head" style="--rs-colour: {model_colour(one.model)}"><span class="rs-name">'
        f"{escape(model_name(one.model))}</span></div>"
    )


def _no_strip(one: Cascade) -> str:
    return f'<div data-sanity="{escape(one.model)}">{_head(one)}<div class="rs-small">{escape(one.problem)}</div></div>'


def _strip(one: Cascade, method: str) -> str:
    pictures = "".join(
        f'<figure><img src="{bytes_url(_pixels(one.heatmaps[step], method))}" alt="{escape(_said(one, step))}">'
        f"<figcaption>{escape(_said(one, step))}</figcaption></figure>"
        for step in few_steps(len(one.layers))
    )
    return (
        f'<div data-sanity="{escape(one.model)}">{_head(one)}<div class="rs-strip" tabindex="0">{pictures}</div></div>'
    )


def _said(one: Cascade, step: int) -> str:
    return f"{step} layers lost: {number(float(one.similarity[step]))}" if step else "as it is"


def _pixels(heatmap: Map, method: str) -> NDArray[np.uint8]:
    full = float(np.abs(heatmap).max()) or 1.0
    colour = signed_colours(heatmap, full) if ATTRIBUTION_METHODS[method].signed else strength(heatmap, full)
    return np.rint(colour).astype(np.uint8)


def models_with(method: str, found: Mapping[tuple[str, str], SaliencyMap], models: Sequence[str]) -> list[SaliencyMap]:
    """The maps of a method that are there, one a network."""
    maps = [found.get((key, method)) for key in models]
    return [one for one in maps if one is not None and not one.problem]
