"""One DICOM image, by the optional package pydicom; of the file nothing but pixels and their window is kept.

Source: DICOM PS3.3 2024, C.7.6.3 (pixels), C.11.1 (modality: a value is slope * sample +
intercept) and C.11.2 (window).
"""

import io
from importlib import import_module
from typing import Any

import numpy as np

from core.decoding.grey_levels import TOP, levels_of, scaled
from core.decoding.picture import Levels, Picture, check_size
from core.errors import InputError

MISSING = (
    "DICOM files are read only where the package pydicom is installed (pip install pydicom==3.0.2); "
    "export the image as PNG first."
)
_PLAIN = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2")  # transfer syntaxes without compression
_RUN_LENGTHS = "1.2.840.10008.1.2.5"
_EXPORT = "export the image as PNG, or without compression"
_GREY = ("MONOCHROME1", "MONOCHROME2")


def read(data: bytes) -> Picture:
    """The image of a DICOM file: grey values in the file's first window, or 8-bit colours.

    Grey without a window is stretched from its smallest to its largest value.

    Raises:
        InputError: pydicom is missing, there is no image or are several, it is too large or of a kind not read.
    """
    try:
        pydicom: Any = import_module("pydicom")
    except ImportError as error:
        raise InputError(MISSING) from error
    file = pydicom.dcmread(io.BytesIO(data))
    _check(file)
    if file.PhotometricInterpretation in _GREY:
        return _grey(file)
    ycbcr = file.PhotometricInterpretation == "YBR_FULL"  # pydicom gives RGB
    notes = ["The colours were converted from YCbCr to RGB."] if ycbcr else []
    return _picture(np.ascontiguousarray(_samples(file), np.uint8), notes)


def _check(file: Any) -> None:
    """Refuse before anything is decoded what is not read, or would be read wrongly."""
    if "PixelData" not in file:
        raise InputError("This DICOM file holds no image.")
    check_size(int(file.Columns), int(file.Rows))
    frames = int(file.get("NumberOfFrames") or 1)
    if frames > 1:
        raise InputError(f"This DICOM file holds {frames:,} frames; export one of them as a file of its own.")
    syntax = file.file_meta.TransferSyntaxUID
    if syntax not in (*_PLAIN, _RUN_LENGTHS):
        raise InputError(f"This DICOM file is compressed ({syntax.name}), which is not read; {_EXPORT}.")
    kind, stored = file.PhotometricInterpretation, int(file.BitsStored)
    grey = kind in _GREY and file.SamplesPerPixel == 1 and file.BitsAllocated in (8, 16) and 1 <= stored <= 16
    colour = kind in ("RGB", "YBR_FULL") and file.SamplesPerPixel == 3 and file.BitsAllocated == 8 == stored
    if not (grey or colour) or int(file.HighBit) != stored - 1 or stored > file.BitsAllocated:
        told = f"{kind}, {file.SamplesPerPixel} channels of {stored} bits"
        raise InputError(f"DICOM images of this kind are not read ({told[:80]}); export the image as PNG.")
    if "ModalityLUTSequence" in file:
        raise InputError("This DICOM file maps its samples by a table, which is not read; export the image as PNG.")


def _samples(file: Any) -> np.ndarray:
    """The samples (h, w) or (h, w, 3) of the one frame; a file that holds bytes of more than it says is refused."""
    samples: np.ndarray = file.pixel_array
    one = (int(file.Rows), int(file.Columns), *(() if file.SamplesPerPixel == 1 else (3,)))
    if samples.shape != one:  # pydicom gives frames that the file does not count, too
        raise InputError(
            f"This DICOM file counts one frame and holds {len(samples):,}; export one of them as a file of its own."
        )
    return samples


def _grey(file: Any) -> Picture:
    stored, allocated = int(file.BitsStored), int(file.BitsAllocated)
    samples = _samples(file)
    if stored < allocated:  # what stands above the stored bits is none of the image: overlays once lay there
        above = allocated - stored
        samples = np.right_shift(np.left_shift(samples, above), above)  # of signed samples this brings the sign along
    slope, intercept = float(file.get("RescaleSlope") or 1), float(file.get("RescaleIntercept") or 0)
    if not (np.isfinite((slope, intercept)).all() and slope > 0):
        raise InputError("This DICOM file scales its values by a factor that is not above 0; export the image as PNG.")
    notes: list[str] = []
    start = _window(file, notes)
    curve = np.arange(256, dtype=np.uint8)
    curve = np.stack([curve[::-1] if file.PhotometricInterpretation == "MONOCHROME1" else curve] * 3, -1)
    found = levels_of(samples, (0.0, 1.0), curve)
    low, high = (intercept + slope * float(edge) for edge in (samples.min(), samples.max()))
    if start is None:
        start = (low, high) if high > low else (low, low + slope)
        notes.append(f"The file names no window: the values from {low:g} to {high:g} were stretched to 8 bits.")
    levels = Levels(found.samples, intercept + slope * found.offset, slope * found.slope, start, curve)
    table = scaled(levels.offset + levels.slope * np.arange(TOP + 1.0), *start)
    return _picture(curve[table[levels.samples]], notes, levels)


def _window(file: Any, notes: list[str]) -> tuple[float, float] | None:
    """The values that the file's first window shows black and white; None where it has none."""
    level, width = (_first(file.get(name)) for name in ("WindowCenter", "WindowWidth"))
    if level is None or width is None:
        if "VOILUTSequence" in file:
            notes.append("The file's table of grey tones was left aside.")
        return None
    form = str(file.get("VOILUTFunction") or "LINEAR")
    if form == "LINEAR":  # C.11.2.1.2.1: of a width of 2 two values are black and white
        low, high = level - 0.5 - (width - 1) / 2, level - 0.5 + (width - 1) / 2
    else:
        low, high = level - width / 2, level + width / 2
    if not (np.isfinite((low, high)).all() and width >= 1 and high >= low):
        return None
    if form == "SIGMOID":
        notes.append("The file's curved window was taken as a straight one.")
    notes.append(f"Shown in the file's own window: level {level:g}, width {width:g}.")
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _first(value: Any) -> float | None:
    """The first of one or more numbers; None where there is none."""
    if value is None or value == "":
        return None
    return float(value if isinstance(value, int | float | str) else value[0])


def _picture(pixels: np.ndarray, notes: list[str], levels: Levels | None = None) -> Picture:
    pixels.setflags(write=False)
    height, width = pixels.shape[:2]
    return Picture(pixels, "DICOM", width, height, tuple(notes), levels)
