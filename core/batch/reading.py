"""The pictures of a shard, one after the other: what can't be read comes with its reason, and stops nothing."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from core.batch import parquet
from core.batch.shards import PARQUET, ZIP, Piece, Shard, is_url, opened, store
from core.data.incoming import Incoming, from_file, from_path, from_zip_part
from core.errors import InputError
from core.text import shorten

_BYTES = 100_000_000  # of pictures that wait for their batch


def read(shard: Shard) -> Iterator[Incoming]:
    """Every picture of a shard in its order; at most one file, or one row of one, is in memory."""
    for piece in shard.pieces:
        if piece.location.lower().endswith(PARQUET):
            yield from _guarded(piece.location, _rows(piece))
        elif piece.location.lower().endswith(ZIP):
            yield from _guarded(piece.location, _of_zip(piece))
        elif is_url(piece.location):
            yield from _guarded(piece.location, _remote(piece.location))
        else:
            yield from from_path(Path(piece.location))


def batches(pictures: Iterable[Incoming], size: int) -> Iterator[list[Incoming]]:
    """The pictures in lists of `size`, shorter where these have more than 100 MB."""
    batch: list[Incoming] = []
    for one in pictures:
        batch.append(one)
        if len(batch) == size or sum(len(each.data) for each in batch) > _BYTES:
            yield batch
            batch = []
    if batch:
        yield batch


def _guarded(location: str, pictures: Iterator[Incoming]) -> Iterator[Incoming]:
    """The pictures, and where reading fails a last one that says why."""
    try:
        yield from pictures
    except InputError as error:
        yield Incoming(location, error=str(error))
    except Exception as error:  # each store has errors of its own, and none is ours
        yield Incoming(location, error=f"The file could not be read ({type(error).__name__}: {shorten(error)}).")


def _remote(url: str) -> Iterator[Incoming]:
    system, path = store(url)
    size = int(system.size(path) or 0)
    with system.open(path, "rb") as file:
        yield from from_file(file, url, size)


def _of_zip(piece: Piece) -> Iterator[Incoming]:
    with opened(piece.location) as file:
        yield from from_zip_part(file, piece.location, piece.rows)


def _rows(piece: Piece) -> Iterator[Incoming]:
    with opened(piece.location) as file:
        yield from parquet.pictures(file, piece.location, piece.rows)
