"""The folder beside a table that holds its finished rows until all are there; a run that was killed goes on from it."""

import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.csv import CSVWriter

from core.checksums import MAX_BYTES, read_checked, write_checked
from core.errors import ConfigError, InputError
from core.files import read_limited, write_atomically
from core.text import csv_cell, shorten

SCHEMA = pa.schema(
    [
        ("path", pa.string()),
        ("sha256", pa.string()),
        ("model", pa.string()),
        ("detector", pa.string()),
        ("score", pa.float64()),
        ("p_value", pa.float64()),
        ("error", pa.string()),
    ]
)
_SETTINGS = "settings.json"
_TABLE = "table"
MADE_BY = {"made_by": "robustscope score"}  # what tells our folder of parts from any other of that name
_MAX_SETTINGS = 10_000_000  # bytes; the paths that were asked for are among them
_PART = re.compile(r"\d{8}\.parquet(\.part)?|settings\.json\.part|table")
_FINISHED = json.dumps({**MADE_BY, "finished": True})

Row = dict[str, Any]


class TableParts:
    """Finished rows in files of their own, until they are put together: as CSV if the table is called so, else Parquet.

    The folder carries a mark: one without it is never written to, and nothing but what was written here is removed.
    """

    def __init__(self, out: Path, stated: str) -> None:
        """Use the folder `<out>.parts`, made with the first part; refuse another's, or one of other settings."""
        self.out = Path(os.path.abspath(out))
        self.folder = self.out.with_name(f"{out.name}.parts")
        self._scratch = self.folder / _TABLE
        self._mark = self.folder / _SETTINGS
        self._stated = stated
        if self.out.is_dir():
            raise ConfigError(f"the table can't be written to {shorten(self.out)}: it is a folder; name a file in it")
        before = self._settings()
        if before == _FINISHED:
            self._clear()  # what a kill left of the clearing after a finished run
        elif before not in ("", stated) and self._files():
            raise ConfigError(
                f"{self.folder} holds the beginning of a run with other settings: repeat that one, or remove the folder"
            )
        self.next = max((int(path.stem) for path in self._files()), default=-1) + 1

    def _settings(self) -> str:
        """What the folder's run was begun with; "" where there is none. A folder that is not ours is refused."""
        names = {path.name for path in self.folder.iterdir()} if self.folder.is_dir() else set()
        if not names - {f"{_SETTINGS}.part"} and (self.folder.is_dir() or not os.path.lexists(self.folder)):
            return ""
        try:
            before = read_limited(self._mark, _MAX_SETTINGS).decode()
            ours = json.loads(before).items() >= MADE_BY.items()
        except (InputError, ValueError, AttributeError):
            ours = False
        if not ours:
            raise ConfigError(
                f"rows are kept in {shorten(self.folder)} while files are scored, and that is not a folder of ours: "
                "move it, or choose another name for the table"
            )
        return before

    def own(self, path: str) -> bool:
        """Whether a file is the table, or belongs to its making."""
        found = os.path.abspath(path)
        return found == str(self.out) or found.startswith(f"{self.folder}{os.sep}")

    def done(self) -> set[str]:
        """The paths of the files that have rows."""
        return {path for part in self._read(["path"]) for path in part.column("path").to_pylist()}

    def write(self, rows: Sequence[Row]) -> None:
        """Keep rows as the next part."""
        self._begin()
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(list(rows), SCHEMA), sink)
        write_checked(self.folder / f"{self.next:08d}.parquet", sink.getvalue().to_pybytes())
        self.next += 1

    def join(self, on_part: Callable[[pa.Table], None]) -> None:
        """Put the table together, telling each part, and remove the parts."""
        self._begin()
        try:
            with _writer(self._scratch, self.out.suffix) as writer:
                for part in self._read():
                    writer.write_table(spreadsheet_safe(part) if isinstance(writer, CSVWriter) else part)
                    on_part(part)
            os.replace(self._scratch, self.out)
        except OSError as error:
            with suppress(OSError):
                self._scratch.unlink(missing_ok=True)
            raise InputError(f"{shorten(self.out)} could not be written: {error.strerror or error}") from error
        self._clear()

    def _begin(self) -> None:
        """Mark the folder as ours, before the first thing that is kept in it."""
        if self.next == 0:
            write_atomically(self._mark, self._stated.encode())

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("[0-9]*.parquet"))

    def _read(self, columns: list[str] | None = None) -> Iterator[pa.Table]:
        for path in self._files():
            try:
                with pq.ParquetFile(pa.BufferReader(read_checked(path, MAX_BYTES))) as part:
                    yield part.read(columns)
            except (InputError, OSError, pa.ArrowException) as error:
                raise InputError(f"{path} is damaged: remove it, and its files are scored again") from error

    def _clear(self) -> None:
        """Remove what is ours and the folder if nothing else is in it; a kill in between leaves a mark that says so."""
        if not self._mark.exists():
            return
        write_atomically(self._mark, _FINISHED.encode())
        with suppress(OSError):
            for path in self.folder.iterdir():
                if _PART.fullmatch(path.name):
                    path.unlink()
            self._mark.unlink()
            self.folder.rmdir()


def _writer(path: Path, suffix: str) -> pq.ParquetWriter | CSVWriter:
    """What writes tables of the schema to a file whose final name ends so."""
    return CSVWriter(path, SCHEMA) if suffix.lower() == ".csv" else pq.ParquetWriter(path, SCHEMA)


def spreadsheet_safe(table: pa.Table) -> pa.Table:
    """The table with texts that a spreadsheet would take for a formula quoted, see `core.text.csv_cell`."""
    columns = {
        field.name: [None if cell is None else csv_cell(cell) for cell in column.to_pylist()]
        if pa.types.is_string(field.type)
        else column
        for field, column in zip(table.schema, table.columns, strict=True)
    }
    return pa.table(columns, table.schema)
