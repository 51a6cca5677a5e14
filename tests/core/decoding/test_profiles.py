"""Colours under a profile come out as an independent calculation has them; a bad profile costs nothing but a note."""

import re
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from core.images import decode
from tests.helpers.decoding.files import encoded, photo

GAMMA = 563 / 256  # of Adobe RGB (1998), as a profile stores it
# XYZ of red, green and blue relative to D50; sRGB's from IEC 61966-2-1 and Bradford's adaptation
ADOBE = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])
SRGB = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])


def profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    """An ICC profile of version 2 by hand, for a display."""
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", 9) + b"By hand!\0" + bytes(78),
        b"cprt": b"text\0\0\0\0-\0",
    } | tags
    at, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, value in tags.items():
        table += name + struct.pack(">II", at + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    head = struct.pack(
        ">I4sI4s4s4s12s4s", at + len(body), b"lcms", 0x02100000, b"mntr", space, b"XYZ ", bytes(12), b"acsp"
    )
    head = head.ljust(68, b"\0") + fixed(0.9642, 1.0, 0.8249)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def fixed(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def matrix_profile(columns: np.ndarray, gamma: float = GAMMA) -> bytes:
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
    tags = {b"wtpt": b"XYZ \0\0\0\0" + fixed(0.9642, 1.0, 0.8249)}
    for name, column in zip("rgb", columns.T, strict=True):
        tags |= {f"{name}XYZ".encode(): b"XYZ \0\0\0\0" + fixed(*column), f"{name}TRC".encode(): curve}
    return profile(b"RGB ", tags)


def grey_profile(gamma: float) -> bytes:
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
    return profile(b"GRAY", {b"wtpt": b"XYZ \0\0\0\0" + fixed(0.9642, 1.0, 0.8249), b"kTRC": curve})


def to_srgb(linear: np.ndarray) -> np.ndarray:
    """Linear light to levels by sRGB's transfer function."""
    light = linear.clip(0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def converted(pixels: np.ndarray) -> np.ndarray:
    """What the levels of a picture in Adobe RGB are in sRGB."""
    return to_srgb((pixels / 255.0) ** GAMMA @ (np.linalg.inv(SRGB) @ ADOBE).T)


ADOBE_NOTE = "The colours were converted from the profile “By hand!” to sRGB."


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG", "WebP"])
def test_colours_of_a_matrix_profile_are_converted_within_a_level(kind):
    options = {"lossless": True} if kind == "WebP" else {"quality": 100, "subsampling": 0} if kind == "JPEG" else {}
    data = encoded(Image.fromarray(photo()), kind, icc_profile=matrix_profile(ADOBE), **options)
    plain = decode(encoded(Image.fromarray(photo()), kind, **options)).pixels
    picture = decode(data)
    assert picture.notes == (ADOBE_NOTE,)
    off = np.abs(picture.pixels - converted(plain))
    assert off.max() <= 1.5 and off.mean() < 0.5
    assert np.abs(picture.pixels.astype(int) - plain).max() > 15  # left alone, it would be that wrong


def test_alpha_stays_and_palettes_are_of_the_profiles_colours():
    rgba = np.dstack([photo(), np.full(photo().shape[:2], 255, np.uint8)])
    rgba[:, :20, 3] = 0
    picture = decode(encoded(Image.fromarray(rgba), "PNG", icc_profile=matrix_profile(ADOBE)), "grey")
    assert picture.notes == (ADOBE_NOTE, "Transparent parts were filled with grey.")
    assert (picture.pixels[:, :20] == 128).all()
    assert np.abs(picture.pixels[:, 20:] - converted(photo()[:, 20:])).max() <= 1.5
    few = Image.fromarray(photo()).quantize(16)
    palette = decode(encoded(few, "PNG", icc_profile=matrix_profile(ADOBE)))
    assert np.abs(palette.pixels - converted(np.asarray(few.convert("RGB")))).max() <= 1.5


@pytest.mark.parametrize("deep", [False, True])
def test_grey_of_a_profile_follows_its_curve_in_8_and_in_16_bits(deep):
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    image = Image.fromarray(ramp.astype(np.uint16) * 257 if deep else ramp)
    picture = decode(encoded(image, "PNG", icc_profile=grey_profile(1.0)))
    assert np.abs(picture.pixels - to_srgb(ramp / 255.0)[..., None]).max() <= 1.01
    assert picture.notes[-1] == ADOBE_NOTE and (picture.levels is not None) == deep


@pytest.mark.parametrize("made", [lambda: ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()])
def test_a_profile_that_is_srgb_changes_no_pixel_and_is_not_mentioned(made):
    picture = decode(encoded(Image.fromarray(photo()), "PNG", icc_profile=made()))
    np.testing.assert_array_equal(picture.pixels, photo())
    assert picture.notes == ()


def test_inks_of_a_picture_with_a_profile_for_others_are_mixed_plainly_and_both_is_said():
    inks = Image.fromarray(photo()).convert("CMYK")
    plain = decode(encoded(inks, "TIFF"))
    odd = decode(encoded(inks, "TIFF", icc_profile=matrix_profile(ADOBE)))
    np.testing.assert_array_equal(odd.pixels, plain.pixels)
    assert set(odd.notes) == {*plain.notes, "The colour profile in the file is for RGB colours and was left aside."}


LAB = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
WHOLE = matrix_profile(ADOBE)
BAD = {
    "no profile": b"nonsense",
    "cut": WHOLE[:200],
    "head alone": WHOLE[:128],
    "a table of a billion tags": WHOLE[:128] + b"\x3f\xff\xff\xff" + WHOLE[132:],
    "a colour beyond the end": re.sub(b"rXYZ....", b"rXYZ\x7f\xff\xff\xf0", WHOLE, count=1, flags=re.DOTALL),
    "no light": matrix_profile(np.zeros((3, 3)))[:-60],
}


@pytest.mark.parametrize("name", BAD)
def test_a_broken_profile_leaves_the_pixels_and_is_said(name):
    picture = decode(encoded(Image.fromarray(photo()), "PNG", icc_profile=BAD[name]))
    np.testing.assert_array_equal(picture.pixels, photo())
    assert picture.notes == ("The colour profile in the file is broken and was left aside.",)


def test_a_profile_of_other_colours_leaves_the_pixels_and_is_said():
    picture = decode(encoded(Image.fromarray(photo()), "PNG", icc_profile=LAB))
    np.testing.assert_array_equal(picture.pixels, photo())
    assert picture.notes == ("The colour profile in the file is for Lab colours and was left aside.",)


@pytest.mark.slow
def test_damaged_profiles_never_end_the_decoder():
    """300 seeded variants of a good profile: each gives the picture, in its colours or others."""
    rng = np.random.default_rng(0)
    for _ in range(300):
        bad = bytearray(WHOLE)
        for at in rng.integers(0, len(bad), rng.integers(1, 8)):
            bad[at] = rng.integers(0, 256)
        picture = decode(encoded(Image.fromarray(photo(8, 8)), "PNG", icc_profile=bytes(bad)))
        assert picture.pixels.shape == (8, 8, 3)
