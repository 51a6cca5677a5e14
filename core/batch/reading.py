"""The pictures of a shard, one after the other: what can't be read comes with its reason, and stops nothing."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from core.batch.shards import PARQUET, Piece, Shard, is_url, opened, store
from core.data.incoming import Incoming, checked, from_file, from_path
from core.errors import InputError
from core.text import shorten

NAMES = ("path", "file_name", "filename", "name")
"""Columns of a Parquet file that name its pictures; without one, they are called by their row."""
_ROWS = 32  # of a Parquet file in memory at once
_BYTES = 100_000_000  # of pictures that wait for their batch


def read(shard: Shard) -> Iterator[Incoming]:
    """Every picture of a shard in its order; at most one file, or 32 rows of one, is in memory."""
    for piece in shard.pieces:
        if piece.location.lower().endswith(PARQUET):
            yield from _guarded(piece.location, _rows(piece))
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
    except Exception as error:  # each store has errors of its own, and broken Parquet raises nearly anything
        yield Incoming(location, error=f"The file could not be read ({type(error).__name__}: {shorten(error)}).")


def _remote(url: str) -> Iterator[Incoming]:
    system, path = store(url)
    size = int(system.size(path) or 0)
    with system.open(path, "rb") as file:
        yield from from_file(file, url, size)


def _rows(piece: Piece) -> Iterator[Incoming]:
    """Rows of a Parquet file; whole row groups before the first are passed over."""
    with opened(piece.location) as file, pq.ParquetFile(file) as source:
        column, name = _columns(source.schema_arrow)
        groups, first, at = [], None, 0
        for group in range(source.num_row_groups):
            after = at + source.metadata.row_group(group).num_rows
            if after > piece.rows.start and at < piece.rows.stop:
                groups.append(group)
                first = at if first is None else first
            at = after
        row = first or 0
        wanted = [column] if name is None else [column, name]
        for batch in source.iter_batches(_ROWS, groups, wanted):
            cells, names = batch.column(column), None if name is None else batch.column(name)
            for index in range(batch.num_rows):
                if row in piece.rows:
                    yield _picture(piece.location, row, cells[index].as_py(), names and names[index].as_py())
                row += 1
        if not source.metadata.num_rows:
            raise InputError("The Parquet file has no rows.")


def _columns(schema: pa.Schema) -> tuple[str, str | None]:
    """The column with pictures, as bytes or as a struct with `bytes` in it, and the one with their names."""
    texts = [name for name in NAMES if name in schema.names and pa.types.is_string(schema.field(name).type)]
    for field in schema:
        if _is_bytes(field.type) or (
            pa.types.is_struct(field.type)
            and any(each.name == "bytes" and _is_bytes(each.type) for each in field.type.fields)
        ):
            return field.name, texts[0] if texts else None
    raise InputError("The Parquet file has no column of bytes.")


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _picture(location: str, row: int, cell: Any, name: str | None) -> Incoming:
    """A row as a picture; a struct may bring its name itself."""
    data, inner = (cell.get("bytes"), cell.get("path")) if isinstance(cell, dict) else (cell, None)
    path = f"{location}/{name or inner or row}"
    if data is None:
        return Incoming(path, error="The row holds no picture.")
    return checked(path, lambda: data, len(data), nested=True)
