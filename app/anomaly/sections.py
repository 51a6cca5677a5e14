"""The parts of the page Anomaly, in the order in which they stand there."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.anomaly import (
    batch,
    batch_table,
    embedding,
    layers,
    own_normal,
    perturbation,
    point,
    python_program,
    report,
    results,
    slides,
    verdicts,
)
from app.anomaly import files as anomaly_files
from app.anomaly.choice import NEAR, AnomalyChoice
from app.state import judgements, pictures, predictions, session, zoo
from app.state.errors import guard
from app.state.pictures import ModelInput
from app.ui import controls, elements, picture_files, picture_picker, presenter, python_code
from app.ui.downloads import downloads
from app.ui.picture_files import BroughtFile
from app.ui.presenter import Slide
from app.ui.region_pointer import pointed
from app.ui.task_progress import watch
from core.anomaly.verdict import Verdict
from core.data.tasks import Task, task_named
from core.reports.anomaly.report import Anomaly


@st.fragment
def show_push(shown: ModelInput) -> None:
    """The picture attacked or corrupted, and what is pointed at in it; the slider re-runs only this."""
    choice = session.now()
    task = task_named(choice.task)
    place = elements.section("push", "Push it: when does somebody notice?")
    pushed = _push(task, shown, place) if place.open else {}
    pointed("What lies in a region?", lambda: point.point(task, choice.models, shown, pushed), task.shape)


def _push(task: Task, shown: ModelInput, place: DeltaGenerator) -> dict[str, Verdict]:
    """The picture attacked or corrupted, by network."""
    with place:
        perturbation.controls(task)
        found: dict[str, Verdict] = {}
        with guard():
            found = perturbation.sweeps(task, shown)
            if found:
                perturbation.columns(task, shown, found)
                perturbation.course(task, found)
                perturbation.guide()
                part = session.page_choice(AnomalyChoice)
                downloads(
                    f"anomaly-{task.key}",
                    ("Pictures as PNG", "png", partial(anomaly_files.pushed_png, task, found, part)),
                    ("All scores as NPZ", "npz", partial(anomaly_files.judged_npz, found)),
                )
            else:
                st.caption("None of these networks is calibrated: nobody could notice.")
        with st.container(horizontal=True):
            controls.share("push")
            if found:
                change = session.page_choice(AnomalyChoice).push
                _python([*found], change)
    return found


@st.fragment
def show_picture(shown: ModelInput) -> None:
    """Verdicts, detectors and layers; a change of a control re-runs only this."""
    choice = session.now()
    task = task_named(choice.task)
    judged: dict[str, Verdict | None] = {}
    with guard():
        judged = verdicts.verdicts_of(task, choice.models, shown)
        verdicts.columns(task, shown, judged)
        verdicts.controls()
        if any(judged.values()):
            verdicts.distribution_guide(judged)
            place = elements.section("agree", "Do the detectors agree?")
            if place.open:
                with place:
                    verdicts.detector_table(judged)
        own_normal.show(task, choice.models)
    show_layers(task, shown)
    with st.container(horizontal=True):
        presenter.offer(lambda: _slides(task, shown, judged))
        controls.share()
        _python([*judged])


def _python(keys: Sequence[str], change: str = "") -> None:
    """The program of the verdicts of some networks, on the picture or under a change of it."""
    choice = session.now()
    head = python_code.picture_and_networks(choice, python_code.FOR_VERDICTS)
    python_code.show(head + python_code.verdicts(judgements.on_own_pictures(choice.task, keys), change))


def _slides(task: Task, shown: ModelInput, judged: dict[str, Verdict | None]) -> list[Slide]:
    """What the page shows of the picture, for a room."""
    looks = predictions.predictions_of(task, [*judged], shown)
    return slides.slides(task, shown, looks, judged, session.page_choice(AnomalyChoice))


def show_layers(task: Task, shown: ModelInput) -> None:
    """The profile over the layers, and the normal pictures whose profiles are nearest."""
    choice, here = session.now(), pictures.data_there(session.now().task)
    profile = elements.section("layers", "Which layers would have to change to believe it?")
    if profile.open:
        with profile:
            layers.controls(task)
            with guard():
                found = layers.references(task, choice.models)
                layers.profiles(task, choice.models, shown, found)
                layers.normals_invitation(task, choice.models)
                if found:
                    layers.profile_guide(found)
                    python_code.show(python_program.layers(choice, session.page_choice(AnomalyChoice), here))
    near = elements.section("nearest", f"Which {'normal' if here else 'other'} pictures are nearest to it?")
    if near.open:
        with near, guard():
            controls.pick("Near in", NEAR, **session.binding("near", "anomaly.near"))
            if session.page_choice(AnomalyChoice).near == "features":
                embedding.show_nearest(task, choice, shown, here)
                python_code.show(python_program.nearest_features(choice, here))
                return
            found = layers.references(task, choice.models)
            if found:
                layers.nearest(task, choice, shown, found)
                layers.nearest_guide(task)
                part = session.page_choice(AnomalyChoice)
                python_code.show(python_program.nearest_profiles(choice, part, here))
            else:
                st.caption("What is normal to these networks under the chosen label is not known yet.")


def show_map(shown: ModelInput) -> None:
    """The picture among others; a click on one opens it, so that the whole page runs."""
    place = elements.section("map", "Where does it lie among others?")
    if place.open:
        choice = session.now()
        with place, guard():
            embedding.show_map(task_named(choice.task), choice, shown)


def one_picture(head: elements.Head) -> None:
    """Choose a picture, and see what is said of it."""
    with guard():
        shown = picture_picker.chosen_picture(head)
        verdicts.view_picker()
        show_picture(shown)
        show_push(shown)
        show_map(shown)


def many_pictures(_head: elements.Head) -> None:
    """Take files, score them beside the page, and show the table."""
    verdicts.view_picker()
    choice = session.now()
    task = task_named(choice.task)
    brought = picture_files.uploads("anomaly.files")
    controls.fit_picker()
    with guard():
        models = batch.calibrated_models(task, choice.models)
        files = brought or batch.sample_files(task)
        if files and models:
            score(task, models, files)
        elif models:
            batch.nothing_yet(task)
    own_normal.show(task, choice.models)
    controls.share()


def score(task: Task, models: Sequence[str], files: Sequence[BroughtFile]) -> None:
    """The work on files: to be started, under way, or done."""
    work = watch(batch.batch_task(task, models, files, session.now()))
    if work is not None:
        verdicts.controls()
        batch_table.results(task, work.result, partial(batch.look, files))
        detectors = next(iter(work.result.p_values.values()))
        python_code.show(python_program.many(replace(session.now(), models=tuple(models)), tuple(detectors)))
        batch_table.guide()


def whole_sets(_head: elements.Head) -> None:
    """What was measured over whole sets."""
    verdicts.view_picker()
    choice = session.now()
    task = task_named(choice.task)
    with guard():
        found = results.report(task.key)
        report.show(task, found, choice.models)
        if found is not None:
            python_code.show(python_code.report(task.key, "anomaly", Anomaly, list(zoo.cards_of(task.key))))
    controls.share()
