"""Arrays in an npz file from anywhere: read without pickles, and never more than the file's size allows."""

import io
import math
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from core.errors import InputError
from core.files import write_atomically

MAX_MEMBERS = 4_000


def read_npz(path: Path, limit: int) -> dict[str, NDArray[Any]]:
    """The arrays by name.

    What a header claims is held against what is there before memory is taken for it, and so is what the archive claims
    of its members.

    Args:
        path: the file.
        limit: bytes that its arrays may have together, and the file itself.

    Raises:
        InputError: missing, too large also once unpacked, no npz, damaged, or with anything but plain arrays.
    """
    try:
        if path.stat().st_size > limit:
            raise InputError(f"{path.name} is larger than {limit / 1e6:.0f} MB")
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS or sum(member.file_size for member in members) > limit:
                raise InputError(f"{path.name} holds more than {MAX_MEMBERS:,} arrays or {limit / 1e6:.0f} MB")
            return {member.filename.removesuffix(".npy"): _array(archive.read(member)) for member in members}
    except OSError as error:
        raise InputError(f"{path} could not be read: {error.strerror or error}") from error
    except (
        ValueError,
        TypeError,
        EOFError,
        zlib.error,
        zipfile.BadZipFile,
        NotImplementedError,
        RuntimeError,
        OverflowError,
    ) as error:
        raise InputError(f"{path.name} holds no readable arrays: {error}") from error


def write_npz(arrays: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Write arrays by name, compressed, in one move.

    Raises:
        InputError: an array of Python objects, or the folder can't be written.
    """
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise InputError(f"{path.name} takes plain arrays only; {name} holds Python objects")
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    write_atomically(path, file.getvalue())


def _array(data: bytes) -> NDArray[Any]:
    file = io.BytesIO(data)
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read(file)
    if dtype.hasobject or dtype.itemsize * math.prod(shape) != len(data) - file.tell():
        raise ValueError("an array holds Python objects, or is not of the size that it says")
    flat = np.frombuffer(data, dtype, offset=file.tell())
    return flat.reshape(shape, order="F" if fortran else "C").copy()
