"""Long work as it is seen: how far it is, and the button that stops it."""

import streamlit as st

from app.state.tasks import BackgroundTask, task_pool


def progress(work: BackgroundTask, what: str, stop_key: str, lane: str) -> None:
    """How far a work is, with a button that ends it."""
    said = f"{what}: waiting for others" if work.state == "waiting" else what
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(min(1.0, work.done / work.of) if work.of else 0.0, said)
        st.button("Stop", on_click=task_pool().stop, args=(lane,), icon=":material/stop_circle:", key=stop_key)
