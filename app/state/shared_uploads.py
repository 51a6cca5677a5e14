"""Uploaded pictures where several servers of one address find them: a folder, or whatever fsspec opens by a URL.

Without the setting `ROBUSTSCOPE_UPLOADS` there is none, and pictures stay in the memory of the server that got them.
With it a visitor who comes to another server, because theirs was ended, finds their pictures there. Files are kept as
they came and decoded again by whoever finds them, within all limits of an upload.
"""

import json
import logging
import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath
from threading import Lock
from typing import Any, NamedTuple

import fsspec

KEPT = 3600.0  # seconds after its last use in which a picture is found
RENEWED = 600.0  # seconds after which the use of a picture is noted again
MOST_OWN_BYTES = 100_000_000  # of one visitor; their oldest go
MOST_BYTES = 4_000_000_000  # of all; the oldest go
ABANDONED = 86_400.0  # seconds after which half a file is taken to be that of a server that was killed as it wrote
_SCRATCH = re.compile(r"\.[0-9a-f]{16,128}\.[0-9]+\.[0-9]+")  # as `_write` names it
_OWNER, _DIGEST = re.compile(r"[0-9a-f]{32}"), re.compile(r"[0-9a-f]{16,128}")

LOG = logging.getLogger("robustscope")


@dataclass(frozen=True, slots=True)
class SharedFile:
    """A picture's file as its visitor brought it.

    Attributes:
        name: what the visitor called it.
        data: its bytes, which nobody has checked.
    """

    name: str
    data: bytes


class _Entry(NamedTuple):
    path: str
    size: int
    at: float


class SharedUploads:
    """Files by visitor and digest; what can't be reached is logged, and is as if it were not there."""

    def __init__(self, url: str) -> None:
        """A folder, or a URL that fsspec opens, such as `s3://bucket/uploads`; it is made when it is first needed."""
        self._files, self._root = fsspec.core.url_to_fs(url)
        self._noted: dict[tuple[str, str], float] = {}
        self._lock = Lock()

    def put(self, owner: str, digest: str, file: SharedFile) -> None:
        """Keep a file of a visitor who has a name, and make room for it."""
        if not _named(owner, digest) or len(file.data) > MOST_OWN_BYTES:
            return
        try:
            own = sorted(self._entries(owner), key=lambda entry: entry.at)
            while own and sum(entry.size for entry in own) + len(file.data) > MOST_OWN_BYTES:
                self._files.rm_file(own.pop(0).path)
            self._write(owner, digest, json.dumps({"name": file.name}).encode() + b"\n" + file.data)
        except Exception as error:  # in one line: a disk that is full is so for every picture
            LOG.warning("an upload could not be shared with the other servers: %r", error)

    def note_use(self, owner: str, digest: str) -> None:
        """Let a file be kept for as long as if it had come now."""
        due = self._noted.get((owner, digest), 0.0) < time.monotonic() - RENEWED
        found = self.get(owner, digest) if due and _named(owner, digest) else None
        if found is not None:
            self.put(owner, digest, found)

    def get(self, owner: str, digest: str) -> SharedFile | None:
        """A visitor's file; None where there is none."""
        if not _named(owner, digest):
            return None
        try:
            head, _, data = self._files.cat_file(f"{self._root}/{owner}/{digest}").partition(b"\n")
            return SharedFile(str(json.loads(head)["name"]), data)
        except FileNotFoundError:
            return None
        except Exception as error:
            LOG.warning("a shared upload could not be read: %r", error)
            return None

    def latest(self, owner: str) -> str:
        """The digest of the visitor's file that was used last; empty where there is none."""
        newest = (
            max(self._entries(owner), key=lambda entry: entry.at, default=None) if _OWNER.fullmatch(owner) else None
        )
        return PurePosixPath(newest.path).name if newest else ""

    def tidy(self, kept: float = KEPT, most: int = MOST_BYTES) -> None:
        """Delete what nobody used for long, the oldest where all are too much, and half files of killed servers."""
        oldest_last = sorted(self._entries(), key=lambda entry: -entry.at)
        size, now = 0, time.time()
        for entry in oldest_last:
            size += entry.size
            if entry.at < now - kept or size > most:
                self._remove(entry)
        for entry in self._files_in():
            pure = PurePosixPath(entry.path)
            if _OWNER.fullmatch(pure.parent.name) and _SCRATCH.fullmatch(pure.name) and entry.at < now - ABANDONED:
                self._remove(entry)

    def _remove(self, entry: _Entry) -> None:
        try:
            self._files.rm_file(entry.path)
        except Exception:
            LOG.info("a shared upload was not there to be deleted")

    def _write(self, owner: str, digest: str, data: bytes) -> None:
        """In one move where the store has one: nobody reads half a file."""
        folder = f"{self._root}/{owner}"
        self._files.makedirs(folder, exist_ok=True)
        scratch = f"{folder}/.{digest}.{os.getpid()}.{time.monotonic_ns()}"
        try:
            self._files.pipe_file(scratch, data)
            self._files.mv(scratch, f"{folder}/{digest}")
        except BaseException:
            with suppress(Exception):  # half a file that nobody would ever find takes room that is short already
                self._files.rm_file(scratch)
            raise
        with self._lock:
            now = time.monotonic()
            self._noted = {key: at for key, at in self._noted.items() if at > now - RENEWED}
            self._noted[owner, digest] = now

    def _entries(self, owner: str = "") -> Iterator[_Entry]:
        """The uploads that are there, of one visitor or of all."""
        for entry in self._files_in(owner):
            pure = PurePosixPath(entry.path)
            if _named(pure.parent.name, pure.name):
                yield entry

    def _files_in(self, owner: str = "") -> Iterator[_Entry]:
        """All files that are there, others' too, of one visitor or of all."""
        folder = f"{self._root}/{owner}".rstrip("/")
        try:
            self._files.invalidate_cache()
            found: dict[str, Any] = self._files.find(folder, detail=True)
        except Exception as error:
            LOG.warning("shared uploads could not be listed: %r", error)
            return
        for path, info in found.items():
            yield _Entry(path, int(info["size"]), _seconds(info))


def _named(owner: str, digest: str) -> bool:
    return bool(_OWNER.fullmatch(owner) and _DIGEST.fullmatch(digest))


def _seconds(info: dict[str, Any]) -> float:
    """When a file was written; each store has its own word for it, and its own type."""
    at = next((info[key] for key in ("mtime", "LastModified", "created", "updated") if key in info), time.time())
    return float(at.timestamp() if hasattr(at, "timestamp") else at)


@cache
def _opened(url: str) -> SharedUploads:
    return SharedUploads(url)


def shared_uploads() -> SharedUploads | None:
    """That of `ROBUSTSCOPE_UPLOADS`; None where the setting is not made."""
    url = os.environ.get("ROBUSTSCOPE_UPLOADS", "")
    return _opened(url) if url else None
