"""Many pictures at once, scored beside the page."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from app.anomaly.verdicts import missing_calibration
from app.state import device, judgements, pictures, zoo
from app.state.choice import Choice
from app.state.names import model_name
from app.ui.downloads import downloads
from app.ui.picture_files import BroughtFile, SampleFile, choose, count_files, incoming
from app.ui.task_progress import LongTask
from core.anomaly.batch_file import Scoring
from core.anomaly.batch_table import ManyScores, score_many
from core.data import sample
from core.data.datasets import data_root
from core.data.incoming import MAX_ENTRIES
from core.data.tasks import Task
from core.progress import OnProgress, ShouldStop

_SAMPLE = "anomaly.sample"  # the task whose sample is tried


def calibrated_models(task: Task, models: Sequence[str]) -> list[str]:
    """The networks that can score; what is missing of the others is said."""
    found = []
    for key in models:
        if judgements.calibration_of(task.key, key) is None:
            missing_calibration(task, key)
        else:
            found.append(key)
    return found


def batch_task(task: Task, models: Sequence[str], files: Sequence[BroughtFile], choice: Choice) -> LongTask:
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
        placed = [(device.placed(model), screen) for model, screen in pairs]
        return score_many(placed, incoming(files), scoring, MAX_ENTRIES, lambda done: on_progress(done, max(done, of)))

    names = ", ".join(f"**{model_name(key)}**" for key in models)
    return LongTask(
        "anomaly.many",
        ("many", task.key, stamps, choice.fit, choice.invert, tuple(file.file_id for file in files)),
        lambda: call,
        f"{len(files):,} file{'s' if len(files) != 1 else ''} for {names}.",
        "Score them",
        ":material/play_arrow:",
        lambda work: f"Picture {work.done:,} of about {work.of:,}" if work.of else "Begun",
        automatic=all(isinstance(file, SampleFile) for file in files),
    )


def look(files: Sequence[BroughtFile], place: int) -> None:
    """Make one of the files, by its place among all, the picture that the page is about."""
    choose(files, place, {"view": "one"})


def sample_files(task: Task) -> list[SampleFile]:
    """The task's sample where the visitor asked for it, with a way to put it away."""
    if st.session_state.get(_SAMPLE) != task.key:
        return []
    words = sample.in_words(pictures.gallery_of(task.key))
    with st.container(horizontal=True, vertical_alignment="center", key="anomaly-sample"):
        st.caption(f"Tried on {words}: the folder in each name says which. Files of your own come first.")
        st.button("Put them away", key="anomaly.sample.close", on_click=st.session_state.pop, args=(_SAMPLE, None))
    data = _sample_zip(task.key, str(data_root()))
    return [SampleFile(hashlib.blake2b(data, digest_size=16).hexdigest(), "sample.zip", data)]


@st.cache_data(max_entries=4, ttl="10m", show_spinner="Collecting pictures")
def _sample_zip(task: str, root: str) -> bytes:
    return sample.sample_zip(pictures.gallery_of(task), Path(root))


def _try_sample(task: str) -> None:
    st.session_state[_SAMPLE] = task


def nothing_yet(task: Task) -> None:
    """What stands in place of a table: how to get one, with pictures to try it on."""
    words = sample.in_words(pictures.gallery_of(task.key))
    with st.container(horizontal=True):
        st.button(
            f"Try {words}", key="anomaly.sample.try", icon=":material/play_arrow:", type="primary",
            on_click=_try_sample, args=(task.key,),
        )  # fmt: skip
        downloads(f"sample-{task.key}", ("These as a ZIP", "zip", lambda: _sample_zip(task.key, str(data_root()))))
    st.caption(
        "Choose files, or drop a ZIP: each picture gets a verdict from each network, in a table that can be sorted, "
        "filtered and taken away. Folders of any size: `robustscope score DIR --task T --model M --out scores.parquet`."
    )
