"""What is to be read, cut into shards: folders, files, ZIPs, Parquet files with pictures in them, and URLs of these."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

import fsspec

from core.batch.parquet import count_rows
from core.data.incoming import LONGEST_LIST, ZIP_DAMAGE, open_zip
from core.data.walk import entries, files, is_helper
from core.errors import ConfigError, InputError
from core.text import shorten

SHARD = 200
"""Pictures of a shard, about: what is lost where a process is killed, and how often a file is written."""

ZIP, PARQUET = ".zip", ".parquet"


@dataclass(frozen=True, slots=True)
class Piece:
    """A file, which is a path or a URL of fsspec's; of a Parquet file some of its rows, of a ZIP some of its files."""

    location: str
    rows: range = range(0)


@dataclass(frozen=True, slots=True)
class Shard:
    """What one process does at once.

    Attributes:
        number: its place among all shards, from 0.
        pieces: what is read, in order.
        pictures: files and rows that may be pictures.
    """

    number: int
    pieces: tuple[Piece, ...]
    pictures: int

    @property
    def words(self) -> str:
        """What of it helps to find it."""
        return f"begins with {self.pieces[0].location}"


def plan(inputs: Sequence[str], size: int = SHARD, leave_out: Path | None = None) -> list[Shard]:
    """All that lies under `inputs`, in its order, cut into shards of about `size` pictures.

    Only lists are read, and of each ZIP and Parquet file, which are cut, its own; a folder's files are told apart by
    their names alone. A path takes about 150 bytes of memory.

    Args:
        inputs: paths and URLs of files and folders, each as `core.data.walk` goes through it.
        size: pictures.
        leave_out: a folder that is not gone into, such as that of the results.

    Raises:
        ConfigError: nothing is named, something does not exist, or a URL's store can't be reached.
    """
    if not inputs or size < 1:
        raise ConfigError(f"name at least one file, folder, ZIP or URL, and shards of at least 1; got {size}")
    shards: list[Shard] = []
    waiting: list[Piece] = []
    count = 0

    def close() -> None:
        nonlocal count
        if waiting:
            shards.append(Shard(len(shards), tuple(waiting), count))
            waiting.clear()
            count = 0

    for piece, pictures in _pieces(inputs, size, leave_out):
        if count + pictures > size:
            close()
        waiting.append(piece)
        count += pictures
    close()
    return shards


def digest(shards: Sequence[Shard]) -> str:
    """SHA-256 of what the shards read, and where they are cut: by names, not by contents."""
    found = hashlib.sha256()
    for shard in shards:
        for piece in shard.pieces:
            found.update(
                f"{shard.number} {piece.rows.start} {piece.rows.stop} {piece.location}\n".encode(
                    errors="surrogateescape"
                )
            )
    return found.hexdigest()


def is_url(location: str) -> bool:
    """Whether this is a URL of fsspec's and no path."""
    return "://" in location


def store(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the path in it.

    Raises:
        ConfigError: there is none of this kind, or its package is missing.
    """
    scheme = url.partition("://")[0]
    try:
        system, path = fsspec.core.url_to_fs(url)
    except ImportError as error:
        raise ConfigError(f"{scheme}:// needs a package that is not installed: {error}") from error
    except ValueError as error:
        raise ConfigError(f"{shorten(url)} is no URL that can be read: {error}") from error
    return system, str(path)


def opened(location: str) -> BinaryIO:
    """A path or URL, open for reading.

    Raises:
        OSError: it can't be read.
    """
    if not is_url(location):
        return Path(location).open("rb")
    system, path = store(location)
    return cast(BinaryIO, system.open(path, "rb"))


def _pieces(inputs: Sequence[str], size: int, leave_out: Path | None) -> Iterator[tuple[Piece, int]]:
    """What is read, with the number of pictures that it may hold."""
    for location in (each for one in inputs for each in (_remote(one) if is_url(one) else _local(one, leave_out))):
        suffix = PurePosixPath(location).suffix.lower()
        count = _rows(location) if suffix == PARQUET else _entries(location) if suffix == ZIP else 0
        cuts = [range(start, min(start + size, count)) for start in range(0, count, size)]
        yield from ((Piece(location, cut), len(cut)) for cut in cuts)
        if not cuts:
            yield Piece(location), 1


def _local(name: str, leave_out: Path | None) -> Iterator[str]:
    path = Path(os.path.abspath(name))  # another process, or machine, may stand in another folder
    if not path.exists():
        raise ConfigError(f"{shorten(path)} does not exist")
    inside = f"{os.path.abspath(leave_out)}{os.sep}" if leave_out else "\0"
    yield from (str(file) for file in (files(path) if path.is_dir() else (path,)) if not str(file).startswith(inside))


def _remote(url: str) -> Iterator[str]:
    system, root = store(url)
    try:
        if not system.exists(root):
            raise ConfigError(f"{shorten(url)} does not exist")
        found = sorted(system.find(root)) if system.isdir(root) else [root]
    except OSError as error:
        raise ConfigError(f"{shorten(url)} can't be listed: {error}") from error
    for path in found:
        below = PurePosixPath(path.removeprefix(root)).parts if path != root else ()
        if not any(is_helper(part) for part in below):
            yield system.unstrip_protocol(path)


def _rows(location: str) -> int:
    """Rows of a Parquet file; 0 where it can't be read, of which a row of the result will tell."""
    try:
        with opened(location) as file:
            return count_rows(file)
    except (OSError, ValueError, InputError):
        return 0


def _entries(location: str) -> int:
    """Files in a ZIP; 0 where it can't be read, of which a row of the result will tell."""
    try:
        with opened(location) as file, open_zip(file, LONGEST_LIST) as archive:
            return len(entries(archive))
    except ZIP_DAMAGE:
        return 0
