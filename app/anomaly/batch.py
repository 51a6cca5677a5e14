"""Many pictures at once: uploads and ZIPs, scored beside the page."""

import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from itertools import islice

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from app.anomaly.verdicts import missing_calibration
from app.state import judgements, pictures, session, zoo
from app.state.choice import Choice
from app.state.names import model_name
from app.ui.picture_picker import FILE_TYPES
from app.ui.task_progress import LongTask
from core.anomaly.batch_file import Scoring
from core.anomaly.batch_table import ManyScores, score_many
from core.data.incoming import MAX_ENTRIES, MAX_ZIP_BYTES, Incoming, from_file, open_zip
from core.data.tasks import Task
from core.data.walk import entries
from core.progress import OnProgress, ShouldStop


def uploads() -> list[UploadedFile]:
    """The files that a visitor brings."""
    return st.file_uploader(
        "Pictures, or ZIPs of pictures", [*FILE_TYPES, "zip"], accept_multiple_files=True,
        max_upload_size=MAX_ZIP_BYTES // 1_000_000, key="anomaly.files",
        help=f"Up to {MAX_ENTRIES:,} pictures. They stay in this server's memory, and only while you look.",
    )  # fmt: skip


def incoming(files: Sequence[UploadedFile]) -> Iterator[Incoming]:
    """Every picture of the files, in their order."""
    for file in files:
        yield from from_file(io.BytesIO(file.getvalue()), file.name, file.size)


def count_files(files: Sequence[UploadedFile]) -> int:
    """About how many pictures there are, for a bar: what a ZIP says of itself counts."""
    total = 0
    for file in files:
        try:
            with open_zip(io.BytesIO(file.getvalue())) as archive:
                total += len(entries(archive))
        except (zipfile.BadZipFile, zlib.error, ValueError, NotImplementedError, RuntimeError, OSError):
            total += 1
    return min(total, MAX_ENTRIES)


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
    found = next(islice(incoming(files), place, None), None)
    if found is not None and not found.error:
        session.set_field("image", pictures.keep_upload(found.data, found.path))
        session.set_field("view", "one")


def nothing_yet() -> None:
    """What stands in place of a table."""
    st.caption(
        "Choose files, or drop a ZIP: each picture gets a verdict from each network, in a table that can be sorted, "
        "filtered and taken away. Folders of any size: `robustscope score DIR --task T --model M --out scores.parquet`."
    )
