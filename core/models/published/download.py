"""A file from an address, whole or not at all: over HTTPS, within a size, held against its checksum.

By Python's own client, which goes through the proxies that the environment names. `torch.hub.download_url_to_file` and
huggingface_hub fetch too, but neither can be held to a size nor stopped, and neither says in a sentence what failed.
"""

import errno
import hashlib
import http.client
import os
import shutil
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from core.errors import InputError
from core.models.foreign.formats import MOST_FILE_BYTES
from core.progress import OnProgress, ShouldStop, StoppedError, never, silent
from core.text import shorten

BLOCK = 1 << 18
SILENCE = 30.0  # seconds without a byte until the connection counts as lost
_HERE = ("127.0.0.1", "localhost", "::1")


class UnreachableError(InputError):
    """Nobody answers at the address: this machine is offline, or a proxy stands in the way."""


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows to other addresses of the same safety alone."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """See the base class."""
        _check_address(newurl, from_here=urlsplit(req.full_url).hostname in _HERE)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def download(
    address: str,
    out: Path,
    sha256: str = "",
    limit: int = MOST_FILE_BYTES,
    on_progress: OnProgress = silent,
    should_stop: ShouldStop = never,
) -> str:
    """Fetch a file to `out`; returns its SHA-256. After any error, or a stop, nothing of it is there.

    Args:
        address: begins with https://, but for a server on this very machine.
        out: the file; its folder is there.
        sha256: the first digits that the file's checksum must have, in hexadecimal; "" checks nothing.
        limit: bytes that it may have.
        on_progress: told bytes done, and of how many (0 where the server does not say).
        should_stop: asked before each piece.

    Raises:
        UnreachableError: nobody answers.
        InputError: the server refuses, the file is too large, ends early or is another one, or the disk is full.
        StoppedError: `should_stop` said so.
    """
    _check_address(address, from_here=True)
    part = out.with_name(out.name + ".part")
    try:
        with (
            part.open("wb") as file,
            _network_errors(address),
            _opener().open(_request(address), timeout=SILENCE) as answer,
        ):
            of = int(answer.headers.get("Content-Length") or 0)
            _check_size(of, limit, out.parent)
            digest = _copied(answer, file, of, limit, on_progress, should_stop)
        if not digest.startswith(sha256):
            raise InputError(
                f"the file from {_host(address)} is not the one that was published: its SHA-256 begins with "
                f"{digest[: max(8, len(sha256))]}, and should with {sha256}. It was thrown away"
            )
        os.replace(part, out)
    finally:
        part.unlink(missing_ok=True)
    return digest


def _copied(
    answer: http.client.HTTPResponse, file: BinaryIO, of: int, limit: int, on_progress: OnProgress, stop: ShouldStop
) -> str:
    """What an answer holds, written to a file; its SHA-256."""
    digest, done = hashlib.sha256(), 0
    on_progress(0, of)
    while True:
        if stop():
            raise StoppedError("the download was stopped; nothing of it was kept")
        block = answer.read(BLOCK)
        if not block:
            break
        done += len(block)
        if done > limit:
            raise InputError(f"the file is larger than {limit / 1e6:.0f} MB, which is what is taken")
        _write(file, block)
        digest.update(block)
        on_progress(done, of)
    if done < of:
        raise InputError(
            f"the connection ended after {done / 1e6:.1f} of {of / 1e6:.1f} MB; nothing was kept, try again"
        )
    return digest.hexdigest()


def _write(file: BinaryIO, block: bytes) -> None:
    try:
        _put(file, block)
    except OSError as error:
        why = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)
        raise InputError(f"the file could not be written: {why}") from error


def _put(file: BinaryIO, block: bytes) -> None:
    file.write(block)
    file.flush()  # what a full disk refuses is said here, and not when the file is closed


def _check_size(of: int, limit: int, folder: Path) -> None:
    """Refuse beforehand what the server says to be too large for us, or for the disk."""
    if of > limit:
        raise InputError(f"the file has {of / 1e6:.0f} MB; at most {limit / 1e6:.0f} MB are taken")
    if of > shutil.disk_usage(folder).free:
        raise InputError(f"the disk is full: the file takes {of / 1e6:.0f} MB in {folder}")


def _check_address(address: str, from_here: bool) -> None:
    """Refuse an address without encryption, unless it is one of this machine and nobody elsewhere sent us there."""
    parts = urlsplit(address)
    if parts.scheme == "https" or (from_here and parts.scheme == "http" and parts.hostname in _HERE):
        return
    raise InputError(f"files are fetched over https alone; got {shorten(address, 60)}")


@contextmanager
def _network_errors(address: str) -> Iterator[None]:
    """What goes wrong with a connection, as a sentence."""
    host = _host(address)
    try:
        yield
    except urllib.error.HTTPError as error:
        error.close()
        raise InputError(
            f"{host} answers {error.code} ({shorten(error.reason, 40)}) for {shorten(address, 120)}"
        ) from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLError):
            raise InputError(f"the certificate of {host} is not trusted here ({shorten(error.reason, 80)})") from error
        raise UnreachableError(_unreachable(host, error.reason)) from error
    except (http.client.HTTPException, OSError) as error:
        raise InputError(f"the connection to {host} broke off ({_why(error)}); nothing was kept, try again") from error


def _unreachable(host: str, reason: object) -> str:
    return (
        f"{host} can't be reached ({_why(reason)}): this machine is offline, or needs a proxy, which HTTPS_PROXY names"
    )


def _why(reason: object) -> str:
    if isinstance(reason, TimeoutError):
        return f"no answer in {SILENCE:.0f} seconds"
    return shorten(getattr(reason, "strerror", None) or reason or type(reason).__name__, 80)


def _host(address: str) -> str:
    return shorten(urlsplit(address).hostname or address, 60)


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_SafeRedirects)


def _request(address: str) -> urllib.request.Request:
    return urllib.request.Request(address, headers={"User-Agent": "robustscope"})
