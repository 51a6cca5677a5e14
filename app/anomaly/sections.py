"""The parts of the page Anomaly, in the order in which they stand there."""

from functools import partial

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from app.anomaly import batch, batch_table, layers, perturbation, report, results, verdicts
from app.anomaly import files as anomaly_files
from app.state import session
from app.state.choice import Choice
from app.state.errors import guard
from app.state.pictures import ModelInput
from app.ui import controls
from app.ui.downloads import downloads
from app.ui.task_progress import watch
from core.data.tasks import Task, task_named


@st.fragment
def show_push(shown: ModelInput) -> None:
    """The picture attacked or corrupted; the slider re-runs only this."""
    st.header("Push it: when does somebody notice?", anchor=False)
    task = task_named(session.now().task)
    perturbation.controls(task)
    with guard():
        found = perturbation.sweeps(task, shown)
        if found:
            perturbation.columns(task, shown, found)
            perturbation.course(task, found)
            perturbation.guide()
            downloads(f"anomaly-{task.key}", ("All scores as NPZ", "npz", partial(anomaly_files.judged_npz, found)))
        else:
            st.caption("None of these networks is calibrated: nobody could notice.")
    controls.share()


@st.fragment
def show_picture(shown: ModelInput) -> None:
    """Verdicts, layers and neighbours; a change of a control re-runs only this."""
    choice = session.now()
    task = task_named(choice.task)
    st.header("Does it look normal to each network?", anchor=False)
    verdicts.controls()
    with guard():
        judged = verdicts.judgements(task, choice.models, shown)
        verdicts.columns(task, shown, judged)
        if any(judged.values()):
            verdicts.distribution_guide(judged)
            st.header("Do the detectors agree?", anchor=False)
            verdicts.detector_table(judged)
    st.header("Which layers would have to change to believe it?", anchor=False)
    layers.controls(task)
    with guard():
        found = layers.references(task, choice.models)
        layers.profiles(task, choice.models, shown, found)
        layers.normals_invitation(task, choice.models)
        if found:
            layers.profile_guide(found)
            layers.nearest(task, choice, shown, found)
            layers.nearest_guide(task)
    show_push(shown)


def one_picture(_choice: Choice) -> None:
    """Choose a picture, and see what is said of it."""
    with guard():
        shown = controls.chosen_picture()
        show_picture(shown)


def many_pictures(choice: Choice) -> None:
    """Take files, score them beside the page, and show the table."""
    st.header("Which of many pictures look odd?", anchor=False)
    task = task_named(choice.task)
    files = batch.uploads()
    controls.fit_picker()
    with guard():
        models = batch.calibrated_models(task, choice.models)
        if files and models:
            score(task, models, files)
        else:
            batch.nothing_yet()
    controls.share()


def score(task: Task, models: list[str], files: list[UploadedFile]) -> None:
    """The work on files: to be started, under way, or done."""
    work = watch(batch.batch_task(task, models, files, session.now()))
    if work is not None:
        verdicts.controls()
        batch_table.results(task, work.result, partial(batch.look, files))
        batch_table.guide()


def whole_sets(choice: Choice) -> None:
    """What was measured over whole sets."""
    task = task_named(choice.task)
    with guard():
        report.show(task, results.report(task.key), choice.models)
    controls.share()
