"""One job: what is done with each picture, by which networks. A shard's answer is the same whoever works it out."""

import hashlib
import io
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from core.anomaly.batch_parts import Row
from core.batch.reading import batches, read
from core.batch.shards import Shard
from core.checksums import MAX_BYTES
from core.data.incoming import Incoming
from core.errors import ConfigError
from core.files import read_limited
from core.models.asking import one_thread
from core.models.zoo import ZooModel, load_weights, load_zoo_model, model_files

_CODE = Path(__file__).resolve().parents[1]

N = TypeVar("N")


@dataclass(frozen=True, slots=True)
class PackedNetwork:
    """A network as the bytes of its files, which any process can take up.

    Attributes:
        key: its name in the zoo.
        card: of its card.
        weights: of its weights; empty where they lie in a package that is installed.
        calibration: of its detectors; empty where none are needed.
    """

    key: str
    card: bytes
    weights: bytes
    calibration: bytes = b""


@dataclass(frozen=True, slots=True)
class Made:
    """What came out for some pictures.

    Attributes:
        rows: in the order of the pictures, then of the networks.
        pngs: files to be laid beside the tables, by their names in the result's folder.
    """

    rows: Sequence[Row]
    pngs: Mapping[str, bytes]


class Work(Protocol[N]):
    """What is done with pictures by networks, each taken up as an `N`. Frozen, plain, and free of side effects."""

    @property
    def batch(self) -> int:
        """Pictures in memory at once."""

    @property
    def schema(self) -> pa.Schema:
        """Of the rows. The column `error` says why a picture has no figures."""

    def stated(self) -> dict[str, Any]:
        """All settings that decide the rows, as plain values."""

    def taken_up(self, packed: PackedNetwork) -> N:
        """A network as the work needs it; done once a process.

        Raises:
            InputError: a file is damaged.
        """

    def made_of(self, networks: Sequence[N], pictures: Sequence[Incoming], place: str) -> Made:
        """The rows of some pictures; `place` is what their files' names begin with."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came out for a shard.

    Attributes:
        number: the shard's.
        table: its rows as a Parquet file.
        pictures: how many came.
        errors: how many of them have no figures.
        pngs: as in `Made`.
    """

    number: int
    table: bytes
    pictures: int
    errors: int
    pngs: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Job:
    """Work, and the networks that do it.

    Attributes:
        work: what is done.
        networks: of one task.
        code: digest of the engine's code, see `code_digest`: numbers of other code are not mixed in.
    """

    work: Work[Any]
    networks: tuple[PackedNetwork, ...]
    code: str

    @property
    def identity(self) -> str:
        """The same for the same networks, settings and code."""
        found = hashlib.sha256(repr((self.code, self.work.stated())).encode())
        for one in self.networks:
            for part in (one.card, one.weights, one.calibration):
                found.update(hashlib.sha256(part).digest())
        return found.hexdigest()

    def answer(self, shard: Shard) -> Answer:
        """All rows of a shard. One thread of torch works, so that they are the same bit for bit in every process.

        Raises:
            CoreError: the job is impossible for these networks; what is wrong with pictures stands in their rows.
        """
        networks, sink = loaded(self), io.BytesIO()
        pngs: dict[str, bytes] = {}
        count, failed = 0, set()
        with one_thread(), pq.ParquetWriter(sink, self.work.schema, compression="zstd") as writer:
            for pictures in batches(read(shard), self.work.batch):
                made = self.work.made_of(networks, pictures, f"_maps/{shard.number:06d}/{count:05d}")
                writer.write_table(pa.Table.from_pylist(list(made.rows), self.work.schema))
                pngs.update(made.pngs)
                failed |= {(count, row["path"]) for row in made.rows if row.get("error") is not None}
                count += len(pictures)
        return Answer(shard.number, sink.getvalue(), count, len(failed), pngs)


def pack(task: str, key: str, folder: Path, calibration: Path | None = None) -> PackedNetwork:
    """The network `key` of a task in `folder`, with its detectors where a file of them is named.

    Raises:
        ConfigError: there is no such network.
        InputError: a file is missing or damaged.
    """
    files = model_files(load_zoo_model(task, key, folder), folder)
    screen = b"" if calibration is None else read_limited(calibration, MAX_BYTES)
    card = read_limited(folder / task / f"{key}.json", MAX_BYTES)
    packaged = card != files[".json"]
    return PackedNetwork(key, card, b"" if packaged else files[".safetensors"], screen)


@cache
def code_digest() -> str:
    """SHA-256 of the engine's code, as it lies on this machine."""
    found = hashlib.sha256()
    for path in sorted(_CODE.rglob("*.py")):
        found.update(f"{path.relative_to(_CODE).as_posix()}\0".encode() + path.read_bytes())
    return found.hexdigest()


_loaded: dict[str, tuple[Any, ...]] = {}


def check_code(code: str) -> None:
    """Refuse work of another version.

    Raises:
        ConfigError: this process runs other code than the one that asked.
    """
    if code != code_digest():
        raise ConfigError("a process of this job has another version of Robustscope: install one on all machines")


def loaded(job: Job) -> tuple[Any, ...]:
    """The job's networks, taken up once a process; those of the job before are let go.

    Raises:
        ConfigError: this process runs other code than the one that asked.
        InputError: a file is damaged.
    """
    if job.identity not in _loaded:
        check_code(job.code)
        _loaded.clear()
        _loaded[job.identity] = tuple(map(job.work.taken_up, job.networks))
    return _loaded[job.identity]


def unpack(packed: PackedNetwork) -> ZooModel:
    """The network, checked as one from a folder is.

    Raises:
        InputError: a file is damaged.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"{packed.key}.safetensors")
        path.with_suffix(".json").write_bytes(packed.card)
        if packed.weights:
            path.write_bytes(packed.weights)
        return load_weights(path)
