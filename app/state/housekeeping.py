"""What a server does by itself: forget visitors who are gone, and keep their folders within bounds."""

import ctypes
import gc
import threading
from contextlib import suppress

from app.state import bounded_store, visitors
from app.state.pictures import UPLOADED_FILES, UPLOADS
from app.state.presence import presence
from app.state.shared_uploads import shared_uploads
from app.state.tasks import task_pool
from app.state.training_queue import jobs

PICTURES_KEPT = 3600.0  # seconds after it in which a visitor's pictures are still found again, as after a locked phone
FORGOTTEN = 120.0  # seconds after the last tab was closed, as long as Streamlit itself waits for one to come back
LASTING = (UPLOADS, UPLOADED_FILES)
SWEEP = 15.0  # seconds between two looks at who is here
TIDY = 3600.0  # seconds between two looks at the folders


def sweep(after: float = FORGOTTEN, pictures_after: float = PICTURES_KEPT) -> None:
    """Forget what visitors who are gone left in memory, their pictures last, and what refers to itself."""
    freed = 0
    for visitor in presence().gone(after):
        gone = presence().away(visitor) > pictures_after
        task_pool().forget(visitor)
        freed += bounded_store.forget(visitor, () if gone else LASTING)
        jobs().release(visitor)
        if gone and visitor not in jobs().busy():  # a training that still ends is waited for
            presence().forget(visitor)
    gc.collect()  # for all runs since the last sweep; Streamlit would do so after each, which holds up everybody
    if freed:
        give_back()


def give_back() -> None:
    """Hand memory that is free back to the system: glibc keeps it for the process, and can be asked; others can't."""
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def tidy() -> None:
    """Keep the folders of visitors within bounds, whether or not anybody trains; who is here now has just visited."""
    here = presence().known()
    for visitor in here:
        visitors.note_visit(visitor)
    visitors.tidy({*here, *jobs().busy()})
    shared = shared_uploads()
    if shared:
        shared.tidy()


def keep_house(stopped: threading.Event, every: float = SWEEP, tidied_every: float = TIDY) -> None:
    """Sweep and tidy, again and again, until told to stop."""
    waited = tidied_every
    while True:
        if waited >= tidied_every:
            tidy()
            waited = 0.0
        sweep()
        if stopped.wait(every):
            return
        waited += every
