"""A picture file to a checked picture, in this process; `core.images.decode` is the safe one.

Nothing here changes Pillow's global settings or Python's warning filters, so it is safe under many threads.
"""

import io
from contextlib import suppress

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from core.decoding import dicom, heic
from core.decoding.grey_levels import levels_of, scaled
from core.decoding.headers import check_jpeg, check_png, is_dicom, is_heic
from core.decoding.picture import MAX_PIXELS, MAX_RATIO, Background, Levels, Picture, check_size
from core.decoding.profiles import grey_curve, to_srgb
from core.decoding.tiff import Samples, check_tiff, describe
from core.errors import InputError

BACKGROUNDS: dict[str, tuple[int, int, int]] = {"white": (255,) * 3, "black": (0,) * 3, "grey": (128,) * 3}
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
_NAMES = {"WEBP": "WebP", "MPO": "JPEG"}  # MPO: what many phones write, a JPEG with more pictures behind it
_THIN = 10  # a side this many times the other is worth saying: little of it is left after a centre crop
assert _THIN < MAX_RATIO


def decode(data: bytes, background: Background = "white") -> Picture:
    """As `core.images.decode`, without a limit of time or memory: for bytes that this project wrote, and its workers.

    Raises:
        InputError: as there.
    """
    samples = None
    try:
        if data[:2] in (b"II", b"MM"):
            samples = check_tiff(data)
        return dicom.read(data) if is_dicom(data) else _decode(data, background, samples)
    except (InputError, MemoryError):
        raise
    except UnidentifiedImageError as error:
        raise InputError(describe(samples) if samples else _unidentified(data)) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError(f"The picture has far more than {MAX_PIXELS / 1e6:.0f} megapixels.") from error
    except Exception as error:  # on hostile bytes decoders raise nearly anything: OSError, SyntaxError, ValueError, ...
        raise InputError("This file is truncated or damaged and cannot be read.") from error


def _unidentified(data: bytes) -> str:
    head = data[:4096].replace(b"\0", b"").lower()  # without NUL, UTF-16 text reads as ASCII
    if b"<svg" in head:
        return "SVG drawings are not read; export the drawing as PNG first."
    if data[4:8] == b"ftyp" and data[8:12] in (b"mif1", b"msf1", b"avif", b"avis", b"hevc", b"hevx"):
        return "AVIF pictures and HEIC sequences are not read; save the picture as JPEG or PNG first."
    return (
        "This is not an image, or its beginning is damaged; PNG, JPEG, WebP, BMP, TIFF and GIF can be read, DICOM and "
        "HEIC where their packages are installed."
    )


def _decode(data: bytes, background: Background, samples: Samples | None) -> Picture:
    if data.startswith(b"\xff\xd8"):
        check_jpeg(data)
    elif data.startswith(b"\x89PNG"):
        check_png(data)
    notes: list[str] = []
    if is_heic(data):
        image, name, depth = heic.opened(data, notes), "HEIC", 8
    else:
        image, name = _opened(data, notes), ""
        name = str(image.format)
        depth = data[24] if name == "PNG" else 8 if samples is None else samples.bits[0]
    shown, levels = _opaque_rgb(image, background, depth, samples, notes)
    pixels = np.asarray(shown)
    pixels.setflags(write=False)  # pictures are cached and shared
    height, width = pixels.shape[:2]
    if max(width, height) >= _THIN * min(width, height):
        notes.append(f"The picture is very long and thin ({width} × {height} pixels).")
    return Picture(pixels, _NAMES.get(name, name), width, height, tuple(notes), levels)


def _opened(data: bytes, notes: list[str]) -> Image.Image:
    """The first frame of a file that Pillow reads, upright."""
    image = Image.open(io.BytesIO(data), formats=_FORMATS)
    _check(image)
    if image.format != "MPO" and getattr(image, "is_animated", False):
        notes.append("Only the first of several frames is shown.")
    turned = isinstance(image, TiffImageFile) and _orientation(image) != 1  # loading turns a TIFF, and forgets that
    image.load()
    if turned or _orientation(image) != 1:
        notes.append("The picture was turned or mirrored, as its EXIF orientation says.")
        with suppress(Exception):  # what fails is writing the rest of a broken EXIF block back, after the turn
            ImageOps.exif_transpose(image, in_place=True)
    return image


def _check(image: ImageFile.ImageFile) -> None:
    check_size(*image.size)
    # Pillow decodes these in Python, byte by byte: 20 kB can keep a core busy for many seconds.
    if any(tile.codec_name == "bmp_rle" for tile in image.tile):
        raise InputError("Run-length coded BMP files are not read; save the picture as PNG first.")


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 where there is none or the block is broken: no reason to refuse a picture."""
    try:
        orientation = image.getexif().get(0x0112, 1)
    except Exception:
        return 1
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1


def _opaque_rgb(
    image: Image.Image, background: Background, depth: int, samples: Samples | None, notes: list[str]
) -> tuple[Image.Image, Levels | None]:
    """The picture in sRGB, opaque, and its finer grey values where it has some and all of it shows."""
    key = image.info.pop("transparency", None)
    profile = image.info.pop("icc_profile", None)
    signed = samples is not None and samples.format == 2
    levels = None
    if image.mode in ("I", "F") or image.mode.startswith("I;16") or (image.mode == "L" and signed):
        image, levels = _grey_levels(image, key, depth, samples, profile, notes)
        profile = None
    else:
        if depth == 16:
            notes.append("The 16-bit samples were reduced to 8 bits.")
        if key is not None:
            image.info["transparency"] = _eight_bit_key(key, image.mode, depth)
    if image.mode == "La":
        image = image.convert("LA")
    if image.has_transparency_data and image.mode != "LA":
        image = image if image.mode == "RGBA" else image.convert("RGBA")
    before = len(notes)
    if profile and image.mode != "LAB":  # CIE Lab says itself what its colours are
        image = to_srgb(_with_channels(image), profile, notes)
    if image.mode in ("CMYK", "YCbCr", "LAB"):
        notes.insert(before, f"The colours were converted from {image.mode} to RGB.")
    if image.has_transparency_data:
        image = image if image.mode == "RGBA" else image.convert("RGBA")
        if image.getchannel("A").getextrema()[0] != 255:
            notes.append(f"Transparent parts were filled with {background}.")
            canvas = Image.new("RGB", image.size, BACKGROUNDS[background])
            canvas.paste(image, mask=image)
            return canvas, None
    return (image if image.mode == "RGB" else image.convert("RGB")), levels


def _with_channels(image: Image.Image) -> Image.Image:
    """The picture in a mode that a colour profile can be of."""
    if image.mode in ("L", "LA", "RGB", "RGBA", "CMYK"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _eight_bit_key(key: object, mode: str, depth: int) -> object:
    """A PNG's transparent colour in the 8-bit levels that Pillow decodes to: the file states it in its own depth."""
    if mode == "L" and isinstance(key, int) and depth < 8:
        return key * 255 // ((1 << depth) - 1)
    if mode == "RGB" and isinstance(key, tuple) and depth == 16:
        return tuple(level >> 8 for level in key)
    return key


def _grey_levels(
    image: Image.Image, key: object, depth: int, of: Samples | None, profile: bytes | None, notes: list[str]
) -> tuple[Image.Image, Levels | None]:
    """A deep or signed grey image in 8 bits, which Pillow would clip; with alpha where it names a transparent level."""
    samples = np.asarray(image) if of is None else of.typed(np.asarray(image))
    low, high = float(samples.min()), float(samples.max())  # NaN passes through both
    if not (np.isfinite(low) and np.isfinite(high)):
        raise InputError(f"This {image.format} file holds values that are not finite (NaN or infinity).")
    if image.mode.startswith("I;16"):
        low, high = 0.0, float((1 << depth) - 1)
        notes.append(f"The {depth}-bit samples were scaled to 8 bits.")
    elif image.mode == "F" and low >= 0 and high <= 1:
        low, high = 0.0, 1.0
        notes.append("The float samples in [0, 1] were scaled to 8 bits.")
    else:
        notes.append(f"The samples from {low:g} to {high:g} were stretched to 8 bits.")
    curve = grey_curve(profile, notes)
    if of is not None and of.photometric == 0:  # zero is white
        curve = curve[::-1].copy()
    shown = Image.fromarray(curve[scaled(samples, low, high)])
    if isinstance(key, int):
        shown.putalpha(Image.fromarray((samples != key).astype(np.uint8) * 255))
        return shown, None
    start = (low, high if high > low else low + 1.0)
    return shown, levels_of(samples, start, curve) if depth > 8 else None
