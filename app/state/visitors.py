"""Who a visitor is, as far as their own networks need it, and where these are kept: for a while, within bounds.

A browser that has trained or loaded a network holds a cookie with a random name, signed by this server; the networks of
that name are shown to nobody else.
"""

import os
import re
import secrets
import shutil
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app.state import visitor_cookie
from app.state.names import OWN
from core.data.tasks import Task
from core.data.tasks.own import forget_private, keep_private, task_path, tasks_in
from core.errors import ConfigError, InputError

DAYS = 7  # a visitor's networks are kept so long after their last visit
SPARED = 24 * 3600.0  # seconds after their last visit in which nobody makes room for others
MOST_BYTES = 2_000_000_000  # of all visitors together
MOST_OWN_BYTES = 500_000_000  # of one visitor
MOST_MODELS = 12  # of one visitor
_VISITOR, _TICKET = "visitor.name", "visitor.ticket"
_BESIDE_THE_CODE = Path(__file__).resolve().parents[2] / "runs" / "visitors"  # once: a page asks for it 70 times


def root() -> Path:
    """Where visitors' networks and trainings lie: `ROBUSTSCOPE_VISITORS`, or a folder in `runs`."""
    configured = os.environ.get("ROBUSTSCOPE_VISITORS")
    return Path(configured).expanduser() if configured else _BESIDE_THE_CODE


def me() -> str | None:
    """This visitor's name; None for one who has nothing of their own, and outside of a visit."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return None
    if _VISITOR not in st.session_state:
        name = visitor_cookie.name_in(st.context.cookies.get(visitor_cookie.COOKIE), root())
        if name is None:
            return None
        st.session_state[_VISITOR] = name
    return st.session_state[_VISITOR]


def name_visitor() -> str:
    """This visitor's name, made up on the first call; `introduce` has the browser remember it."""
    st.session_state[_VISITOR] = visitor = me() or secrets.token_hex(16)
    return visitor


def introduce() -> str:
    """This visitor's name, made up on the first call; the browser fetches it as a cookie, once a visit."""
    visitor = name_visitor()
    tickets = visitor_cookie.tickets()
    if _TICKET not in st.session_state:
        st.session_state[_TICKET] = tickets.issue(visitor)
    place = st.empty()  # always there: an element that comes and goes would close what the visitor opened below it
    if tickets.valid(st.session_state[_TICKET]):  # until it is redeemed: a page that runs twice at once draws once
        script = visitor_cookie.fetch_script(st.session_state[_TICKET], st.get_option("server.baseUrlPath"))
        place.html(f"<script>{script}</script>", unsafe_allow_javascript=True)
    return visitor


def models(visitor: str) -> Path:
    """The folder of a visitor's networks, laid out as a zoo."""
    return root() / visitor / "models"


def calibrations(visitor: str) -> Path:
    """The folder of a visitor's calibrations, by task: a file for a network's weights."""
    return root() / visitor / "calibrations"


def incoming(visitor: str) -> Path:
    """The folder of the file that a visitor is about to add."""
    return root() / visitor / "incoming"


def jobs(visitor: str) -> Path:
    """The folder of a visitor's trainings."""
    return root() / visitor / "jobs"


def own_key(name: str, taken: Collection[str]) -> str:
    """The key of a network that its visitor calls `name`: letters, digits and hyphens, unlike all of `taken`.

    Raises:
        ConfigError: no letter or digit in it.
    """
    words = re.findall(r"[^\W_]+", name)
    if not words:
        raise ConfigError("the network needs a name with at least one letter or digit")
    stem = "-".join(words)[:40].rstrip("-")
    folded = {key.casefold() for key in taken}
    tries = (f"{OWN}{stem}{'' if number == 1 else f'-{number}'}" for number in range(1, len(folded) + 2))
    return next(key for key in tries if key.casefold() not in folded)


def model_keys(visitor: str) -> list[str]:
    """Keys of a visitor's networks, of all tasks."""
    return [path.stem for path in sorted(models(visitor).glob("*/*.json"))]


def tasks(visitor: str) -> dict[str, Task]:
    """A visitor's own tasks by key; from now on they are found by it, too, which nobody else knows."""
    found = tasks_in(root() / visitor)
    keep_private([*found.values()])
    return found


def check_room(visitor: str, more: int = 1, size: int = 0) -> None:
    """Refuse further networks of a visitor who has many, and what would fill the disk.

    Args:
        visitor: whose they are.
        more: how many.
        size: their bytes, as far as known.

    Raises:
        InputError: it would be too much; says what to do.
    """
    if len(model_keys(visitor)) + more > MOST_MODELS:
        raise InputError(f"This server keeps at most {MOST_MODELS} networks of yours: remove one first.")
    if _bytes(root() / visitor) + size > MOST_OWN_BYTES:
        raise InputError(
            f"Your networks and trainings may take {MOST_OWN_BYTES / 1e6:.0f} MB on this server: remove one first."
        )
    if sum(_bytes(path) for path in root().glob("*")) + size > MOST_BYTES:
        raise InputError("The room for visitors' networks on this server is full: come back in a day or so.")


def remove(visitor: str, task: str, key: str) -> None:
    """Forget a visitor's network with its calibration, and a task of their own with its last one.

    The card goes first, so that no page finds half of it.
    """
    for suffix in ("json", "safetensors"):
        with suppress(OSError):
            (models(visitor) / task / f"{key}.{suffix}").unlink()
    for path in (calibrations(visitor) / task).glob(f"{key}.*.npz"):
        with suppress(OSError):
            path.unlink()
    if task in tasks(visitor) and not any((models(visitor) / task).glob("*.json")):
        with suppress(OSError):
            task_path(root() / visitor, task).unlink()
        forget_private(task)


def note_visit(visitor: str) -> None:
    """Note that a visitor was here, which starts the days anew; nothing where they have no folder."""
    with suppress(OSError):
        os.utime(root() / visitor)


def tidy(busy: Iterable[str]) -> None:
    """Forget visitors who stayed away for `DAYS`, and those who stayed away longest while all take too much room.

    Who was here lately keeps what is theirs, however full it is: newcomers are refused then.

    Args:
        busy: visitors to leave alone.
    """
    folders = [path for path in root().glob("*") if path.is_dir() and path.name not in {*busy}]
    folders.sort(key=lambda path: path.stat().st_mtime)
    now = time.time()
    size = sum(_bytes(path) for path in root().glob("*"))
    for path in folders:
        away = now - path.stat().st_mtime
        if away > DAYS * 24 * 3600 or (size > MOST_BYTES and away > SPARED):
            size -= _bytes(path)
            shutil.rmtree(path, ignore_errors=True)


def _bytes(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # a training may just have moved it
            total += path.stat().st_size if path.is_file() else 0
    return total
