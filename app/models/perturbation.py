"""How a saliency perturbation is made: its controls, its steps as pictures, and how adversarial it is."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app.models import figures
from app.models.choice import BOX, LAST_EPOCH, MAP_TITLES, PerturbationChoice, map_options
from app.models.results import PGD_STEPS, PerturbationResult
from app.state import session
from app.state.epsilon_scale import size_dial
from app.state.names import model_name
from app.ui import charts, map_png
from app.ui.colours import gradient_css
from app.ui.downloads import npz
from app.ui.elements import how_to_read, ink, show_png
from app.ui.sheets import Cell, SheetRow, picture_sheet, png_pixels
from core.data.tasks import Task, task_named


def controls() -> None:
    """Map, teacher, network, and the three sliders."""
    choice, part = session.now(), session.page_choice(PerturbationChoice)
    task = task_named(choice.task)
    models = session.models()[choice.task]
    left, middle, right = st.columns(3, gap="medium")
    with left:
        st.selectbox("Map s", map_options(choice), format_func=MAP_TITLES.__getitem__, **_own("maps"))
        if part.of_teacher:
            st.selectbox(
                "Teacher: whose map", models, format_func=model_name, **_own("teacher"),
                help="The network whose answer the map explains. Robust teachers' maps follow the object.",
            )  # fmt: skip
        elif part.maps == BOX:
            st.slider("Box, from column to column", 0, task.shape[2] - 1, **_own("across"))
            st.slider("Box, from row to row", 0, task.shape[1] - 1, **_own("down"))
    with middle:
        st.slider("Size of the perturbation, ε (L∞)", 0, int(size_dial(task).top), format="%d/255", **_own("size"))
        st.selectbox(
            "Tried on the network", models, format_func=model_name, **_own("network"),
            help="The network whose loss is measured below.",
        )  # fmt: skip
    with right:
        st.slider(
            "Epoch i", 0, LAST_EPOCH, **_own("epoch"),
            help="Training begins with noise and takes the map for more and more values: p = 1 − αⁱ.",
        )  # fmt: skip
        st.slider(
            "Annealing base α", 0.0, 1.0, step=0.01, format="%.2f", **_own("alpha"),
            help="1 stays with noise for ever; 0 takes the map alone from the second epoch on. The authors: 0.95.",
        )  # fmt: skip


def _own(field: str) -> dict[str, Any]:
    return session.binding(field, f"made.{field}.{session.now().task}")


def pictures_of(made: PerturbationResult, chosen: PerturbationChoice) -> Sequence[tuple[str, str, bytes]]:
    """The six steps in the order in which they follow from each other: sign, words, PNG."""
    one = made.steps
    return (
        ("x", "the picture", map_png.enlarge(one.x)),
        ("s", "the map" if chosen.maps != "none" else "no map", _signed(one.saliency)),
        ("η", "sign noise", _signed(one.noise)),
        ("w", f"the mask: map at {one.share:.0%} of values".replace("%", " %"), _mask(one.chosen)),
        ("m = (1 − w) η + w s", "noise where w is dark, map where light", _signed(one.mixed)),
        ("x′ = x − ε m", f"what the network learns from, ε = {chosen.size}/255", map_png.enlarge(one.x_new)),
    )


def steps(made: PerturbationResult, chosen: PerturbationChoice) -> None:
    """The steps as pictures."""
    one = made.steps
    with st.container(horizontal=True, gap="small", key="steps-made"):
        for index, (symbol, words, png) in enumerate(pictures_of(made, chosen)):
            with st.container(key=f"step-{index}", gap="xsmall"):
                st.html(f'<div class="rs-step"><b>{symbol}</b><span>{words}</span></div>')
                show_png(png, f"{symbol}: {words}")
    st.html(
        f'<div class="rs-scale rs-scale-short"><i style="background: {gradient_css()}"></i>'
        "<span><b>−1: gets brighter</b><b>0</b><b>+1: gets darker</b></span></div>"
    )
    if chosen.of_teacher and float(one.saliency.min()) >= 0 and one.saliency.any():
        st.html('<div class="rs-small">This map has no negative values: it can only darken, never brighten.</div>')


def _signed(step: NDArray[np.float32]) -> bytes:
    """A step in [-1, 1] as a signed map, the mean over channels; all on the scale from -1 to 1."""
    return map_png.signed_map(step.mean(0), 1.0)


def _mask(chosen: NDArray[np.float32]) -> bytes:
    """The mask as a grey picture, the mean over channels."""
    return map_png.enlarge(chosen.mean(0, keepdims=True))


def steps_png(made: PerturbationResult, chosen: PerturbationChoice) -> bytes:
    """The steps side by side, as they are shown."""
    cells = [Cell(png_pixels(png), f"{symbol}\n{words}") for symbol, words, png in pictures_of(made, chosen)]
    note = "Signed steps: orange gets darker, purple brighter. Mangla et al. 2020, arXiv:2006.07828."
    return picture_sheet([SheetRow(f"Epoch {chosen.epoch}, alpha {chosen.alpha:g}", "", cells)], note)


def steps_npz(made: PerturbationResult) -> bytes:
    """The steps (C, H, W) by their names, and where the perturbation points by epoch."""
    names = ("x", "saliency", "noise", "chosen", "mixed", "x_new")
    arrays = {name: getattr(made.steps, name) for name in names} | {"cosines": made.harm.cosines}
    return npz(arrays, {"losses": dict(made.harm.losses), "share": made.steps.share})


def steps_guide(task: Task) -> None:
    """How to read the steps."""
    colour = "" if task.grey else " Values are drawn for each channel by itself; the pictures show their mean."
    how_to_read(
        "Orange values are darkened and purple ones brightened, because the map says where the score of the answer "
        "grows, and training subtracts it. In epoch 0 all is noise; by and by the map takes over." + colour + " Noise "
        "and mask are drawn from seed 0.",
        "Mangla et al. 2020, arXiv:2006.07828, as coded: x′ = clip(x − ε m), w ~ Bernoulli(p), p = 1 − αⁱ.",
    )


def harm(task: Task, made: PerturbationResult, chosen: PerturbationChoice) -> None:
    """The share of the map by epoch, where the perturbation points, and what it does to the loss."""
    found, name = made.harm, model_name(chosen.network)
    left, middle, right = st.columns([1, 1, 1.35], gap="medium")
    with left:
        st.html('<div class="rs-chart">Share p of the map</div>')
        taught = [0.0 if chosen.maps == "none" else 1 - chosen.alpha**epoch for epoch in range(LAST_EPOCH + 1)]
        figure = figures.course(np.array(taught), chosen.epoch, "p = 1 − αⁱ", (0.0, 1.12), ink())
        charts.show(figure, key="share", alt=f"Share of the map in epoch {chosen.epoch}")
    with middle:
        st.html('<div class="rs-chart">Does −m point where the loss rises?</div>')
        span = (min(float(found.cosines.min()) * 1.2, 0.0), max(found.best, float(found.cosines.max())) * 1.15 or 1.0)
        figure = figures.course(found.cosines, chosen.epoch, "cosine of −m and ∇loss", span, ink(), found.best)
        charts.show(figure, key="cosine", alt=f"Cosine {found.cosine:.2f} in this epoch")
    with right:
        names = ("x", "x + ε noise", "x + ε s", "x − ε s", "x′ (this epoch)", f"PGD-{PGD_STEPS}")
        values = [found.losses[key] for key in ("clean", "noise", "against", "along", "mixed", "pgd")]
        st.html(f'<div class="rs-chart">Loss of {name}, same ε</div>')
        said = ", ".join(f"{key} {value:.2f}" for key, value in zip(names, values, strict=True))
        figure = figures.losses(names, values, chosen.network, ink())
        charts.show(figure, key="losses", alt=f"Losses in nats: {said}")
    truth = "the picture's true class" if made.true else "its own answer, for the true class is not known"
    cosine = f"{found.cosine:+.3f}".replace("-", "−")
    st.html(
        f'<div class="rs-small" data-cosine="{found.cosine:.4f}" data-share="{made.steps.share:.4f}">Loss of {name} '
        f"for “{task.class_names[found.label]}” ({truth}). Cosine in this epoch: {cosine}.</div>"
    )
    how_to_read(
        "If the map were as good as an attack, x − ε s would raise the loss as far as PGD does, and the cosine would "
        "reach the dotted line: that of the gradient's own signs, the most that any signs can have. Noise hardly moves "
        "the loss. So the bars say how adversarial the training picture is for this network.",
        f"PGD with {PGD_STEPS} steps, random start from seed 0. Cosine: after the authors' code.",
    )
