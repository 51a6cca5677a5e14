"""Files of ours with their checksum in them, so that no reader takes a damaged one for what was written.

The SHA-256 is of all other bytes of the file, and lies where a file of its kind has room that other readers skip: as
the first field of a JSON object, the comment of a ZIP (NPZ files are such), a text chunk of a PNG; behind everything
else. It travels with the file, so that reports are copied and merged as files; whoever changes one by hand gives it a
new checksum by `robustscope stamp`. Weights have theirs in their card.
"""

import hashlib
import re
import zlib
from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import Path

from core.errors import InputError
from core.files import read_limited, write_atomically

KINDS = (".json", ".npz", ".png")
"""What files that carry a checksum end in."""
MAX_BYTES = 200_000_000

_LENGTH = len(b"sha256:") + 64
_JSON = re.compile(rb'\s*"checksum"\s*:\s*"[^"]*"\s*,')
_TEXT = re.compile(rb"sha256:[0-9a-f]{64}")
_PNG, _ZIP, _ZIP_END = b"\x89PNG\r\n\x1a\n", b"PK\3\4", b"PK\5\6"
_CHUNK = len(b"....tEXtchecksum\0....") + _LENGTH
_IEND = b"\0\0\0\0IEND\xaeB`\x82"  # a PNG's last chunk
_ZIP_TAIL = 22  # bytes of a ZIP's end without a comment
_ADVICE = "if it is as it should be, `robustscope stamp` gives it one"


class State(Enum):
    """What there is to say of a file's checksum."""

    FITS = "fits"
    MISSING = "is missing"
    WRONG = "does not fit"


def with_checksum(data: bytes) -> bytes:
    """A file's bytes, which carry no checksum, with it."""
    text = b"sha256:" + hashlib.sha256(data).hexdigest().encode()
    if data.startswith(b"{"):
        return b'{\n "checksum": "%b",' % text + data[1:]
    if _is_png(data):
        chunk = b"tEXtchecksum\0" + text
        framed = (len(chunk) - 4).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
        return data[: -len(_IEND)] + framed + _IEND
    if _is_zip(data):
        return data[:-2] + len(text).to_bytes(2, "little") + text
    return data + text


def without_checksum(data: bytes, name: str) -> bytes:
    """A file's bytes without their checksum, once it was held against them.

    Args:
        data: the file's bytes.
        name: what it is called in errors.

    Raises:
        InputError: there is none, or the bytes are others than those it was taken of.
    """
    state, bare = checked(data)
    if state is State.MISSING:
        raise InputError(f"{name} carries no checksum: {_ADVICE}")
    if state is State.WRONG:
        raise InputError(f"{name} is damaged, or was changed by hand: its checksum is not that of its bytes")
    return bare


def checked(data: bytes) -> tuple[State, bytes]:
    """Whether a file's bytes carry a checksum that fits, and the bytes without it."""
    bare = _bare(data)
    if bare is None:
        return State.MISSING, data
    return (State.FITS if with_checksum(bare) == data else State.WRONG), bare


def _bare(data: bytes) -> bytes | None:
    """The bytes without what is in the place of a checksum and looks like one; None where nothing does."""
    if data.startswith(b"{"):
        found = _JSON.match(data, 1)
        return data[:1] + data[found.end() :] if found else None
    if _is_png(data):
        chunk, before = data[-len(_IEND) - _CHUNK : -len(_IEND)], data[: -len(_IEND) - _CHUNK]
        return before + _IEND if chunk[4:].startswith(b"tEXtchecksum\0") else None
    if not _TEXT.fullmatch(data[-_LENGTH:]):
        return None
    plain = data[: -_LENGTH - 2] + b"\0\0"
    return plain if _is_zip(plain) else data[:-_LENGTH]


def _is_png(data: bytes) -> bool:
    return data.startswith(_PNG) and data[len(_PNG) :].endswith(_IEND)


def _is_zip(data: bytes) -> bool:
    """Whether these are the bytes of a ZIP that ends without a comment."""
    return data.startswith(_ZIP) and data[-_ZIP_TAIL:].startswith(_ZIP_END) and data.endswith(b"\0\0")


def read_checked(path: Path, limit: int) -> bytes:
    """The bytes of a file of at most `limit` bytes, but for its checksum.

    Raises:
        InputError: it can't be read, is larger, carries no checksum, or has other bytes than those it was taken of.
    """
    return without_checksum(read_limited(path, limit), path.name)


def write_checked(path: Path, data: bytes) -> None:
    """Write `data` and its checksum to `path` in one move.

    Raises:
        InputError: the folder can't be written, or the disk is full.
    """
    write_atomically(path, with_checksum(data))


def files_of_ours(paths: Iterable[Path]) -> Iterator[Path]:
    """The files among `paths` and in the folders among them that should carry a checksum, in order."""
    for path in paths:
        inside = (each for each in path.rglob("*") if each.suffix in KINDS and each.is_file())
        yield from sorted(inside) if path.is_dir() else [path]


def stamp(path: Path, again: bool = False) -> State:
    """Give a file its checksum where it has none; returns what there was to say before.

    Args:
        path: the file; nothing else of it changes.
        again: also where there is one that does not fit.

    Raises:
        InputError: the file can't be read or written.
    """
    state, bare = checked(read_limited(path, MAX_BYTES))
    if state is State.MISSING or (again and state is State.WRONG):
        write_checked(path, bare)
    return state


def lacking(paths: Iterable[Path]) -> list[tuple[Path, State]]:
    """The files that should carry a fitting checksum and do not.

    Raises:
        InputError: a file can't be read.
    """
    found = ((path, checked(read_limited(path, MAX_BYTES))[0]) for path in files_of_ours(paths))
    return [(path, state) for path, state in found if state is not State.FITS]
