"""TIFF files: what Pillow allocates at opening, what it reads wrongly without an error, and what it can't read."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from core.errors import InputError

_MAX_STRIPS = 200_000  # of a TIFF, or tiles; 40 megapixels in tiles of 16 x 16 are 156,250
_MAX_TILE = 16_000_000  # pixels
_NONE = 1
# none, CCITT (three forms), LZW, JPEG, Deflate (two numbers), PackBits
_COMPRESSIONS = (_NONE, 2, 3, 4, 5, 7, 8, 32773, 32946)
_CCITT = (2, 3, 4)
_PHOTOMETRIC = {0: "grey", 1: "grey", 2: "RGB", 3: "palette", 4: "mask", 5: "CMYK", 6: "YCbCr", 8: "Lab", 9: "Lab"}
_FORMATS = {1: "unsigned", 2: "signed", 3: "float", 4: "untyped", 5: "complex", 6: "complex"}
_SAVE = "save it as PNG, or with unsigned samples of 8 or 16 bits"


@dataclass(frozen=True, slots=True)
class Samples:
    """How the samples of a TIFF are stored.

    Attributes:
        bits: of each channel.
        format: 1 unsigned, 2 signed, 3 float; other numbers are rare and not read.
        photometric: what they mean; 0 is grey with zero as white.
    """

    bits: tuple[int, ...]
    format: int
    photometric: int

    def typed(self, levels: np.ndarray) -> np.ndarray:
        """Grey levels as Pillow gives them, in the type that the file says: it reads int8 and uint32 as the other."""
        if self.bits == (8,) and self.format == 2:
            return levels.view(np.int8)
        if self.bits == (32,) and self.format == 1:
            return levels.view(np.uint32)
        return levels


def check_tiff(data: bytes) -> Samples:
    """How the first picture of a TIFF is stored.

    Raises:
        InputError: Pillow or libtiff would allocate without asking, or read its samples wrongly.
    """
    directory = ImageFileDirectory_v2(data[: 16 if data[2] == 43 or data[3] == 43 else 8])
    stream = io.BytesIO(data)
    stream.seek(directory.next)
    directory.load(stream)
    # Opening makes an object of each strip: five million of them, in 20 MB, take a minute and more than a gigabyte.
    if max(len(directory.get(tag, ())) for tag in (273, 324)) > _MAX_STRIPS:
        raise InputError(f"This TIFF file has more than {_MAX_STRIPS} strips; save it as PNG first.")
    # A tile is allocated whole, also where it is larger than the picture: 200 bytes can ask for gigabytes.
    if directory.get(322, 0) * directory.get(323, 0) > _MAX_TILE:
        raise InputError("The tiles of this TIFF file are larger than any picture needs; save it as PNG first.")
    # LZMA, Zstandard and their like say themselves how many gigabytes they need.
    if directory.get(259, _NONE) not in _COMPRESSIONS:
        raise InputError("The compression of this TIFF file is not read; save it with LZW, Deflate or none, or as PNG.")
    samples = _samples(directory)
    _check_samples(directory, samples, data[:2] == b"MM")
    return samples


def _samples(directory: Mapping[int, Any]) -> Samples:
    bits = tuple(directory.get(258, (1,)))
    channels = directory.get(277, 1)
    formats = set(directory.get(339, (1,)))
    if len(bits) == 1 and 1 < channels <= 8:
        bits *= channels
    return Samples(bits, formats.pop() if len(formats) == 1 else 0, directory.get(262, 1))


def _check_samples(directory: Mapping[int, Any], samples: Samples, big_endian: bool) -> None:
    """Refuse what Pillow would read, but wrongly; compared with a second reader in the tests."""
    compression, photometric = directory.get(259, _NONE), samples.photometric
    if samples.format == 0:
        raise InputError(f"The channels of this TIFF file differ in type; {_SAVE}.")
    apart = directory.get(284, 1) == 2 and len(samples.bits) > 1
    if apart and samples.bits != (8, 8, 8):
        stored = f"{len(samples.bits)} channels of {max(samples.bits)} bits"
        raise InputError(f"This TIFF file stores its {stored} apart, which is not read; {_SAVE}.")
    # libtiff turns the bytes before it unpacks them, other writers turn what they pack: no two readers agree
    plain = len(samples.bits) == 1 and samples.bits[0] <= 4 and photometric != 3
    if directory.get(266, 1) == 2 and not (plain and compression in (_NONE, *_CCITT)):
        raise InputError(f"This TIFF file fills its bytes from the other end, which is not read; {_SAVE}.")
    if samples.bits == (16, 16, 16, 16) and tuple(directory.get(338, ())) == (1,):
        raise InputError(f"This TIFF file holds 16-bit colours multiplied by their alpha; {_SAVE}.")
    if big_endian and compression != _NONE and samples.format in (2, 3) and max(samples.bits) > 8:
        raise InputError(f"Compressed big-endian TIFF files of signed or float samples are not read; {_SAVE}.")
    if directory.get(317, 1) != 1 and compression in (_NONE, 7, 32773, *_CCITT):
        raise InputError(f"This TIFF file names a predictor that its compression does not have; {_SAVE}.")
    raw_colour = photometric == 6 and compression != 7
    if raw_colour and (tuple(directory.get(530, (2, 2))) != (1, 1) or _has_other_reference(directory)):
        raise InputError("This TIFF file holds thinned YCbCr colours; save it as RGB, or as PNG.")
    if photometric == 5 and directory.get(332, 1) != 1:
        raise InputError("The inks of this TIFF file are not cyan, magenta, yellow and black; save it as RGB.")


def _has_other_reference(directory: Mapping[int, Any]) -> bool:
    """Whether YCbCr samples use another range than all of 0 to 255."""
    found = tuple(float(value) for value in directory.get(532, ()))
    return bool(found) and found != (0.0, 255.0, 128.0, 255.0, 128.0, 255.0)


def describe(samples: Samples) -> str:
    """The sentence on a TIFF that is sound, but of a kind that is not read."""
    count = len(samples.bits)
    kind = f"{max(samples.bits)}-bit {_FORMATS.get(samples.format, 'unknown')}"
    colour = _PHOTOMETRIC.get(samples.photometric, "unknown")
    channels = f"{count} channels" if count > 1 else "one channel"
    return f"TIFF files of this kind are not read ({colour}, {channels} of {kind} samples); {_SAVE}."
