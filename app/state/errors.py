"""What a visitor sees when something goes wrong: a sentence for errors raised on purpose, an id for a bug."""

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from core.errors import CoreError
from core.text import escape_markdown

LOG = logging.getLogger("robustscope")


@contextmanager
def guard() -> Iterator[None]:
    """Show faults of the block and let the page go on after it.

    A `CoreError` is shown as plain text, since names of files and fields of cards are in it. Anything else is logged
    with a short id, and the visitor sees that id. Streamlit's own control flow (a rerun, a stop) derives from
    BaseException and passes through.
    """
    try:
        yield
    except CoreError as error:
        st.error(escape_markdown(str(error)), icon=":material/error:")
    except Exception:
        fault = secrets.token_hex(4)
        LOG.exception("fault %s", fault)
        st.error(
            f"Something went wrong here that we did not foresee. It is in the server's log under **{fault}**; "
            "the rest of the page goes on.",
            icon=":material/bug_report:",
        )
