"""HEIC stills, by the optional package pillow-heif."""

import io
from importlib import import_module
from typing import Any, cast

from PIL import Image

from core.decoding.picture import check_size
from core.errors import InputError

MISSING = (
    "HEIC pictures are read only where the package pillow-heif is installed "
    "(pip install pillow-heif==1.8.1); save the picture as JPEG or PNG first."
)


def opened(data: bytes, notes: list[str]) -> Image.Image:
    """The main picture of a HEIC file, upright, in 8 bits.

    Raises:
        InputError: pillow-heif is missing, or the picture is too large.
    """
    try:
        pillow_heif: Any = import_module("pillow_heif")
    except ImportError as error:
        raise InputError(MISSING) from error
    pillow_heif.options.DECODE_THREADS = 1
    file = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=True)  # its header alone
    check_size(*file.size)
    if len(file) > 1:
        notes.append("Only the main one of several pictures is shown.")
    if file[file.primary_index].info.get("bit_depth", 8) > 8:
        notes.append("The samples were reduced to 8 bits.")
    # turned as the format says, which is no change to mention
    return cast(Image.Image, file[file.primary_index].to_pillow())
