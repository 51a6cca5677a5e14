"""Untrusted bytes to a checked RGB picture, a picture to a network's input, and a network's input to PNG.

Nothing here changes Pillow's global settings or Python's warning filters, so it is safe under many threads.
"""

import io
from contextlib import nullcontext
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.decoding.decoder import BACKGROUNDS
from core.decoding.picture import MAX_BYTES, MAX_PIXELS, Background, Picture, check_size
from core.decoding.pool import pool
from core.errors import ConfigError, InputError

__all__ = ["MAX_BYTES", "MAX_PIXELS", "Background", "Picture", "decode", "fit", "from_uint8", "to_png"]

_LARGE = 1_000_000  # pixels; resizing fewer costs less than waiting


def decode(data: bytes, background: Background = "white") -> Picture:
    """The picture in a PNG, JPEG, WebP, BMP, TIFF, GIF, DICOM or HEIC file, upright, opaque, 8 bits, sRGB.

    The EXIF orientation is applied, transparency is composited on `background`, of several frames the first is taken
    (of a DICOM file with several none). 16-bit grey samples are scaled linearly, and kept as `Picture.levels`. Float
    images in [0, 1] are scaled by 255; other float images and 32-bit or signed integers are stretched from their
    smallest to their largest value. A colour profile is applied where its colours are not sRGB's.

    Kinds of TIFF and DICOM that the decoder would read wrongly are refused, with the reason. DICOM and HEIC need the
    packages of requirements-extras.txt, and are refused with their names where these are missing.

    The work is done in a process of its own, which takes 400 to 550 MiB for 40 megapixels, 650 with finer levels or a
    profile, up to 850 for a WebP, and is ended where a file takes more than `core.decoding.worker` allows. Two files
    are decoded at once; more wait.

    Raises:
        InputError: more than `MAX_BYTES`, or larger or thinner than `check_size` allows (found before anything is
            decoded), empty, truncated, damaged, NaN or infinite values, not one of the formats or of a kind that is
            not read, or too slow or too large to decode.
        ConfigError: an unknown background.
    """
    if background not in BACKGROUNDS:
        raise ConfigError(f"background must be one of {', '.join(BACKGROUNDS)}; got {background!r}")
    if not data:
        raise InputError("The file is empty.")
    if len(data) > MAX_BYTES:
        raise InputError(f"The file has {len(data) / 1e6:.1f} MB; at most {MAX_BYTES / 1e6:.0f} MB are read.")
    return pool().decode(data, background)


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
        InputError: pixels of another type or shape, without any pixel, or of a size that `decode` refuses.
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
    check_size(pixels.shape[1], pixels.shape[0])
    with pool().place() if pixels.shape[0] * pixels.shape[1] > _LARGE else nullcontext():
        return _fitted(pixels, shape, mode, background, invert)


def _fitted(
    pixels: np.ndarray,
    shape: tuple[int, int, int],
    mode: Literal["crop", "letterbox"],
    background: float,
    invert: bool,
) -> Tensor:
    """What `fit` gives, of checked arguments."""
    channels, height, width = shape
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
    repeats = {"compress_type": Image.RLE} if scale > 1 else {}  # smaller than by searching, and a third quicker
    image.save(out, format="PNG", **repeats)
    return out.getvalue()
