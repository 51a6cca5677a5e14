"""Anomaly: does a picture look normal to each network, by how far its weights would have to move to believe it."""

from functools import partial

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from app import (
    adversarial_views,
    anomaly_choice,
    anomaly_files,
    anomaly_layers,
    anomaly_many,
    anomaly_push,
    anomaly_report,
    anomaly_table,
    anomaly_views,
    cache,
    state,
    views,
    widgets,
)
from app import anomaly_cache as kept
from app.cache import ModelInput
from app.choice import Choice
from app.errors import guard
from core.data.tasks import Task, task_named


@st.fragment
def show_push(shown: ModelInput) -> None:
    """The picture attacked or corrupted; the slider re-runs only this."""
    st.header("Push it: when does somebody notice?", anchor=False)
    task = task_named(state.now().task)
    anomaly_push.controls(task)
    with guard():
        found = anomaly_push.sweeps(task, shown)
        if found:
            anomaly_push.columns(task, shown, found)
            anomaly_push.course(task, found)
            anomaly_push.guide()
            adversarial_views.downloads(
                f"anomaly-{task.key}", ("All scores as NPZ", "npz", partial(anomaly_files.judged_npz, found))
            )
        else:
            st.caption("None of these networks is calibrated: nobody could notice.")
    widgets.share()


@st.fragment
def show_picture(shown: ModelInput) -> None:
    """Verdicts, layers and neighbours; a change of a control re-runs only this."""
    choice = state.now()
    task = task_named(choice.task)
    st.header("Does it look normal to each network?", anchor=False)
    anomaly_views.controls()
    with guard():
        judged = anomaly_views.judgements(task, choice.models, shown)
        anomaly_views.columns(task, shown, judged)
        if any(judged.values()):
            anomaly_views.distribution_guide(judged)
            st.header("Do the detectors agree?", anchor=False)
            anomaly_views.detector_table(judged)
    st.header("Which layers would have to change to believe it?", anchor=False)
    anomaly_layers.controls(task)
    with guard():
        found = anomaly_layers.references(task, choice.models)
        anomaly_layers.profiles(task, choice.models, shown, found)
        anomaly_layers.normals_wanted(task, choice.models)
        if found:
            anomaly_layers.profile_guide(found)
            anomaly_layers.nearest(task, choice, shown, found)
            anomaly_layers.nearest_guide(task)
    show_push(shown)


def one_picture(_choice: Choice) -> None:
    """Choose a picture, and see what is said of it."""
    with guard():
        shown = widgets.chosen_picture()
        show_picture(shown)


def many_pictures(choice: Choice) -> None:
    """Take files, score them beside the page, and show the table."""
    st.header("Which of many pictures look odd?", anchor=False)
    task = task_named(choice.task)
    files = anomaly_many.uploads()
    widgets.fit_picker()
    with guard():
        models = anomaly_many.calibrated(task, choice.models)
        if files and models:
            score(task, models, files)
        else:
            anomaly_many.nothing_yet()
    widgets.share()


def score(task: Task, models: list[str], files: list[UploadedFile]) -> None:
    """The work on files: to be started, under way, or done."""
    work, name, call = anomaly_many.work_of(task, models, files, state.now())
    if work is not None and work.active:
        st.fragment(anomaly_many.watch, run_every=0.5)(work)
    elif work is not None and work.state == "done":
        anomaly_views.controls()
        anomaly_table.results(task, work.result, partial(anomaly_many.look, files))
        anomaly_table.guide()
    else:
        anomaly_many.invite(files, models, work, name, call)


def measured(choice: Choice) -> None:
    """What was measured over whole sets."""
    task = task_named(choice.task)
    with guard():
        anomaly_report.show(task, kept.report(task.key), choice.models)
    widgets.share()


def page() -> None:
    """Choose, run, show."""
    if not cache.zoo_tasks():
        views.no_zoo(cache.zoo_folder())
        return
    choice = state.start("anomaly", anomaly_choice.read)
    widgets.model_panel()
    views.summary(task_named(choice.task), choice.models)
    views.notes(state.notes())
    anomaly_views.view_picker()
    {"one": one_picture, "many": many_pictures, "measured": measured}[state.page_choice().view](state.now())


views.style()
st.title("Which pictures are odd to a network?", anchor=False)
with guard():
    page()
