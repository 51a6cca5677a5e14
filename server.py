"""What `streamlit run server.py` serves: the dashboard, the route that hands out cookies, and the housekeeping."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from streamlit.starlette import App

from app.state import visitor_cookie, visitors


async def cookie(request: Request) -> Response:
    """The visitor's cookie for a ticket."""
    return await run_in_threadpool(visitor_cookie.answer, request, visitors.root())


def keep_house(stopped: threading.Event) -> None:
    """Keep house until the server stops; what that needs takes seconds to import, which nobody has to wait for."""
    from app.state import housekeeping

    housekeeping.keep_house(stopped)


@asynccontextmanager
async def lifespan(_served: App) -> AsyncIterator[None]:
    """The housekeeping beside the server, from its start to its end."""
    stopped = threading.Event()
    threading.Thread(target=keep_house, args=(stopped,), name="housekeeping", daemon=True).start()
    yield
    stopped.set()


base = st.get_option("server.baseUrlPath").strip("/")
app = App(
    "streamlit_app.py",
    routes=[Route(f"{'/' + base if base else ''}/{visitor_cookie.PATH}", cookie, methods=["POST"])],
    lifespan=lifespan,
)
