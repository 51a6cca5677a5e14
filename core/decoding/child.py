"""Processes of our own that read what comes from outside: how they start, and the limits that they set themselves."""

import math
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

try:
    import resource
except ImportError:  # Windows: the parent's clock is the only limit there
    resource = None  # type: ignore[assignment]

_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",  # threads' stacks count as memory
    "OMP_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),  # glibc: memory for the next file without asking the system for it again
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
}
_ROOT = str(Path(__file__).resolve().parents[2])


def start(module: str, arguments: Sequence[object], errors: int | None = None) -> "subprocess.Popen[bytes]":
    """A process that calls `main` of a module of ours, its standard input and output pipes to this one.

    It has this process's paths, and nothing else of its environment that changes imports.

    Args:
        module: its name.
        arguments: plain values, which `main` is called with.
        errors: where its standard error goes; where this process's does, if nowhere is said.
    """
    paths = [_ROOT, *(path for path in sys.path if path and path != _ROOT)]
    code = f"import sys; sys.path[:] = {paths!r}; from {module} import main; main(*{tuple(arguments)!r})"
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-W", "ignore", "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        env={**os.environ, **_ENVIRONMENT},
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )


def limit_memory(memory: int) -> None:
    """Let this process's address space have at most so many bytes, and leave no core file."""
    if resource is not None:
        _limit("RLIMIT_AS", memory)  # macOS knows the name, and may not know the limit
        _limit("RLIMIT_CORE", 0)


def limit_files(size: int) -> None:
    """Let each file that this process writes have at most so many bytes."""
    if resource is not None:
        _limit("RLIMIT_FSIZE", size)


def limit_time(seconds: int) -> None:
    """Let what comes next have these seconds: the system counts those of the whole process."""
    if resource is not None:
        _limit("RLIMIT_CPU", math.ceil(time.process_time()) + seconds)


def _limit(name: str, value: int) -> None:
    with suppress(ValueError, OSError):
        which: Any = getattr(resource, name)
        resource.setrlimit(which, (value, resource.getrlimit(which)[1]))
