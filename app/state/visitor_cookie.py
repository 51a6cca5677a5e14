"""The cookie that names a visitor: signed by this server, out of reach of scripts, fetched with a ticket used once.

Streamlit can read cookies but sets none, so the server has one route more than Streamlit's own (`server.py`), which
answers a ticket with the cookie.
"""

import hashlib
import hmac
import os
import re
import secrets
import time
from collections import OrderedDict
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Lock

from starlette.requests import Request
from starlette.responses import Response

COOKIE = "robustscope_visitor"
HEADER = "x-robustscope-ticket"  # a header of one's own keeps other sites from handing out names (no CORS is granted)
PATH = "visitor"
MAX_AGE = 7 * 24 * 3600  # seconds; as long as networks are kept after a visit
TICKET_SECONDS = 120.0
MOST_TICKETS = 10_000
SECRET = "cookie-secret"


@cache
def secret(folder: Path) -> bytes:
    """What cookies are signed with: 32 bytes that lie in `folder` for this server's user alone.

    Where nothing can be written there it lasts as long as the process.
    """
    path, made = folder / SECRET, secrets.token_bytes(32)
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        scratch = path.with_name(f"{SECRET}.{secrets.token_hex(8)}")
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(made)
        with suppress(FileExistsError):
            os.link(scratch, path)  # whole, and only where there is none yet
        scratch.unlink()
    with suppress(OSError):
        found = path.read_bytes()
        made = found if len(found) == len(made) else made
    return made


def sign(name: str, folder: Path) -> str:
    """The cookie of a visitor's name."""
    return f"{name}.{hmac.new(secret(folder), name.encode(), hashlib.sha256).hexdigest()}"


def name_in(cookie: object, folder: Path) -> str | None:
    """The name that a cookie holds; None where this server did not sign it."""
    if not isinstance(cookie, str) or not re.fullmatch(r"[0-9a-f]{32}\.[0-9a-f]{64}", cookie):
        return None
    name = cookie.partition(".")[0]
    return name if hmac.compare_digest(cookie, sign(name, folder)) else None


class Tickets:
    """Names that wait to be fetched; safe under many threads."""

    def __init__(self) -> None:
        self._names: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._lock = Lock()

    def issue(self, name: str) -> str:
        """A ticket for a name, good once and for `TICKET_SECONDS`."""
        ticket = secrets.token_hex(16)
        with self._lock:
            self._names[ticket] = (name, time.monotonic())
            while len(self._names) > MOST_TICKETS:
                self._names.popitem(last=False)
        return ticket

    def valid(self, ticket: str) -> bool:
        """Whether a ticket can be redeemed."""
        with self._lock:
            return ticket in self._names and time.monotonic() - self._names[ticket][1] < TICKET_SECONDS

    def redeem(self, ticket: str) -> str | None:
        """The name of a ticket, which is used up; None where it is not good."""
        valid = self.valid(ticket)
        with self._lock:
            name, _ = self._names.pop(ticket, ("", 0.0))
        return name if valid and name else None


@cache
def tickets() -> Tickets:
    """The tickets of this server."""
    return Tickets()


def fetch_script(ticket: str, base: str) -> str:
    """What the browser does to fetch the cookie, in JavaScript."""
    path = "/".join(["", *filter(None, base.split("/")), PATH])
    return f'fetch("{path}", {{method: "POST", headers: {{"{HEADER}": "{ticket}"}}}});'


def answer(request: Request, folder: Path) -> Response:
    """The cookie for the ticket of a request; 403 without a good one."""
    name = tickets().redeem(request.headers.get(HEADER, ""))
    if name is None:
        return Response(status_code=403)
    response = Response(status_code=204)
    tls = "https" in (request.url.scheme, request.headers.get("x-forwarded-proto", ""))
    response.set_cookie(
        COOKIE, sign(name, folder), max_age=MAX_AGE, path="/", secure=tls, httponly=True, samesite="lax"
    )
    return response
