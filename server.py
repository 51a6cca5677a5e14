"""What `streamlit run server.py` serves: the dashboard, the route that hands out cookies, and the housekeeping."""

import gc
import importlib
import os
import pkgutil
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from streamlit import net_util
from streamlit.starlette import App

import app as shell
from app.state import visitor_cookie, visitors

# Half a million objects are imported and stay: to look through them again and again takes a fifth of the imports' time.
# What pages leave behind is collected by app/state/housekeeping.py for all of them together.
gc.set_threshold(10_000, 20, 20)

# Streamlit asks a host outside for this machine's address whenever a page of another origin wants to connect, in the
# loop that serves everybody, who wait. Nothing here needs that address, and the dashboard is offline.
net_util.get_external_ip = lambda: None

MODEST = 10  # niceness of what is made beforehand: whoever comes meanwhile goes first


async def cookie(request: Request) -> Response:
    """The visitor's cookie for a ticket."""
    return await run_in_threadpool(visitor_cookie.answer, request, visitors.root())


def keep_house(stopped: threading.Event) -> None:
    """Keep house until the server stops; what that needs takes seconds to import, which nobody has to wait for."""
    from app.state import housekeeping

    housekeeping.keep_house(stopped)


def warm_up(stopped: threading.Event) -> None:
    """Import what pages need and make what a first visit shows, before there is one; `ROBUSTSCOPE_WARM=0` leaves it."""
    with suppress(AttributeError, OSError):  # not on every system
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), MODEST)
    for module in pkgutil.walk_packages(shell.__path__, "app."):
        if stopped.is_set():
            return
        importlib.import_module(module.name)
    from app.state import first_views
    from core.errors import CoreError

    with suppress(CoreError):  # pages say what is damaged, to whom it concerns
        first_views.prepare(stopped)


@asynccontextmanager
async def lifespan(_served: App) -> AsyncIterator[None]:
    """The housekeeping beside the server, from its start to its end, and the warming up."""
    stopped = threading.Event()
    beside = {"housekeeping": keep_house}
    if os.environ.get("ROBUSTSCOPE_WARM") != "0":
        beside["warming up"] = warm_up
    for name, work in beside.items():
        threading.Thread(target=work, args=(stopped,), name=name, daemon=True).start()
    yield
    stopped.set()


base = st.get_option("server.baseUrlPath").strip("/")
app = App(
    "streamlit_app.py",
    routes=[Route(f"{'/' + base if base else ''}/{visitor_cookie.PATH}", cookie, methods=["POST"])],
    lifespan=lifespan,
)
