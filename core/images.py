"""Untrusted bytes to a checked RGB picture, a picture to a network's input, and a network's input to PNG.

Nothing here changes Pillow's global settings or Python's warning filters, so it is safe under many threads.
"""

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from PIL import Image, ImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile
from torch import Tensor

from core.containers import Container, damaged, inspect
from core.errors import ConfigError, InputError

MAX_BYTES = 20_000_000
MAX_PIXELS = 40_000_000

Background = Literal["white", "black", "grey"]
_BACKGROUNDS: dict[str, tuple[int, int, int]] = {"white": (255,) * 3, "black": (0,) * 3, "grey": (128,) * 3}
_THIN = 10  # a side this many times the other is worth saying: little of it is left after a centre crop
_BAND = 1 << 20  # samples converted at a time

# The plugins themselves, not Image.open: that one warns through process-wide state and guesses among all formats.
_OPEN: dict[str, Callable[[io.BytesIO], ImageFile.ImageFile]] = {
    "PNG": PngImageFile,
    "JPEG": JpegImageFile,
    "WebP": WebPImageFile,
    "BMP": BmpImageFile,
    "TIFF": TiffImageFile,
    "GIF": GifImageFile,
}
_TURNS = {
    2: (Image.Transpose.FLIP_LEFT_RIGHT, "mirrored"),
    3: (Image.Transpose.ROTATE_180, "turned by 180 degrees"),
    4: (Image.Transpose.FLIP_TOP_BOTTOM, "flipped upside down"),
    5: (Image.Transpose.TRANSPOSE, "mirrored and turned by 90 degrees"),
    6: (Image.Transpose.ROTATE_270, "turned by 90 degrees clockwise"),
    7: (Image.Transpose.TRANSVERSE, "mirrored and turned by 90 degrees"),
    8: (Image.Transpose.ROTATE_90, "turned by 90 degrees counter-clockwise"),
}


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture: pixels (height, width, 3) uint8 sRGB, read-only; notes say in sentences what decoding changed.

    format: PNG, JPEG, WebP, BMP, TIFF or GIF. width and height are those of `pixels`, after any EXIF rotation.
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
    found = inspect(data)
    _check_size(found.format, found.width, found.height)
    try:
        image: Image.Image = _open_and_load(found)
        notes = [] if found.frames == 1 else [f"The first of {found.frames} frames is shown."]
        if found.orientation in _TURNS:
            turn, words = _TURNS[found.orientation]
            image = image.transpose(turn)
            notes.append(f"The picture was {words}, as its EXIF orientation says.")
        image = _flatten(image, found, background, notes)
    except InputError:
        raise
    except Exception as error:  # on hostile bytes decoders raise nearly anything: OSError, SyntaxError, ValueError, ...
        raise damaged(found.format) from error
    width, height = image.size
    if max(width, height) >= _THIN * min(width, height):
        notes.append(f"The picture is very long and thin ({width} x {height} pixels).")
    pixels = np.asarray(image)
    pixels.setflags(write=False)  # pictures are cached and shared
    return Picture(pixels, found.format, width, height, tuple(notes))


def _check_size(name: str, width: int, height: int) -> None:
    if width < 1 or height < 1:
        raise InputError(f"This {name} file has no pixels ({width} x {height}).")
    if width * height > MAX_PIXELS:
        raise InputError(
            f"The picture has {width} x {height} pixels ({width * height / 1e6:.1f} megapixels); "
            f"at most {MAX_PIXELS / 1e6:.0f} megapixels are decoded."
        )


def _open_and_load(found: Container) -> ImageFile.ImageFile:
    """The decoded image; the size is checked once more, because Pillow's reading of the header is what it allocates."""
    image = _OPEN[found.format](io.BytesIO(found.data))
    _check_size(found.format, *image.size)
    image.load()
    return image


def _flatten(image: Image.Image, found: Container, background: Background, notes: list[str]) -> Image.Image:
    """The image as opaque 8-bit RGB; what was done is appended to `notes`."""
    key = image.info.pop("transparency", None)
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        image, mask = _grey_levels(image, found, key, notes)
    else:
        if found.bits == 16:
            notes.append("The 16-bit samples were reduced to 8 bits.")
        if key is not None:
            image.info["transparency"] = _eight_bit_key(key, image.mode, found.bits)
        if image.mode in ("CMYK", "YCbCr", "LAB"):
            notes.append(f"The colours were converted from {image.mode} to RGB.")
        mask = None
        if image.has_transparency_data:
            image = image.convert("RGBA")
            mask = image.getchannel("A")
    image = image.convert("RGB")  # drops the alpha channel, keeps the hidden colours
    if mask is None or mask.getextrema()[0] == 255:
        return image
    notes.append(f"Transparent parts were filled with {background}.")
    canvas = Image.new("RGB", image.size, _BACKGROUNDS[background])
    canvas.paste(image, mask=mask)
    return canvas


def _eight_bit_key(key: object, mode: str, bits: int) -> object:
    """A PNG's transparent colour in the 8-bit levels that Pillow decodes to: the file states it in its own depth."""
    if mode == "L" and isinstance(key, int) and bits < 8:
        return key * 255 // ((1 << bits) - 1)
    if mode == "RGB" and isinstance(key, tuple) and bits == 16:
        return tuple(level >> 8 for level in key)
    return key


def _grey_levels(
    image: Image.Image, found: Container, key: object, notes: list[str]
) -> tuple[Image.Image, Image.Image | None]:
    """A deep grey image as 8 bits, and the mask of its opaque pixels where it names a transparent level."""
    samples = np.asarray(image)
    mask = Image.fromarray(np.where(samples == key, 0, 255).astype(np.uint8)) if isinstance(key, int) else None
    if image.mode.startswith("I;16"):
        peak = (1 << found.bits) - 1
        table = np.rint(np.arange(1 << 16) * (255 / peak)).clip(0, 255).astype(np.uint8)
        levels = table[samples]
        notes.append(f"The {found.bits}-bit samples were scaled to 8 bits.")
    else:
        low, high = float(samples.min()), float(samples.max())  # NaN passes through both
        if not (np.isfinite(low) and np.isfinite(high)):
            raise InputError(f"This {found.format} file holds values that are not finite (NaN or infinity).")
        if image.mode == "F" and low >= 0 and high <= 1:
            low, high = 0.0, 1.0
            notes.append("The float samples in [0, 1] were scaled to 8 bits.")
        else:
            notes.append(f"The samples from {low:g} to {high:g} were stretched to 8 bits.")
        levels = np.empty(samples.shape, np.uint8)
        flat, out, span = samples.reshape(-1), levels.reshape(-1), (high - low) or 1.0
        for start in range(0, flat.size, _BAND):
            band = flat[start : start + _BAND].astype(np.float64)
            out[start : start + _BAND] = np.rint((band - low) / span * 255)
    return Image.fromarray(255 - levels if found.white_is_zero else levels), mask


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
    if array.dtype != np.uint8:
        if array.ndim != 3 or array.shape[0] not in (1, 3) or not np.issubdtype(array.dtype, np.floating):
            raise InputError(
                f"an image must be float (1 or 3, H, W) or uint8 (H, W, 3); got {array.dtype} {array.shape}"
            )
        if not np.isfinite(array).all():
            raise InputError("an image must be finite; got NaN or infinity")
        array = np.rint(array.clip(0.0, 1.0) * 255).astype(np.uint8).transpose(1, 2, 0)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3) or not array.size:
        raise _no_image(array)
    height, width = array.shape[:2]
    if scale < 1 or height * width * scale**2 > MAX_PIXELS:
        raise ConfigError(f"scale must be at least 1 and keep the image under {MAX_PIXELS} pixels; got {scale}")
    image = Image.fromarray(np.ascontiguousarray(array))
    image = image.resize((width * scale, height * scale), Image.Resampling.NEAREST)
    out = io.BytesIO()
    image.save(out, format="PNG")
    return out.getvalue()


def _no_image(array: np.ndarray) -> InputError:
    return InputError(f"an image must be float (1 or 3, H, W) or uint8 (H, W, 3); got {array.dtype} {array.shape}")
