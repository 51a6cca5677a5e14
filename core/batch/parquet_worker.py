"""A process that reads Parquet files of pictures for `core.batch.parquet`, under limits of its own.

It opens no file: whoever asks reads for it. A message is a kind (1 byte), a length (8 bytes) and JSON.

- It is asked by a length and JSON: the `size` of a file, and the `rows` wanted, [start, stop], or null for a count.
- It answers by `READ`, [offset, size], upon which it is sent those bytes, by `COUNT`, by `ROW`, [row, name, size], with
  the picture's bytes behind it (none where its size is null or above the largest), by `FAILED`, a sentence, and `DONE`.
"""

import io
import json
import os
import signal
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from core.decoding.child import limit_memory, limit_time
from core.errors import InputError
from core.text import shorten

READ, ROW, COUNT, FAILED, DONE = (bytes([at]) for at in range(5))
NAMES = ("path", "file_name", "filename", "name")
"""Columns that name pictures; without one, they are called by their row."""
MAX_ROWS = 10_000_000
"""In one file: the list of what is to be read is made before anything is."""
_MAX_NAME = 1_000  # characters
_AT_ONCE = 8  # rows
_BUFFER = 1 << 20  # bytes of a column that are asked for at once
TOO_LARGE = (
    "The Parquet file takes more memory to read than is given to one; write it again with row groups of at most 100 "
    "pictures, each of at most 20 MB."
)


class _Asked(io.RawIOBase):
    """A file that lies with whoever asked."""

    def __init__(self, size: int, out: BinaryIO) -> None:
        self._size, self._at, self._out = size, 0, out

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._size - self._at)
        size = left if size < 0 else min(size, left)
        _send(self._out, READ, [self._at, size])
        self._out.flush()
        data = sys.stdin.buffer.read(size)
        if len(data) < size:
            sys.exit()  # whoever asked has gone
        self._at += size
        return data


def main(memory: int, cpu_seconds: int, largest: int) -> None:
    """Serve until the standard input ends.

    Args:
        memory: bytes of this process's address space.
        cpu_seconds: of a processor that one request may take.
        largest: bytes of a picture; a larger one's are not sent.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the parent, which closes the pipe
    if hasattr(signal, "SIGPIPE"):  # not on Windows
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # whoever asked has gone: so does this, without a word
    out = os.fdopen(os.dup(1), "wb", buffering=_BUFFER)
    os.dup2(2, 1)  # what a library prints must not stand among the answers
    limit_memory(memory)
    pa.set_memory_pool(pa.system_memory_pool())  # its own would reserve a gigabyte of addresses
    while head := sys.stdin.buffer.read(8):
        asked = json.loads(sys.stdin.buffer.read(int.from_bytes(head, "little")))
        limit_time(cpu_seconds)
        _answer(out, asked, largest)
        out.flush()


def _send(out: BinaryIO, kind: bytes, said: object) -> None:
    text = json.dumps(said).encode()
    out.write(kind + len(text).to_bytes(8, "little") + text)


def _answer(out: BinaryIO, asked: dict[str, Any], largest: int) -> None:
    try:
        source = _opened(_Asked(asked["size"], out))
        if asked["rows"] is None:
            _send(out, COUNT, source.metadata.num_rows)
        else:
            for row, name, data in _rows(source, range(*asked["rows"])):
                _send(out, ROW, [row, name, None if data is None else len(data)])
                out.write(data if data is not None and len(data) <= largest else b"")
        out.write(DONE)
    except InputError as error:
        _send(out, FAILED, str(error))
    except MemoryError:
        _send(out, FAILED, TOO_LARGE)
    except Exception as error:  # broken Parquet raises nearly anything
        _send(out, FAILED, f"The file could not be read ({type(error).__name__}: {shorten(error)}).")


def _opened(file: _Asked) -> pq.ParquetFile:
    source = pq.ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False)
    if source.metadata.num_rows > MAX_ROWS:
        raise InputError(f"The Parquet file has {source.metadata.num_rows:,} rows; at most {MAX_ROWS:,} are read.")
    return source


def _rows(source: pq.ParquetFile, wanted: range) -> Iterator[tuple[int, str | None, bytes | None]]:
    """Row, name and picture of the rows wanted; whole row groups before the first are passed over."""
    column, name = _columns(source.schema_arrow)
    groups, first, at = [], None, 0
    for group in range(source.num_row_groups):
        after = at + source.metadata.row_group(group).num_rows
        if after > wanted.start and at < wanted.stop:
            groups.append(group)
            first = at if first is None else first
        at = after
    row = first or 0
    columns = [column] if name is None else [column, name]
    for batch in source.iter_batches(_AT_ONCE, groups, columns, use_threads=False):
        cells, names = batch.column(column), None if name is None else batch.column(name)
        for index in range(batch.num_rows):
            if row in wanted:
                yield row, *_cell(cells[index].as_py(), names and names[index].as_py())
            row += 1
    if not source.metadata.num_rows:
        raise InputError("The Parquet file has no rows.")


def _columns(schema: pa.Schema) -> tuple[str, str | None]:
    """The column with pictures, as bytes or as a struct with `bytes` in it, and the one with their names."""

    def holds_bytes(kind: pa.DataType) -> bool:
        return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))

    texts = [name for name in NAMES if name in schema.names and pa.types.is_string(schema.field(name).type)]
    for field in schema:
        if holds_bytes(field.type) or (
            pa.types.is_struct(field.type)
            and any(each.name == "bytes" and holds_bytes(each.type) for each in field.type.fields)
        ):
            return field.name, texts[0] if texts else None
    raise InputError("The Parquet file has no column of bytes.")


def _cell(cell: Any, name: Any) -> tuple[str | None, bytes | None]:
    """A row's name, if it has one, and its picture; a struct may bring its name itself."""
    data, inner = (cell.get("bytes"), cell.get("path")) if isinstance(cell, dict) else (cell, None)
    found = str(name or inner or "")
    return found if 0 < len(found) <= _MAX_NAME else None, data
