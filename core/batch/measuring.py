"""Batches of a report as the shards of a job: an engine's processes measure them, and get networks and images once.

What measures a batch travels by pickle, as all does that goes from one process of an engine to another; nothing of it
is ever in a file. What all batches share (networks, the pixels of the images and whatever is a part of those) is sent
once, and named after that.
"""

import hashlib
import io
import pickle  # noqa: TID251 - between our own processes, never in a file
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from core.batch.engine import BatchEngine
from core.batch.job import check_code, code_digest
from core.models.asking import one_thread

Measure = Callable[[int, int], Mapping[str, NDArray[Any]]]
"""From the ends of a batch to its arrays, by name."""


@dataclass(frozen=True, slots=True)
class BatchOfReport:
    """A batch to be measured.

    Attributes:
        number: its place among those that are measured at once.
        words: what it does, after "it".
        measure: the pickled `Measure`.
        start: where the batch begins,
        stop: and ends.
    """

    number: int
    words: str
    measure: bytes
    start: int
    stop: int


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredBatch:
    """What came out for a batch: its number, its arrays by name, and the seconds that they took."""

    number: int
    arrays: Mapping[str, NDArray[Any]]
    seconds: float


@dataclass(frozen=True, slots=True)
class MeasureJob:
    """The batches of a report.

    Attributes:
        held: the pickled tuple of what they share.
        code: digest of the engine's code.
        identity: digest of both.
    """

    held: bytes
    code: str
    identity: str

    def answer(self, shard: BatchOfReport) -> MeasuredBatch:
        """The arrays of a batch. One thread of torch works, so that they are the same bit for bit in every process.

        Raises:
            CoreError: the report is impossible for this network.
        """
        held = self._taken_up()
        measure = _Unpickler(io.BytesIO(shard.measure), held).load()
        with one_thread():
            began = time.perf_counter()
            arrays = dict(measure(shard.start, shard.stop))
            return MeasuredBatch(shard.number, arrays, time.perf_counter() - began)

    def _taken_up(self) -> tuple[Any, ...]:
        if self.identity not in _held:
            check_code(self.code)
            _held.clear()
            if any(library in self.held for library in _IMPORTING_TORCHVISION):
                import core.torchvision_compat  # noqa: F401, PLC0415 - takes a second
            _held[self.identity] = pickle.loads(self.held)
        return _held[self.identity]


_IMPORTING_TORCHVISION = (b"timm", b"torchvision")
"""Where one of them is named, unpickling imports torchvision, which needs our import first."""

_held: dict[str, tuple[Any, ...]] = {}


class SharedMeasuring:
    """Measures batches of a report by an engine; several at once, each as it would be measured alone."""

    def __init__(self, engine: BatchEngine, shared: Sequence[object]) -> None:
        """Nothing is sent yet.

        Args:
            engine: what does the batches.
            shared: what the batches share: networks, and the tensors of the images.
        """
        self._engine = engine
        self._shared = tuple(shared)
        held = pickle.dumps(self._shared)
        code = code_digest()
        self._job = MeasureJob(held, code, hashlib.sha256(code.encode() + held).hexdigest())

    def __call__(
        self, what: str, measure: Measure, bounds: Sequence[tuple[int, int]]
    ) -> Iterator[tuple[tuple[int, int], Mapping[str, NDArray[Any]], float]]:
        """The ends of each batch, its arrays and the seconds they took, in the order in which they are finished.

        Raises:
            CoreError: the report is impossible, or a batch ends each process that begins it.
        """
        sink = io.BytesIO()
        _Pickler(sink, self._shared).dump(measure)
        batches = [
            BatchOfReport(number, f"measures {what}, images {start:,} to {stop - 1:,}", sink.getvalue(), start, stop)
            for number, (start, stop) in enumerate(bounds)
        ]
        for found in self._engine.answers(self._job, batches):
            yield bounds[found.number], found.arrays, found.seconds


class _Pickler(pickle.Pickler):
    """Names what is shared by its place, and a part of a shared tensor by what part it is."""

    def __init__(self, sink: io.BytesIO, shared: tuple[Any, ...]) -> None:
        super().__init__(sink, protocol=pickle.HIGHEST_PROTOCOL)
        self._places = {id(each): place for place, each in enumerate(shared)}
        self._storages = {
            each.untyped_storage().data_ptr(): place for place, each in enumerate(shared) if isinstance(each, Tensor)
        }

    def persistent_id(self, value: Any) -> tuple[Any, ...] | None:
        place = self._places.get(id(value))
        if place is not None:
            return (place,)
        if type(value) is Tensor and value.numel() and value.device.type == "cpu":
            place = self._storages.get(value.untyped_storage().data_ptr())
            if place is not None:
                return (place, value.dtype, value.storage_offset(), tuple(value.size()), value.stride())
        return None


class _Unpickler(pickle.Unpickler):
    def __init__(self, source: io.BytesIO, shared: tuple[Any, ...]) -> None:
        super().__init__(source)
        self._shared = shared

    def persistent_load(self, name: Any) -> Any:
        whole = self._shared[name[0]]
        if len(name) == 1:
            return whole
        dtype, offset, size, stride = name[1:]
        return torch.empty(0, dtype=dtype).set_(whole.untyped_storage(), offset, size, stride)
