"""A file of weights from anywhere, read in a process with limits, as tensors by the names of its architecture."""

import json
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from core.decoding import child
from core.errors import InputError
from core.models.foreign.formats import Kind
from core.models.foreign.worker import TOO_MUCH_MEMORY
from core.models.zoo import MAX_WEIGHT_BYTES
from core.progress import ShouldStop, StoppedError, never

_AT_ONCE = threading.BoundedSemaphore(1)  # each may take the memory that it is given
_SECONDS = 180.0
_LOOK = 0.25  # seconds between two looks at whether to stop
_CPU_SECONDS = 90
_MEMORY = 2_000_000_000  # a file of 400 MB is in memory three times: as read, as float32, and as written


@dataclass(frozen=True, slots=True)
class ForeignWeights:
    """What a file of somebody else's holds.

    Attributes:
        kind: of the file.
        path: a safetensors file of ours with the tensors in float32, under plain names.
        shapes: by name the shape of each tensor, in the file's order.
        notes: what was found and passed over, in sentences.
        graph: what an ONNX graph says of itself; empty for others.
    """

    kind: Kind
    path: Path
    shapes: Mapping[str, tuple[int, ...]]
    notes: tuple[str, ...]
    graph: Mapping[str, Any]


def read_foreign(path: Path, out: Path, should_stop: ShouldStop = never) -> ForeignWeights:
    """The weights in a file of any kind that is read; nothing in it is run, and memory and time are bounded.

    Args:
        path: a .safetensors file, a .pt or .pth file of tensors by name, or an ONNX file; its suffix does not count.
        out: the file that the tensors are written to; it is not there after an error.
        should_stop: asked now and then.

    Raises:
        InputError: it can't be read, or holds what is not taken; says why in one sentence.
        StoppedError: `should_stop` said so.
    """
    try:
        with _AT_ONCE:
            answer = _answer(path, out, should_stop)
        if "error" in answer:
            raise InputError(answer["error"])
        with safe_open(out, "pt") as file:
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except BaseException:
        out.unlink(missing_ok=True)
        raise
    return ForeignWeights(answer["kind"], out, shapes, tuple(answer["notes"]), answer.get("graph", {}))


def check_graph(path: Path) -> None:
    """Refuse a graph that was kept as a network of ours, by anyone, as its ONNX file would have been refused.

    Args:
        path: the network's safetensors file; files are written beside it.

    Raises:
        InputError: it holds no graph, or one that is not taken.
    """
    try:
        with safe_open(path, "np") as file:
            graph = file.get_tensor("onnx")
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError("the weights hold no ONNX graph") from error
    bare = path.with_name("graph.onnx")
    bare.write_bytes(graph.tobytes())
    read_foreign(bare, path.with_name("graph.safetensors"))


def _answer(path: Path, out: Path, should_stop: ShouldStop) -> dict[str, Any]:
    arguments = (str(path), str(out), _MEMORY, _CPU_SECONDS, MAX_WEIGHT_BYTES + 10_000_000)
    process = child.start("core.models.foreign.worker", arguments, subprocess.DEVNULL)
    try:
        text = _waited(process, should_stop)
    finally:
        process.kill()
        process.wait()
    try:
        answer: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise InputError(_why(process.returncode)) from error
    return answer


def _waited(process: "subprocess.Popen[bytes]", should_stop: ShouldStop) -> bytes:
    """What a process says in the time that it is given."""
    until = time.monotonic() + _SECONDS
    while not should_stop():
        try:
            return process.communicate(timeout=_LOOK)[0]
        except subprocess.TimeoutExpired as error:
            if time.monotonic() > until:
                raise InputError(f"the file takes more than {_SECONDS:g} seconds to read") from error
    raise StoppedError("the reading was stopped")


def _why(code: int) -> str:
    """Why a process ended without an answer."""
    if code == -getattr(signal, "SIGXCPU", 0):
        return f"the file takes more than {_CPU_SECONDS} seconds of a processor to read"
    if code == -getattr(signal, "SIGABRT", 0):  # how a library ends that is refused memory
        return TOO_MUCH_MEMORY
    return "the file ended the program that reads such files, so it is not taken"
