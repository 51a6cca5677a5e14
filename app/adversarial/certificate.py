"""Certificates by randomised smoothing: the noise, the work with its time, and what the votes prove."""

from collections.abc import Sequence
from functools import partial
from html import escape

import numpy as np
import streamlit as st

from app.adversarial.choice import DRAWS, SIGMAS
from app.state import device, session, zoo
from app.state.durations import duration, seconds_an_answer
from app.state.names import model_name
from app.state.pictures import ModelInput
from app.state.tasks import Call
from app.ui import tiles
from app.ui.colours import model_colour
from app.ui.data_urls import data_url
from app.ui.downloads import npz, table_csv
from app.ui.elements import how_to_read, percent
from app.ui.task_progress import LongTask
from core.data.tasks import Task
from core.explanations.certificate import Certificate, Smoothing, certify
from core.metrics.smoothing import largest_radius
from core.progress import OnProgress, ShouldStop


def controls() -> None:
    """The noise and the number of votes."""
    left, right = st.columns([1.3, 1], gap="medium", vertical_alignment="bottom")
    left.select_slider(
        "Noise σ, in pixel units (1 is from black to white)", SIGMAS, format_func="{:g}".format,
        help="More noise can prove a larger radius, and costs answers: at the largest most pictures are lost in it.",
        **session.binding("sigma", "adversarial.sigma"),
    )  # fmt: skip
    right.select_slider(
        "Noisy copies, n", DRAWS, format_func="{:,}".format, **session.binding("draws", "adversarial.draws")
    )


def certifying(task: Task, models: Sequence[str], shown: ModelInput, sigma: float, draws: int) -> LongTask:
    """The votes of each network on one picture."""
    smoothing = Smoothing(sigma, draws)
    known = tuple((key, zoo.cards_of(task.key)[key].sha256) for key in models)
    of = smoothing.draws + smoothing.first_draws
    seconds = sum(seconds_an_answer(task.key, *each) for each in known) * of
    return LongTask(
        "certificate",
        ("certificate", task.key, known, shown.digest, smoothing),
        partial(_call, task, models, shown, smoothing),
        f"{of:,} noisy copies for each of {len(models)} networks: {duration(seconds)} if nobody else is at work. The "
        f"largest radius that {draws:,} votes can prove at σ = {sigma:g} is "
        f"**{largest_radius(draws, smoothing.alpha, sigma):.2f}** (L2).",
        "Take the votes",
        ":material/how_to_vote:",
        lambda work: f"Noisy copy {work.done:,} of {work.of:,}" if work.of else "Begun",
    )


def _call(task: Task, models: Sequence[str], shown: ModelInput, smoothing: Smoothing) -> Call:
    loaded = [zoo.model(task.key, key) for key in models]

    def call(on_progress: OnProgress, should_stop: ShouldStop) -> list[Certificate]:
        def told(done: int, of: int, before: int) -> None:
            on_progress(before * of + done, len(loaded) * of)

        x = device.picture(shown.x)
        return [
            certify(device.placed(model), x, smoothing, partial(told, before=number))
            for number, model in enumerate(loaded)
        ]

    return call


def show(task: Task, found: Sequence[Certificate]) -> None:
    """A block a network: what it answers under noise, and the radius that is proved."""
    blocks = "".join(_block(task, one) for one in found)
    tiles.show(f'<div class="rs-fooled">{blocks}</div>', f"noisy-copies-{task.key}")
    stated = found[0].settings
    how_to_read(
        f"The smoothed network answers what the network answers most often when Gaussian noise σ = {stated['sigma']:g} "
        f"is added. {stated['first_draws']:,} copies choose the class, {stated['draws']:,} others bound its share from "
        f"below (Clopper-Pearson, wrong with a probability of at most {stated['alpha']:g}). No change shorter than "
        "R = σ Φ⁻¹(share) alters its answer. Where the share is not sure to be above a half it abstains. This is "
        "proved of the smoothed network, which answers from thousands of noisy copies, and not of the network itself. "
        "Networks that were not trained with noise prove little.",
        "Cohen et al. 2019, arXiv:1902.02918, Theorem 1 and procedure Certify; seed 0.",
    )


def _block(task: Task, one: Certificate) -> str:
    sigma, draws = float(str(one.settings["sigma"])), int(str(one.settings["draws"]))
    name = task.class_names[one.chosen]
    answer = "abstains" if one.abstains else name
    noise = np.random.default_rng(0).normal(size=one.x.shape)
    noisy = (one.x + sigma * noise).clip(0, 1).astype(np.float32)
    said = f"{name}: {percent(one.counts[one.chosen] / draws)} of {draws:,} votes, at least {percent(one.share)}. " + (
        "That is not sure to be more than half: nothing is answered, and nothing is proved."
        if one.abstains
        else f"No change of an L2 length below {one.radius:.3f} alters it: {rms_text(one)}."
    )
    return (
        f'<section style="--rs-colour: {model_colour(one.model)}" data-certificate="{escape(one.model)}" '
        f'data-radius="{one.radius:.4f}" data-abstains="{one.abstains}"><div class="rs-head"><span class="rs-name">'
        f'{escape(model_name(one.model))}</span></div><div class="rs-answer"><span class="rs-class">{escape(answer)}'
        f'</span><span class="rs-share">R = {one.radius:.2f}</span></div><div class="rs-tiles"><figure>'
        f'<img src="{data_url(noisy)}" alt="the picture with noise"><figcaption>one noisy copy, cut to [0, 1] to be '
        f'shown</figcaption></figure></div><div class="rs-small">{escape(said)}</div></section>'
    )


def rms_text(one: Certificate) -> str:
    """A radius as what each pixel value may move by if all move alike."""
    return f"as much as {one.radius / one.x.size**0.5 * 255:.1f}/255 on every value"


def to_csv(task: Task, found: Sequence[Certificate]) -> bytes:
    """A row for each network."""
    head = ("model", "sigma", "n", "n0", "alpha", "answer", "votes", "share_low", "radius_l2")
    return table_csv(
        head,
        [
            (
                one.model, one.settings["sigma"], one.settings["draws"], one.settings["first_draws"],
                one.settings["alpha"], "" if one.abstains else task.class_names[one.chosen],
                one.counts[one.chosen], one.share, one.radius,
            )
            for one in found
        ],
    )  # fmt: skip


def to_npz(task: Task, found: Sequence[Certificate]) -> bytes:
    """The votes of each network, with what decides them."""
    arrays = {f"{name}__{one.model}": getattr(one, name) for one in found for name in ("first_counts", "counts")}
    settings = {"task": task.key, "class_names": list(task.class_names)}
    return npz(arrays | {"x": found[0].x}, settings | {"models": {one.model: one.settings for one in found}})
