"""Colour profiles (ICC) that files bring: pictures in other colours than sRGB are converted to it, by Little CMS."""

import io
from itertools import product

import numpy as np
from PIL import Image, ImageCms

from core.text import shorten

_STEPS = (0, 32, 64, 96, 128, 160, 192, 224, 255)  # levels of each channel that are tried
_SAME = 1  # levels between a profile's colours and sRGB's that nobody sees: rounding
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION
_EXACT = _FLAGS | ImageCms.Flags.NOOPTIMIZE  # a table of few points stands for the curve of a grey profile otherwise


def to_srgb(image: Image.Image, profile: bytes, notes: list[str]) -> Image.Image:
    """The picture in sRGB, and a note on that; as it is where its profile is sRGB, broken, or of other colours.

    Colours are kept relative to white (relative colorimetric), black stays black.

    Args:
        image: grey, RGB or CMYK, the first two with or without alpha.
        profile: the bytes of its ICC profile.
        notes: gets a sentence.
    """
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    colours = image.convert(image.mode[:-1]) if alpha is not None else image
    try:
        found = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if found.profile.xcolor_space.strip() != {"L": "GRAY"}.get(colours.mode, colours.mode):
            if colours.mode == "L" and found.profile.xcolor_space.strip() == "RGB":
                colours = colours.convert("RGB")
            else:
                space = shorten(found.profile.xcolor_space.strip(), 20)
                notes.append(f"The colour profile in the file is for {space} colours and was left aside.")
                return image
        turn = _transform(found, colours.mode)
        if colours.mode != "CMYK" and _changes_nothing(turn, colours.mode):
            return image
        converted = Image.fromarray(_greys(turn)[np.asarray(colours)]) if colours.mode == "L" else turn.apply(colours)
        name = shorten(ImageCms.getProfileDescription(found).strip(), 60)
    except Exception:  # a profile is bytes from anyone: Little CMS and Pillow raise OSError, PyCMSError and more
        notes.append("The colour profile in the file is broken and was left aside.")
        return image
    notes.append(f"The colours were converted from the profile {f'“{name}”' if name else 'in the file'} to sRGB.")
    if alpha is not None:
        converted.putalpha(alpha)
    return converted


def _transform(profile: ImageCms.ImageCmsProfile, mode: str) -> ImageCms.ImageCmsTransform:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    intent, flags = ImageCms.Intent.RELATIVE_COLORIMETRIC, _EXACT if mode == "L" else _FLAGS
    return ImageCms.ImageCmsTransform(profile, srgb, mode, "RGB", intent, flags=flags)


def _greys(turn: ImageCms.ImageCmsTransform) -> np.ndarray:
    """The colours (256, 3) of all grey levels."""
    colours: np.ndarray = np.asarray(turn.apply(Image.fromarray(np.arange(256, dtype=np.uint8)[None])))[0]
    return colours


def _changes_nothing(turn: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether a profile's colours are sRGB's, whatever it is called: tried on greys or on a grid of colours."""
    if mode == "L":
        found, right = _greys(turn), np.arange(256)[:, None]
    else:
        right = np.array(list(product(_STEPS, repeat=3)), np.uint8)
        found = np.asarray(turn.apply(Image.fromarray(right[None])))[0]
    return int(np.abs(found.astype(int) - right).max()) <= _SAME


def grey_curve(profile: bytes | None, notes: list[str]) -> np.ndarray:
    """The sRGB colours (256, 3) uint8 of the grey levels 0 to 255 under a profile; themselves without one."""
    greys = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    if profile is not None:
        greys = to_srgb(greys, profile, notes)
    colours: np.ndarray = np.asarray(greys.convert("RGB"))[0]
    return colours
