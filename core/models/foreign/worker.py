"""A process that reads one foreign file for `core.models.foreign.reading`, under limits of its own.

It writes the tensors to a safetensors file and answers on its standard output by JSON: `error`, or `kind`, `notes` and
the facts of a graph.
"""

import json
import os
import signal
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.decoding.child import limit_files, limit_memory, limit_time
from core.errors import InputError
from core.models.foreign.formats import kind_of

TOO_MUCH_MEMORY = "the file takes more memory to read than is given to one file"


def main(path: str, out: str, memory: int, cpu_seconds: int, most_bytes: int) -> None:
    """Read `path`, write `out` and answer.

    Args:
        path: the file.
        out: where the tensors go.
        memory: bytes beyond what the libraries take.
        cpu_seconds: of a processor.
        most_bytes: of what is written.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the parent
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not stand in the answer
    try:
        kind = kind_of(Path(path))
        if kind == "onnx":
            import core.models.foreign.onnx_graph  # noqa: PLC0415 - before memory is limited
        import core.models.foreign.tensors  # noqa: F401, PLC0415

        limit_memory(_taken() + memory)
        limit_files(most_bytes)
        limit_time(cpu_seconds)
        answer = _read(Path(path), Path(out), kind)
    except InputError as error:
        answer = {"error": str(error)}
    except MemoryError:
        answer = {"error": TOO_MUCH_MEMORY}
    answers.write(json.dumps(answer))
    answers.flush()
    os._exit(0)  # libraries that clean up under the limits may not come to an end


def _read(path: Path, out: Path, kind: str) -> dict[str, Any]:
    import torch  # noqa: PLC0415 - a file that is none costs no start of torch
    from safetensors.torch import save_file  # noqa: PLC0415

    from core.models.foreign import tensors  # noqa: PLC0415

    if kind == "onnx":
        from core.models.foreign.onnx_graph import read_onnx  # noqa: PLC0415

        data, facts = read_onnx(path)
        save_file({"onnx": torch.frombuffer(bytearray(data), dtype=torch.uint8)}, out)
        return {"kind": kind, "notes": [], "graph": asdict(facts)}
    found, notes = tensors.read_safetensors(path) if kind == "safetensors" else tensors.read_torch(path)
    save_file(found, out)
    return {"kind": kind, "notes": notes}


def _taken() -> int:
    """The bytes of address space that this process has by now; what its libraries map counts, used or not."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 8_000_000_000
