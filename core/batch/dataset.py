"""The folder of a job's results: one Parquet file a shard, and a manifest by which a second start goes on.

A file is written to another name and moved; then a line with its checksum joins the journal. So a kill leaves whole
files only, and a file that has no line, was removed or no longer fits its checksum is made again. Names that begin with
an underscore are passed over by what reads folders of Parquet files.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from core.batch.job import Answer
from core.checksums import MAX_BYTES, read_checked, write_checked
from core.errors import ConfigError, InputError
from core.files import write_atomically
from core.text import shorten

MANIFEST, JOURNAL = "_manifest.json", "_journal.jsonl"
MADE_BY = "robustscope batch"


@dataclass(frozen=True, slots=True)
class Done:
    """A shard whose rows are in the folder.

    Attributes:
        number: the shard's.
        sha256: of its file.
        bytes: of it.
        pictures: how many it holds.
        errors: how many of them have no figures.
    """

    number: int
    sha256: str
    bytes: int
    pictures: int
    errors: int


class Dataset:
    """The results of one job in a folder; made with the first of them, refused where it is another's."""

    def __init__(self, folder: Path, stated: Mapping[str, Any]) -> None:
        """Use the folder.

        Args:
            folder: there already or not.
            stated: all that decides the rows, as plain values.

        Raises:
            ConfigError: there is a job with other settings in it, or files that are not ours.
            InputError: its manifest is damaged.
        """
        self.folder = folder
        self._stated: dict[str, Any] = json.loads(json.dumps(stated))
        self._check()
        self.done = {each.number: each for each in self._journal() if self._fits(each)}

    def _check(self) -> None:
        there = {path.name for path in self.folder.iterdir()} if self.folder.is_dir() else set()
        if not there - {f"{MANIFEST}.part"}:
            return
        before = json.loads(read_checked(self.folder / MANIFEST, MAX_BYTES)) if MANIFEST in there else {}
        if before.get("made_by") != MADE_BY:
            raise ConfigError(f"{shorten(self.folder)} holds other files: name a new folder for the results")
        old = before["settings"]
        for name in (*self._stated, *old):
            if old.get(name) != self._stated.get(name):
                was, now = (shorten(each.get(name), 40) for each in (old, self._stated))
                raise ConfigError(
                    f"{shorten(self.folder)} holds a run with other settings: {name} was {was} and is {now} now; "
                    "repeat that run, or name a new folder"
                )

    def _journal(self) -> Iterator[Done]:
        """What the journal says; the half line that a kill may leave is passed over."""
        path = self.folder / JOURNAL
        for line in path.read_text().splitlines() if path.exists() else ():
            try:
                yield Done(**json.loads(line))
            except (ValueError, TypeError):
                continue

    def _fits(self, one: Done) -> bool:
        path = self.part(one.number)
        return path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == one.sha256

    def part(self, number: int) -> Path:
        """The file of a shard; sorted by name, files are in the order of the pictures."""
        return self.folder / f"part-{number:06d}.parquet"

    def write(self, answer: Answer) -> Done:
        """Keep what came out for a shard.

        Raises:
            InputError: the folder can't be written.
        """
        if not (self.folder / MANIFEST).exists():
            self._write_manifest({"finished": False})
        for name, data in answer.pngs.items():
            write_atomically(self.folder / name, data)
        write_atomically(self.part(answer.number), answer.table)
        sha256 = hashlib.sha256(answer.table).hexdigest()
        done = Done(answer.number, sha256, len(answer.table), answer.pictures, answer.errors)
        try:
            with (self.folder / JOURNAL).open("a") as journal:
                journal.write(f"\n{json.dumps(asdict(done))}\n")  # a half line of before must not join this one
        except OSError as error:
            raise InputError(f"{shorten(self.folder)} could not be written: {error.strerror or error}") from error
        self.done[done.number] = done
        return done

    def finish(self) -> None:
        """Write into the manifest that all is there, with every file's checksum.

        Raises:
            InputError: the folder can't be written.
        """
        shards = [asdict(self.done[number]) for number in sorted(self.done)]
        totals = {name: sum(each[name] for each in shards) for name in ("pictures", "errors", "bytes")}
        self._write_manifest({"finished": True, **totals, "shards": shards})

    def tables(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """The finished tables in the order of the pictures, one in memory at a time."""
        for number in sorted(self.done):
            yield pq.read_table(self.part(number), columns=list(columns) if columns else None, partitioning=None)

    def _write_manifest(self, state: Mapping[str, Any]) -> None:
        known = {"made_by": MADE_BY, "settings": self._stated, **state}
        write_checked(self.folder / MANIFEST, json.dumps(known, indent=1).encode())
