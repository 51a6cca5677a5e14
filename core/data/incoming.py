"""Files, folders and ZIPs of pictures from anywhere, one picture after the other, so that any number can be read."""

import lzma
import stat
import zipfile
import zlib
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from core.data.walk import entries, files
from core.errors import ConfigError
from core.images import MAX_BYTES
from core.text import shorten

MAX_ZIP_BYTES = 200_000_000
MAX_ENTRIES = 2_000
MAX_UNPACKED = 1_000_000_000
MAX_LIST = 2_000_000
LONGEST_LIST = 40_000_000  # of a ZIP that is read part by part: some 300,000 files

_ZIP_HEADS = (b"PK\x03\x04", b"PK\x05\x06")
_OTHER_ARCHIVES = {b"Rar!": "RAR", b"7z\xbc\xaf": "7z", b"\x1f\x8b": "gzip", b"\xfd7zXZ": "xz", b"BZh": "bzip2"}
_NESTED = "An archive inside an archive is not opened."


ZIP_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    OverflowError,
    MemoryError,
    ValueError,
)
"""What `zipfile` raises on a damaged ZIP: OverflowError where an entry says that it lies beyond 2^63, MemoryError where
LZMA says that it needs gigabytes."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """One file that may be a picture.

    Attributes:
        path: where it came from; of a file in a ZIP, the ZIP's path, "/" and the name within.
        data: its bytes; empty where it could not be read.
        error: one sentence on why it could not be read; "" where it could.
    """

    path: str
    data: bytes = b""
    error: str = ""


def check_paths(paths: Sequence[Path]) -> None:
    """Refuse what `incoming` can't begin with.

    Raises:
        ConfigError: no paths, or one that does not exist.
    """
    missing = [path for path in paths if not path.exists()]
    if missing or not paths:
        raise ConfigError(
            f"{shorten(missing[0])} does not exist" if missing else "name at least one file, folder or ZIP"
        )


def incoming(paths: Sequence[Path], skip: Container[str] = frozenset()) -> Iterator[Incoming]:
    """Every file under `paths`, folders in the order of names and with what lies deeper, ZIPs file by file.

    One file is in memory at a time. What can't be read comes as an error and stops nothing; a ZIP that breaks a limit
    is one error for the whole. Hidden files and folders and what systems add are passed over in folders and in ZIPs,
    see `core.data.walk`. Links to folders are not followed.

    Args:
        paths: files, folders and ZIPs.
        skip: paths, as `Incoming.path` has them, that are not wanted and are not read.

    Raises:
        ConfigError: no paths, or one that does not exist.
    """
    check_paths(paths)
    for path in paths:
        for file in files(path) if path.is_dir() else (path,):
            yield from from_path(file, skip)


def from_file(file: BinaryIO, name: str, size: int, skip: Container[str] = frozenset()) -> Iterator[Incoming]:
    """An open file, or every file of it where it is a ZIP.

    Args:
        file: read from where it stands.
        name: what paths are, or begin with.
        size: of the file in bytes.
        skip: paths that are not wanted and are not read.
    """
    head = file.read(6)
    if head[:4] not in _ZIP_HEADS:
        yield checked(name, lambda: head + file.read(MAX_BYTES + 1 - len(head)), size)
    elif size > MAX_ZIP_BYTES:
        yield Incoming(name, error=f"The ZIP is larger than {MAX_ZIP_BYTES / 1e6:.0f} MB.")
    else:
        yield from from_zip(file, name, skip)


def from_zip(file: BinaryIO, name: str, skip: Container[str] = frozenset()) -> Iterator[Incoming]:
    """Every file of a ZIP of at most 200 MB, 2,000 entries and 1 GB unpacked, in its order.

    Nothing is written to disk. A name that leads out of the archive, an archive within, an encrypted or damaged entry,
    and one above 20 MB each come as an error of their own.

    Args:
        file: the archive.
        name: what its files' paths begin with.
        skip: paths that are not wanted and are not read.
    """
    yield from _read_zip(file, name, MAX_LIST, _too_much, skip)


def from_zip_part(file: BinaryIO, name: str, part: range) -> Iterator[Incoming]:
    """The files of a ZIP at these places among those that are read of it; it may be of any size, see `LONGEST_LIST`.

    Otherwise as `from_zip`.
    """
    yield from _read_zip(file, name, LONGEST_LIST, lambda archive, found: "", frozenset(), part)


def _read_zip(
    file: BinaryIO,
    name: str,
    most_list: int,
    refused: Callable[[zipfile.ZipFile, Sequence[zipfile.ZipInfo]], str],
    skip: Container[str],
    part: range | None = None,
) -> Iterator[Incoming]:
    """The files of a ZIP, or those at the places `part`; one error where it is damaged, or `refused` says why not."""
    try:
        with open_zip(file, most_list) as archive:
            found = entries(archive)
            problem = refused(archive, found) or _named_twice(found)
            if problem:
                yield Incoming(name, error=problem)
                return
            for entry in found if part is None else found[part.start : part.stop]:
                path = f"{name}/{entry.filename}"
                if path not in skip:
                    yield _entry(archive, entry, path)
    except ZIP_DAMAGE as error:
        yield Incoming(name, error=f"This ZIP is damaged and cannot be read ({shorten(error)}).")


class _Bounded:
    """A file that can't be read in pieces of more than `most` bytes."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self.file = file
        self.most = most

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def read(self, size: int = -1) -> bytes:
        if size > self.most:
            raise zipfile.BadZipFile(f"its list of contents is longer than {self.most / 1e6:.0f} MB")
        return self.file.read(size)


def open_zip(file: BinaryIO, most_list: int = MAX_LIST) -> zipfile.ZipFile:
    """The archive, whose list of contents is at most `most_list` bytes: it is read whole before they can be counted.

    Raises:
        zipfile.BadZipFile: it is no ZIP, or its list is longer.
    """
    bounded = _Bounded(file, most_list)
    archive = zipfile.ZipFile(cast(BinaryIO, bounded))
    bounded.most = MAX_ZIP_BYTES
    return archive


def from_path(path: Path, skip: Container[str] = frozenset()) -> Iterator[Incoming]:
    """The file at a path, or every file of it where it is a ZIP; what can't be read comes as an error."""
    if str(path) in skip:
        return
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            listed = "The folder can't be listed." if stat.S_ISDIR(status.st_mode) else "This is no file."
            yield Incoming(str(path), error=listed)
            return
        with path.open("rb") as file:
            yield from from_file(file, str(path), status.st_size, skip)
    except OSError as error:
        yield Incoming(str(path), error=f"The file could not be read: {error.strerror or error}.")


def _too_much(archive: zipfile.ZipFile, found: Sequence[zipfile.ZipInfo]) -> str:
    """Why the whole ZIP is refused for its size; "" where it is not."""
    if len(archive.infolist()) > MAX_ENTRIES:
        return f"The ZIP holds {len(archive.infolist()):,} entries; at most {MAX_ENTRIES:,} are read."
    if sum(entry.file_size for entry in found) > MAX_UNPACKED:
        return f"The ZIP says that it unpacks to more than {MAX_UNPACKED / 1e9:.0f} GB."
    return ""


def _named_twice(found: Sequence[zipfile.ZipInfo]) -> str:
    """That paths would not tell its files apart; "" where they do."""
    names = [entry.filename for entry in found if entry.filename]
    return "The ZIP holds several files of one name." if len(set(names)) < len(names) else ""


def _entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: str) -> Incoming:
    name = entry.filename.replace("\\", "/")
    if not name:
        return Incoming(path, error="An entry of the ZIP without a name is not read.")
    if stat.S_ISLNK(entry.external_attr >> 16):
        return Incoming(path, error="This is a link, which a ZIP can't follow.")
    if name.startswith("/") or ".." in name.split("/") or name[1:2] == ":":
        return Incoming(path, error="The name leads out of the archive, so the file is not read.")
    if entry.flag_bits & 0x1:
        return Incoming(path, error="The file is encrypted.")
    try:
        with archive.open(entry) as file:
            return checked(path, lambda: file.read(MAX_BYTES + 1), entry.file_size, nested=True)
    except ZIP_DAMAGE as error:
        return Incoming(path, error=f"The file is damaged in the ZIP ({shorten(error)}).")


def checked(path: str, read: Callable[[], bytes], size: int, nested: bool = False) -> Incoming:
    """The bytes that `read` gives, unless there are too many by word or in deed, or they are an archive."""
    data = read() if size <= MAX_BYTES else b""
    if size > MAX_BYTES or len(data) > MAX_BYTES:
        return Incoming(path, error=f"The file has more than {MAX_BYTES / 1e6:.0f} MB.")
    if nested and data[:4] in _ZIP_HEADS:
        return Incoming(path, error=_NESTED)
    for head, name in _OTHER_ARCHIVES.items():
        if data.startswith(head):
            return Incoming(path, error=_NESTED if nested else f"This is a {name} archive; only ZIP is opened.")
    return Incoming(path, data)
