"""Many pictures at once, scored beside the page."""

from collections.abc import Sequence

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from app.anomaly.verdicts import missing_calibration
from app.state import judgements, session, zoo
from app.state.choice import Choice
from app.state.names import model_name
from app.ui.picture_files import choose, count_files, incoming
from app.ui.task_progress import LongTask
from core.anomaly.batch_file import Scoring
from core.anomaly.batch_table import ManyScores, score_many
from core.data.incoming import MAX_ENTRIES
from core.data.tasks import Task
from core.progress import OnProgress, ShouldStop


def calibrated_models(task: Task, models: Sequence[str]) -> list[str]:
    """The networks that can score; what is missing of the others is said."""
    found = []
    for key in models:
        if judgements.calibration_of(task.key, key) is None:
            missing_calibration(task, key)
        else:
            found.append(key)
    return found


def batch_task(task: Task, models: Sequence[str], files: Sequence[UploadedFile], choice: Choice) -> LongTask:
    """The scoring of these files."""
    pairs = []
    for key in models:
        screen = judgements.calibration_of(task.key, key)
        assert screen is not None
        pairs.append((zoo.model(task.key, key), screen))
    detectors = tuple(key for key in pairs[0][1].detectors if all(key in screen.detectors for _, screen in pairs))
    scoring = Scoring(detectors, choice.fit, invert=choice.invert)
    stamps = tuple((model.card.key, model.card.sha256, screen.digest) for model, screen in pairs)

    def call(on_progress: OnProgress, should_stop: ShouldStop) -> ManyScores:
        of = count_files(files)
        on_progress(0, of)
        return score_many(pairs, incoming(files), scoring, MAX_ENTRIES, lambda done: on_progress(done, max(done, of)))

    names = ", ".join(f"**{model_name(key)}**" for key in models)
    return LongTask(
        "anomaly.many",
        ("many", task.key, stamps, choice.fit, choice.invert, tuple(file.file_id for file in files)),
        lambda: call,
        f"{len(files):,} file{'s' if len(files) != 1 else ''} for {names}.",
        "Score them",
        ":material/play_arrow:",
        lambda work: f"Picture {work.done:,} of about {work.of:,}" if work.of else "Begun",
    )


def look(files: Sequence[UploadedFile], place: int) -> None:
    """Make one of the files, by its place among all, the picture that the page is about."""
    if choose(files, place):
        session.set_field("view", "one")


def nothing_yet() -> None:
    """What stands in place of a table."""
    st.caption(
        "Choose files, or drop a ZIP: each picture gets a verdict from each network, in a table that can be sorted, "
        "filtered and taken away. Folders of any size: `robustscope score DIR --task T --model M --out scores.parquet`."
    )
