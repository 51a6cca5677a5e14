"""Arrays by name in an NPZ file: written without pickles, and read from anywhere within limits."""

import io
import math
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from core.checksums import read_checked, with_checksum
from core.errors import InputError
from core.files import write_atomically

MAX_BYTES = 200_000_000
MAX_MEMBERS = 4_000
_READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
_PACKINGS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})

# What zipfile, zlib and numpy raise on bytes that are not what they should be; MemoryError comes from Python's parser,
# for a header that is nested too deeply, and RecursionError is a RuntimeError.
_DAMAGE = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    EOFError,
    OSError,
    OverflowError,
    MemoryError,
    RuntimeError,
    NotImplementedError,
    SyntaxError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


def read_npz(path: Path, limit: int = MAX_BYTES) -> dict[str, NDArray[Any]]:
    """The arrays by name.

    Args:
        path: the file.
        limit: bytes that its arrays may have together, and the file itself.

    Raises:
        InputError: missing, without its checksum, too large also once unpacked, no NPZ, damaged, or with anything
            but plain arrays.
    """
    return arrays_of(read_checked(path, limit), path.name, limit)


def arrays_of(data: bytes, name: str, limit: int = MAX_BYTES) -> dict[str, NDArray[Any]]:
    """The arrays in the bytes of an NPZ file.

    What a header claims is held against what is there before memory is taken for it, and so is what the archive claims
    of its members.

    Args:
        data: the file's bytes.
        name: what the file is called in errors.
        limit: bytes that its arrays may have together.

    Raises:
        InputError: too large once unpacked, no NPZ, damaged, or with anything but plain arrays.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS or sum(member.file_size for member in members) > limit:
                raise InputError(f"{name} holds more than {MAX_MEMBERS:,} arrays or {limit / 1e6:g} MB")
            if any(member.compress_type not in _PACKINGS for member in members):
                raise ValueError("an array is packed in another way than NPZ files are")
            if len({member.filename for member in members}) < len(members):
                raise ValueError("two arrays have the same name")
            return {member.filename.removesuffix(".npy"): _array(archive.read(member)) for member in members}
    except _DAMAGE as error:
        raise InputError(f"{name} holds no readable arrays: {str(error) or type(error).__name__}") from error


def write_npz(arrays: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Write arrays by name, compressed, in one move.

    Raises:
        InputError: an array of Python objects, or the folder can't be written.
    """
    write_atomically(path, npz_bytes(arrays))


def npz_bytes(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """The bytes of a compressed NPZ file with its checksum.

    Raises:
        InputError: an array of Python objects.
    """
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise InputError(f"an NPZ takes plain arrays only; {name} holds Python objects")
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return with_checksum(file.getvalue())


def _array(data: bytes) -> NDArray[Any]:
    file = io.BytesIO(data)
    version = npy.read_magic(file)
    if version not in _READERS:
        raise ValueError(f"an array is of form {version}")
    shape, fortran, dtype = _READERS[version](file)
    if dtype.hasobject or dtype.itemsize == 0 or dtype.itemsize * math.prod(shape) != len(data) - file.tell():
        raise ValueError("an array holds Python objects, or is not of the size that it says")
    flat = np.frombuffer(data, dtype, offset=file.tell())
    return flat.reshape(shape, order="F" if fortran else "C").copy()
