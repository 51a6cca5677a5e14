"""Bytes as a file, for readers that take a path: each name is one file, written over and over."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path


@cache
def folder() -> Path:
    """This process's own, in memory where the system has such a place; it goes with the process."""
    shared = Path("/dev/shm")
    found = Path(tempfile.mkdtemp(prefix="robustscope-fuzz-", dir=shared if shared.is_dir() else None))
    atexit.register(shutil.rmtree, found, ignore_errors=True)
    return found


def scratch(name: str, data: bytes) -> Path:
    """A file of this name with these bytes."""
    path = folder() / name
    path.write_bytes(data)
    return path
