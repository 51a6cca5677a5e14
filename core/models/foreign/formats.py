"""What kind of file somebody brought, by its first bytes; what is none of ours gets a sentence of its own."""

import zipfile
from pathlib import Path
from typing import Literal

from core.errors import InputError
from core.text import shorten

Kind = Literal["safetensors", "torch", "onnx"]

MOST_FILE_BYTES = 400_000_000
MOST_ENTRIES = 20_000  # of the ZIP that torch writes; each tensor is one
_SAVE_IT = "Save the weights with `torch.save(model.state_dict(), 'weights.pt')` or as safetensors, and bring those."
_OTHERS = {
    b"\x89HDF": "a Keras or HDF5 file, which this does not read. Export the network as ONNX",
    b"GGUF": "a GGUF file of a language model, and no classifier of pictures",
    b"\x1f\x8b": "a gzip archive: unpack it first",
    b"7z\xbc\xaf": "a 7z archive: unpack it first",
    b"Rar!": "a RAR archive: unpack it first",
    b"\xfd7zXZ": "an xz archive: unpack it first",
    b"BZh": "a bzip2 archive: unpack it first",
    b"\x93NUMPY": "a NumPy array, and no weights by name",
    b"\x89PNG": "a picture, and no network",
    b"\xff\xd8\xff": "a picture, and no network",
    b"%PDF": "a PDF, and no network",
    b"<!DO": "a web page: the download went wrong, or a login stood in its way",
    b"<htm": "a web page: the download went wrong, or a login stood in its way",
    b"version https://git-lfs": "a pointer of Git LFS in place of the weights: run `git lfs pull` and bring the file",
}


def kind_of(path: Path) -> Kind:
    """What a file is.

    Raises:
        InputError: it is empty, too large, or none of the kinds that are read; says which one it is, if that is known.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise InputError(f"{path.name} could not be read: {error.strerror or error}") from error
    if size == 0:
        raise InputError("the file is empty")
    if size > MOST_FILE_BYTES:
        raise InputError(f"the file is larger than {MOST_FILE_BYTES / 1e6:.0f} MB")
    for start, words in _OTHERS.items():
        if head.startswith(start):
            raise InputError(f"this is {words}")
    if head.startswith(b"PK"):
        _check_zip(path)
        return "torch"
    if head[4:8] == b"TFL3":
        raise InputError("this is a TensorFlow Lite file, which this does not read: export the network as ONNX")
    if head[257:262] == b"ustar":
        raise InputError(f"this is a file of a very old PyTorch, as a tar archive. {_SAVE_IT}")
    if head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05":
        return "torch"
    if head[8:9] == b"{":
        return "safetensors"
    if head[:1] == b"\x08" and path.suffix.lower() != ".safetensors":
        return "onnx"
    raise InputError("this is no .safetensors, .pt or .pth, nor ONNX file, whatever its name says")


def _check_zip(path: Path) -> None:
    """Refuse a ZIP that torch has not written, or that unpacks to more than the file itself holds."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise InputError(f"the file is damaged, or only a part of it is here ({shorten(error, 60)})") from error
    if len(entries) > MOST_ENTRIES:
        raise InputError(f"the file holds {len(entries):,} parts; at most {MOST_ENTRIES:,} are read")
    names = {entry.filename.rpartition("/")[2] for entry in entries}
    if "constants.pkl" in names:
        raise InputError(f"this is a TorchScript program, which would run as code. {_SAVE_IT}")
    if "data.pkl" not in names:
        suffixes = {name.rpartition(".")[2].lower() for name in names}
        if {"safetensors", "json"} <= suffixes:
            raise InputError("this is a ZIP of weights and card: the page Train loads those, under Your networks")
        if "archive_format" in names or "archive_version" in names:
            raise InputError(f"this is an exported program, which would run as code. {_SAVE_IT}")
        raise InputError("this ZIP was not written by PyTorch: bring the file of weights that lies in it")
    if sum(entry.file_size for entry in entries) > MOST_FILE_BYTES:
        raise InputError(f"the file says that it unpacks to more than {MOST_FILE_BYTES / 1e6:.0f} MB")
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise InputError(f"the file was compressed, which PyTorch does not do. {_SAVE_IT}")
