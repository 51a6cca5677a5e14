"""Untrusted bytes to a checked RGB picture, a picture to a network's input, and a network's input to PNG.

Nothing here changes Pillow's global settings or Python's warning filters, so it is safe under many threads.
"""

import hashlib
import io
import re
import threading
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import ImageFileDirectory_v2, TiffImageFile
from torch import Tensor

from core.errors import ConfigError, InputError

MAX_BYTES = 20_000_000
MAX_PIXELS = 40_000_000

Background = Literal["white", "black", "grey"]
_BACKGROUNDS: dict[str, tuple[int, int, int]] = {"white": (255,) * 3, "black": (0,) * 3, "grey": (128,) * 3}
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
_NAMES = {"WEBP": "WebP", "MPO": "JPEG"}  # MPO: what many phones write, a JPEG with more pictures behind it
_THIN = 10  # a side this many times the other is worth saying: little of it is left after a centre crop
_AT_ONCE = threading.BoundedSemaphore(2)  # each decode may take the memory that `decode` states

_MAX_SCANS = 100  # of a JPEG; a progressive one has about ten
_JPEG_SCAN = re.compile(rb"\xff\xda\0[\x08\x0a\x0c\x0e][\1-\4]")  # a scan's header; the bare marker occurs in videos
_MAX_STRIPS = 200_000  # of a TIFF, or tiles; 40 megapixels in tiles of 16 x 16 are 156,250
_MAX_TILE = 16_000_000  # pixels
# none, CCITT (three forms), LZW, JPEG, Deflate (two numbers), PackBits
_TIFF_COMPRESSIONS = (1, 2, 3, 4, 5, 7, 8, 32773, 32946)


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture.

    Attributes:
        pixels: (height, width, 3) uint8 sRGB, read-only.
        format: PNG, JPEG, WebP, BMP, TIFF or GIF.
        width: of `pixels`, after any EXIF rotation.
        height: of `pixels`, after any EXIF rotation.
        notes: sentences that say what decoding changed.
    """

    pixels: np.ndarray
    format: str
    width: int
    height: int
    notes: tuple[str, ...] = ()

    @cached_property
    def digest(self) -> str:
        """BLAKE2b (16 bytes, as 32 hex digits) of the shape and the pixels; computed once."""
        state = hashlib.blake2b(repr(self.pixels.shape).encode(), digest_size=16)
        state.update(np.ascontiguousarray(self.pixels).data)
        return state.hexdigest()


def decode(data: bytes, background: Background = "white") -> Picture:
    """The picture in a PNG, JPEG, WebP, BMP, TIFF or GIF file, upright, opaque, 8 bits, RGB.

    The EXIF orientation is applied, transparency is composited on `background`, of several frames the first is taken.
    16-bit samples are scaled linearly. Float images in [0, 1] are scaled by 255; other float images and 32-bit or
    signed integers are stretched from their smallest to their largest value. Colour profiles are not applied.

    A file of 40 megapixels takes 400 to 550 MiB while it is decoded, a WebP up to 850, and leaves 115 MiB of pixels.
    Two are decoded at once; more wait.

    Raises:
        InputError: more than `MAX_BYTES` or `MAX_PIXELS` (found before anything is decoded), empty, truncated, damaged,
            NaN or infinite values, or not one of the six formats.
        ConfigError: an unknown background.
    """
    if background not in _BACKGROUNDS:
        raise ConfigError(f"background must be one of {', '.join(_BACKGROUNDS)}; got {background!r}")
    if not data:
        raise InputError("The file is empty.")
    if len(data) > MAX_BYTES:
        raise InputError(f"The file has {len(data) / 1e6:.1f} MB; at most {MAX_BYTES / 1e6:.0f} MB are read.")
    try:
        with _AT_ONCE:
            return _decode(data, background)
    except InputError:
        raise
    except UnidentifiedImageError as error:
        raise InputError(_unidentified(data)) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError(f"The picture has far more than {MAX_PIXELS / 1e6:.0f} megapixels.") from error
    except Exception as error:  # on hostile bytes decoders raise nearly anything: OSError, SyntaxError, ValueError, ...
        raise InputError("This file is truncated or damaged and cannot be read.") from error


def _unidentified(data: bytes) -> str:
    head = data[:4096].replace(b"\0", b"").lower()  # without NUL, UTF-16 text reads as ASCII
    if b"<svg" in head:
        return "SVG drawings are not read; export the drawing as PNG first."
    if data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis"):
        return "HEIC and AVIF pictures are not read; save the picture as JPEG or PNG first."
    return "This is not an image, or its beginning is damaged; PNG, JPEG, WebP, BMP, TIFF and GIF can be read."


def _decode(data: bytes, background: Background) -> Picture:
    if data[:2] in (b"II", b"MM"):
        _check_tiff(data)
    image = Image.open(io.BytesIO(data), formats=_FORMATS)
    _check(image, data)
    name, depth, white_is_zero, notes = str(image.format), 8, False, []
    if image.format == "PNG":
        depth = data[24]
    elif isinstance(image, TiffImageFile):
        depth = image.tag_v2.get(258, (1,))[0]
        white_is_zero = image.tag_v2.get(262) == 0
    if name != "MPO" and getattr(image, "is_animated", False):
        notes.append("Only the first of several frames is shown.")
    turned = isinstance(image, TiffImageFile) and _orientation(image) != 1  # loading turns a TIFF, and forgets that
    image.load()
    if turned or _orientation(image) != 1:
        notes.append("The picture was turned or mirrored, as its EXIF orientation says.")
        with suppress(Exception):  # what fails is writing the rest of a broken EXIF block back, after the turn
            ImageOps.exif_transpose(image, in_place=True)
    pixels = np.asarray(_opaque_rgb(image, background, depth, white_is_zero, notes))
    pixels.setflags(write=False)  # pictures are cached and shared
    height, width = pixels.shape[:2]
    if max(width, height) >= _THIN * min(width, height):
        notes.append(f"The picture is very long and thin ({width} x {height} pixels).")
    return Picture(pixels, _NAMES.get(name, name), width, height, tuple(notes))


def _check_tiff(data: bytes) -> None:
    """Refuses what Pillow allocates at opening or libtiff without asking."""
    directory = ImageFileDirectory_v2(data[: 16 if data[2] == 43 else 8])
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
    if directory.get(259, 1) not in _TIFF_COMPRESSIONS:
        raise InputError("The compression of this TIFF file is not read; save it with LZW, Deflate or none, or as PNG.")


def _check(image: ImageFile.ImageFile, data: bytes) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise InputError(
            f"The picture has {width} x {height} pixels ({width * height / 1e6:.1f} megapixels); "
            f"at most {MAX_PIXELS / 1e6:.0f} megapixels are decoded."
        )
    # Pillow decodes these in Python, byte by byte: 20 kB can keep a core busy for many seconds.
    if any(tile.codec_name == "bmp_rle" for tile in image.tile):
        raise InputError("Run-length coded BMP files are not read; save the picture as PNG first.")
    # Each scan costs a pass over the whole picture, and takes only a few bytes.
    if image.format in ("JPEG", "MPO") and len(_JPEG_SCAN.findall(data)) > _MAX_SCANS:
        raise InputError(f"This JPEG file has more than {_MAX_SCANS} scans.")


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 where there is none or the block is broken: no reason to refuse a picture."""
    try:
        orientation = image.getexif().get(0x0112, 1)
    except Exception:
        return 1
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1


def _opaque_rgb(
    image: Image.Image, background: Background, depth: int, white_is_zero: bool, notes: list[str]
) -> Image.Image:
    key = image.info.pop("transparency", None)
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        image = _grey_levels(image, key, depth, white_is_zero, notes)
    else:
        if depth == 16:
            notes.append("The 16-bit samples were reduced to 8 bits.")
        if image.mode in ("CMYK", "YCbCr", "LAB"):
            notes.append(f"The colours were converted from {image.mode} to RGB.")
        if key is not None:
            image.info["transparency"] = _eight_bit_key(key, image.mode, depth)
    if image.has_transparency_data:
        image = image if image.mode == "RGBA" else image.convert("RGBA")
        if image.getchannel("A").getextrema()[0] != 255:
            notes.append(f"Transparent parts were filled with {background}.")
            canvas = Image.new("RGB", image.size, _BACKGROUNDS[background])
            canvas.paste(image, mask=image)
            return canvas
    return image if image.mode == "RGB" else image.convert("RGB")


def _eight_bit_key(key: object, mode: str, depth: int) -> object:
    """A PNG's transparent colour in the 8-bit levels that Pillow decodes to: the file states it in its own depth."""
    if mode == "L" and isinstance(key, int) and depth < 8:
        return key * 255 // ((1 << depth) - 1)
    if mode == "RGB" and isinstance(key, tuple) and depth == 16:
        return tuple(level >> 8 for level in key)
    return key


def _grey_levels(image: Image.Image, key: object, depth: int, white_is_zero: bool, notes: list[str]) -> Image.Image:
    """A deep grey image in 8 bits, which Pillow would clip; with alpha where it names a transparent level."""
    samples = np.asarray(image)
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
    span = (high - low) or 1.0
    bands = np.array_split(samples.reshape(-1), samples.size // (1 << 20) + 1)  # float64 of the whole is too much
    scaled = [np.rint((band - np.float64(low)) / span * 255).clip(0, 255).astype(np.uint8) for band in bands]
    levels = np.concatenate(scaled).reshape(samples.shape)
    grey = Image.fromarray(255 - levels if white_is_zero else levels)
    if isinstance(key, int):
        return Image.merge("LA", (grey, Image.fromarray((samples != key).astype(np.uint8) * 255)))
    return grey


def fit(
    pixels: np.ndarray,
    shape: tuple[int, int, int],
    mode: Literal["crop", "letterbox"] = "crop",
    background: float = 0.0,
    invert: bool = False,
) -> Tensor:
    """The picture as a network's input: float32 (1, C, H, W) in [0, 1].

    Resized in 8 bits by Pillow's antialiased Lanczos filter; a picture of the right size passes through exactly. For
    one channel it is turned to grey first, by Rec. 601 luma rounded to 8 bits.

    Args:
        pixels: (height, width, 3) uint8 RGB, as in `Picture.pixels`.
        shape: (C, H, W) of the task, C 1 or 3.
        mode: "crop" cuts the largest centred part of the task's aspect ratio; "letterbox" keeps the whole, centred.
        background: the level in [0, 1] around a letterboxed picture.
        invert: 1 - x on the picture (every channel), not on the letterbox's background.

    Raises:
        InputError: pixels of another type or shape, or without any pixel.
        ConfigError: an impossible shape, mode or background.
    """
    channels, height, width = shape
    if channels not in (1, 3) or height < 1 or width < 1:
        raise ConfigError(f"shape must be (1 or 3, height, width); got {shape}")
    if mode not in ("crop", "letterbox"):
        raise ConfigError(f"mode must be crop or letterbox; got {mode!r}")
    if not 0.0 <= background <= 1.0:
        raise ConfigError(f"background must lie in [0, 1]; got {background}")
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise InputError(f"pixels must be uint8 (height, width, 3); got {pixels.dtype} {pixels.shape}")

    if mode == "crop":
        pixels = _centre(pixels, height / width)
        inner = (height, width)
    else:
        scale = min(height / pixels.shape[0], width / pixels.shape[1])
        inner = (max(1, round(pixels.shape[0] * scale)), max(1, round(pixels.shape[1] * scale)))
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if channels == 1:
        image = image.convert("L")
    image = image.resize((inner[1], inner[0]), Image.Resampling.LANCZOS)
    levels = np.asarray(image).reshape(*inner, channels)
    x = from_uint8((255 - levels if invert else levels)[None])
    if inner == (height, width):
        return x
    framed = torch.full((1, *shape), background, dtype=torch.float32)
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    framed[:, :, top : top + inner[0], left : left + inner[1]] = x
    return framed


def _centre(pixels: np.ndarray, ratio: float) -> np.ndarray:
    """The largest centred part whose height is `ratio` times its width, to the pixel; a view."""
    rows = min(pixels.shape[0], max(1, round(pixels.shape[1] * ratio)))
    columns = min(pixels.shape[1], max(1, round(pixels.shape[0] / ratio)))
    top, left = (pixels.shape[0] - rows) // 2, (pixels.shape[1] - columns) // 2
    return pixels[top : top + rows, left : left + columns]


def from_uint8(array: np.ndarray) -> Tensor:
    """A batch of 8-bit images (N, H, W, C) or (N, H, W) as float32 (N, C, H, W) in [0, 1]: exactly level / 255.

    Raises:
        InputError: another type or number of dimensions.
    """
    if array.dtype != np.uint8 or array.ndim not in (3, 4):
        raise InputError(f"images must be uint8 (N, H, W, C) or (N, H, W); got {array.dtype} {array.shape}")
    nhwc = array[..., None] if array.ndim == 3 else array
    levels = np.array(nhwc.transpose(0, 3, 1, 2), order="C")  # a copy: the input may be read-only
    return torch.from_numpy(levels).float().div_(255)


def to_png(x: Tensor | np.ndarray, scale: int = 1) -> bytes:
    """The image as a PNG file, each pixel enlarged to `scale` x `scale`.

    Args:
        x: (C, H, W) float, C 1 or 3, clamped to [0, 1] and rounded to 8 bits; or uint8 (H, W, 3), (H, W, 1) or (H, W).
        scale: at least 1; the enlarged image may have `MAX_PIXELS`.

    Raises:
        InputError: another shape or type, or values that are not finite.
        ConfigError: a scale that is impossible.
    """
    array = x.detach().cpu().numpy() if isinstance(x, Tensor) else x
    if array.dtype == np.uint8:
        known = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3))
    else:
        known = array.ndim == 3 and array.shape[0] in (1, 3) and np.issubdtype(array.dtype, np.floating)
    if not (known and array.size):
        raise InputError(f"an image must be float (1 or 3, H, W) or uint8 (H, W, 3); got {array.dtype} {array.shape}")
    if array.dtype != np.uint8:
        if not np.isfinite(array).all():
            raise InputError("an image must be finite; got NaN or infinity")
        array = np.rint(array.clip(0.0, 1.0) * 255).astype(np.uint8).transpose(1, 2, 0)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    height, width = array.shape[:2]
    if scale < 1 or height * width * scale**2 > MAX_PIXELS:
        raise ConfigError(f"scale must be at least 1 and keep the image under {MAX_PIXELS} pixels; got {scale}")
    image = Image.fromarray(np.ascontiguousarray(array))
    image = image.resize((width * scale, height * scale), Image.Resampling.NEAREST)
    out = io.BytesIO()
    image.save(out, format="PNG")
    return out.getvalue()
