"""Calibrating on a visitor's own normal pictures: files, what they are called, the work, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from html import escape

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from app.anomaly.names import alpha_text, normal_to
from app.state import device, own_calibrations, session, visitors, zoo
from app.state.choice import Choice
from app.state.errors import guard
from app.state.names import model_name
from app.ui import elements, picture_files, tables
from app.ui.downloads import downloads
from app.ui.elements import how_to_read
from app.ui.task_progress import LongTask, watch
from core.anomaly.calibration import MAX_BYTES, Calibration, calibration_bytes
from core.anomaly.catalogue import DETECTORS
from core.anomaly.own_normal import FEWEST, MOST, calibrate_on_own, fitting_named, read_normal_pictures
from core.anomaly.stated_normal import MAX_NAME
from core.data.tasks import Task
from core.models.zoo import Card
from core.progress import OnProgress, ShouldStop
from core.text import escape_markdown, shorten

_GENERATION = "anomaly.own.generation"
Calibrated = list[tuple[Card, Calibration]]


def show(task: Task, models: Sequence[str]) -> None:
    """The visitor's calibrations of the chosen networks, and the way to make them."""
    place = elements.section("normal", "Calibrate on your own normal pictures")
    if not place.open:
        return
    with place, guard():
        visitor = visitors.introduce()
        cards = [zoo.cards_of(task.key)[key] for key in models]
        mine = [card for card in cards if own_calibrations.path_of(card)]
        if mine:
            _kept(task, mine)
        else:
            st.caption(
                f"Say what is normal to you by at least {FEWEST} pictures: verdicts then tell what is odd among such."
            )
        sharp = elements.differentiable(task, models)
        if sharp:
            _make(task, sharp, visitor)
            _load(task, sharp, visitor)
        how_to_read(
            f"Take {FEWEST} to {MOST:,} pictures of the kind that the network is for, and that it did not learn from. "
            "A quarter of them fits the detectors, a quarter gives the p-values, and half is held out to check the "
            "promise, in an order that is drawn. They need no labels; what is trained on attacks, Joint and the "
            "baselines that are fitted to training pictures, which do, are left out. Each picture counts once. Nobody "
            "else gets the calibration: it is used on every page of this browser, and kept for "
            f"{visitors.DAYS} days after your last visit; the pictures are not.",
            "Conformal p-values: Vovk et al. 2005, Bates et al. 2023, arXiv:2104.08279. By command: robustscope "
            "calibrate --data DIR --model KEY.",
        )


def _make(task: Task, models: Sequence[str], visitor: str) -> None:
    """Files and their name, and the work on them."""
    generation = st.session_state.setdefault(_GENERATION, 0)
    files = picture_files.uploads(f"anomaly.own.files.{generation}", MOST, "Normal pictures, or ZIPs of them")
    if not files:
        return
    word = f"anomaly.own.name.{generation}"
    name = st.text_input(
        "What these normal pictures are called", placeholder="chest X-rays", max_chars=MAX_NAME, key=word
    )  # fmt: skip

    def latest() -> LongTask:
        return calibrating(task, models, visitor, files, st.session_state[word], session.now())

    work = watch(replace(calibrating(task, models, visitor, files, name, session.now()), latest=latest))
    if work is not None:
        found: Calibrated = work.result
        for card, screen in found:
            own_calibrations.keep(visitor, card, screen)
        _next(f"{', '.join(model_name(card.key) for card, _ in found)}: calibrated on your pictures.")


def calibrating(
    task: Task, models: Sequence[str], visitor: str, files: Sequence[UploadedFile], name: str, choice: Choice
) -> LongTask:
    """The calibration of some networks on these files."""
    loaded = [zoo.model(task.key, key) for key in models]
    of = picture_files.count_files(files, MOST)

    def call(on_progress: OnProgress, should_stop: ShouldStop) -> Calibrated:
        pictures = read_normal_pictures(
            task, picture_files.incoming(files), fitting_named(choice.fit), choice.invert,
            lambda done: on_progress(done, max(done, of)),
        )  # fmt: skip
        found: Calibrated = []
        for number, model in enumerate(loaded):

            def told(done: int, of: int, before: int = number) -> None:
                on_progress(before * of + done, len(loaded) * of)

            found.append((model.card, calibrate_on_own(device.placed(model), pictures, name, on_progress=told)))
        return found

    named = ", ".join(f"**{model_name(key)}**" for key in models)
    brought = "cropping" if choice.fit == "crop" else "letterboxing"
    return LongTask(
        "anomaly.own",
        (
            "own normal", visitor, task.key, tuple((model.card.key, model.card.sha256) for model in loaded), choice.fit,
            choice.invert, name, tuple(file.file_id for file in files),
        ),
        lambda: call,
        f"{of:,} pictures for {named}, brought to {task.shape[2]} × {task.shape[1]} pixels by {brought}: they are "
        "read, and then measured.",
        "Calibrate",
        ":material/straighten:",
        lambda work: f"Picture {work.done:,} of about {work.of:,}" if work.of else "Begun",
    )  # fmt: skip


def _load(task: Task, models: Sequence[str], visitor: str) -> None:
    """A calibration that was downloaded here before."""
    file = st.file_uploader(
        "Or load a calibration that you downloaded here", ["npz"], max_upload_size=MAX_BYTES // 1_000_000,
        key=f"anomaly.own.load.{st.session_state[_GENERATION]}",
    )  # fmt: skip
    if file is not None:
        loaded = [zoo.model(task.key, key) for key in models]
        model, screen = own_calibrations.loaded(loaded, file.getvalue(), shorten(file.name, 40))
        own_calibrations.keep(visitor, model.card, screen)
        _next(f"{model_name(model.card.key)} is calibrated as in your file.")


def _next(said: str) -> None:
    """Empty the boxes for files, and have the whole page drawn again, by the new calibration."""
    st.session_state[_GENERATION] += 1
    st.toast(escape_markdown(said), icon=":material/check:")
    st.rerun()


def _kept(task: Task, cards: Sequence[Card]) -> None:
    """The visitor's calibrations: what is normal, how the promise fared, their files, and what removes them."""
    found: dict[str, Calibration] = {}
    for card in cards:
        path = own_calibrations.path_of(card)
        with guard():
            found |= {card.key: own_calibrations.read(zoo.model(task.key, card.key), path)} if path else {}
    if found:
        said = "".join(_normal(task, key, screen) for key, screen in found.items())
        tables.show(said + _check(found), "held-out")
    with st.container(horizontal=True):
        for card in cards:
            st.button(
                f"Remove that of {escape_markdown(model_name(card.key))}", icon=":material/delete:",
                key=f"anomaly.own.remove.{card.key}", on_click=own_calibrations.remove, args=(card,),
            )  # fmt: skip
    for key, screen in found.items():
        label = f"Calibration of {model_name(key)}"
        downloads(f"calibration-{key}", (label, "npz", partial(calibration_bytes, screen)))


def _normal(task: Task, key: str, screen: Calibration) -> str:
    return (
        f'<div class="rs-normal" data-own-normal="{escape(key)}"><b>{escape(model_name(key))}</b>: normal = '
        f"{escape(normal_to(task, screen, yours=True))}.</div>"
    )


def _check(found: Mapping[str, Calibration]) -> str:
    """A table of how many of the pictures held out each detector flags, with the share's interval."""
    heads = "".join(f"<th>{escape(model_name(key))}</th>" for key in found)
    rows = ""
    for detector in DETECTORS:
        if any(detector in screen.fitted for screen in found.values()):
            cells = "".join(f"<td>{_cell(screen, detector)}</td>" for screen in found.values())
            rows += f"<tr><th>{escape(DETECTORS[detector].name)}</th>{cells}</tr>"
    alphas = sorted({screen.own.alpha for screen in found.values() if screen.own is not None})
    return (
        '<p class="rs-small">Flagged of the pictures held out, and the interval of that share at 95 %; the promise is '
        f"at most {' or '.join(map(alpha_text, alphas))}, on average over calibrations.</p>"
        f'<div class="rs-wide" tabindex="0"><table class="rs-table rs-detectors"><tr><th></th>{heads}</tr>{rows}'
        "</table></div>"
    )


def _cell(screen: Calibration, detector: str) -> str:
    share = screen.own.share(detector) if screen.own is not None else None
    if share is None:
        return "–"
    return f"<b>{share.flagged}</b> of {share.of}: {share.low * 100:.0f} to {share.high * 100:.0f} %"
