"""Long work of a test's making, as a page offers it."""

import time

from app.ui.task_progress import LongTask

STEPS: dict[str, object] = {"for": 0.0, "automatic": False, "error": None}


def offered() -> LongTask:
    """Work that does what `STEPS` says."""

    def prepare():
        def call(on_progress, should_stop):
            end = time.monotonic() + STEPS["for"]
            if STEPS["error"] is not None:
                raise STEPS["error"]
            while time.monotonic() < end:
                on_progress(1, 4)
                time.sleep(0.02)
            return "made"

        return call

    return LongTask(
        "test", ("key", str(STEPS)), prepare, "It takes long.", "Begin", ":material/play_arrow:",
        lambda task: f"Step {task.done}", automatic=bool(STEPS["automatic"]),
    )  # fmt: skip
