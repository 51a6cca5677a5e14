"""A classifier in one file: a ZIP of its weights and its card, written, and read from anywhere."""

import io
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from core.checksums import State, checked, with_checksum
from core.data.incoming import ZIP_DAMAGE, open_zip
from core.data.walk import entries
from core.errors import InputError
from core.files import write_atomically
from core.models import cards
from core.models.architectures.onnx_network import OnnxConfig
from core.models.foreign.reading import check_graph
from core.models.zoo import (
    MAX_WEIGHT_BYTES,
    Card,
    load_weights,
    read_card,
    write_card,
)
from core.text import shorten

MAX_ZIP_BYTES = 200_000_000
MAX_ENTRIES = 2_000
MOST_PARAMETERS = 100_000_000  # several of them are held in memory at once, in stores that are bounded
_LIMITS = {".safetensors": MAX_WEIGHT_BYTES, ".json": cards.MAX_BYTES}


def pack(folder: Path, card: Card, name: str) -> bytes:
    """The ZIP of a classifier that lies under `folder / card.task`; its two files are called `name`.

    Raises:
        InputError: its files can't be read.
    """
    out = io.BytesIO()
    try:
        weights = (folder / card.task / f"{card.key}.safetensors").read_bytes()
    except OSError as error:
        raise InputError(f"the weights of {card.key} could not be read: {error.strerror or error}") from error
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}.safetensors", weights)
        archive.writestr(f"{name}.json", cards.card_bytes(card))
    return out.getvalue()


def unpack(data: bytes) -> dict[str, bytes]:
    """The card and the weights in a ZIP from anywhere, by their suffixes; nothing is written.

    Sizes are checked as stated and again as they come, so that a small file can't fill the memory.

    Raises:
        InputError: no ZIP, too large, or not exactly one card and one weights file in it.
    """
    if len(data) > MAX_ZIP_BYTES:
        raise InputError(f"the ZIP is larger than {MAX_ZIP_BYTES / 1e6:.0f} MB")
    try:
        with open_zip(io.BytesIO(data)) as archive:
            if len(archive.infolist()) > MAX_ENTRIES:
                count = len(archive.infolist())
                raise InputError(f"the ZIP holds {count:,} files; at most {MAX_ENTRIES:,} are allowed")
            found = {}
            for suffix, limit in _LIMITS.items():
                named = [entry for entry in entries(archive) if entry.filename.lower().endswith(suffix)]
                if len(named) != 1:
                    raise InputError(f"the ZIP must hold one {suffix} file, and holds {len(named)}")
                found[suffix] = _read(archive, named[0], limit)
            return found
    except ZIP_DAMAGE as error:
        raise InputError(f"this is not a ZIP that can be read ({shorten(error)})") from error


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limit: int) -> bytes:
    with archive.open(entry) as file:
        data = file.read(limit + 1) if entry.file_size <= limit else b""
    if entry.file_size > limit or len(data) > limit:
        raise InputError(
            f"the {Path(entry.filename).suffix.lower()} file in the ZIP is larger than {limit / 1e6:.0f} MB"
        )
    return data


def _stamped(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files with a card that somebody else wrote given its checksum; one that carries ours must fit."""
    card = files[".json"]
    return files | {".json": with_checksum(card) if checked(card)[0] is State.MISSING else card}


def install(
    files: dict[str, bytes], key: str, folder: Path, check_room: Callable[[int], None] = lambda size: None
) -> Card:
    """Check a card and its weights, given by suffix as `unpack` does, and keep them under `folder` as `key`.

    Args:
        files: the card and the weights.
        key: what the network is called here.
        folder: laid out as a zoo.
        check_room: called with the bytes to be written before anything is; raises InputError where there is no room.

    Raises:
        InputError: a file is missing, `load_weights` refuses them, the network is large, there is no room, or the
            folder can't be written.
    """
    check_room(sum(map(len, files.values())))
    for suffix in _LIMITS:
        if suffix not in files:
            raise InputError(f"a network comes as two files: the {suffix} file is missing")
    try:
        with tempfile.TemporaryDirectory() as scratch:
            for suffix, data in _stamped(files).items():
                Path(scratch, "model").with_suffix(suffix).write_bytes(data)
            card = read_card(Path(scratch, "model.json"))
            if card.weights_from:
                raise InputError("a network from elsewhere brings its weights; this card takes them from a package")
            network = card.network
            parameters = card.network.parameters
            if parameters > MOST_PARAMETERS:
                raise InputError(
                    f"the network has {parameters:,} parameters; at most {MOST_PARAMETERS:,} are taken here"
                )
            if isinstance(network, OnnxConfig):
                check_graph(Path(scratch, "model.safetensors"))
            model = load_weights(Path(scratch, "model.safetensors"))
    except OSError as error:
        raise InputError(f"the files could not be written here to be checked: {error.strerror or error}") from error
    card = replace(model.card, key=key, parameters=parameters)
    target = folder / card.task / f"{key}.safetensors"
    write_atomically(target, files[".safetensors"])
    try:
        write_card(card, folder)
    except InputError:
        target.unlink(missing_ok=True)
        raise
    return card
