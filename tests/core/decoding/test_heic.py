"""HEIC stills come in their colours and upright, or are refused with the reason."""

import io
import sys

import numpy as np
import pytest
from PIL import Image

from core.decoding import picture as limits
from core.images import decode
from tests.helpers.decoding.files import encoded, photo, pinned, refusal

heif = pytest.importorskip("pillow_heif")
heif.register_heif_opener()  # in this process alone: decoders are others
LOSSLESS = {"quality": -1, "chroma": 444}


def heic(image: Image.Image, **options: object) -> bytes:
    return encoded(image, "HEIF", **LOSSLESS, **options)


def test_a_lossless_heic_keeps_its_colours_within_what_ycbcr_rounds():
    picture = decode(heic(Image.fromarray(photo())))
    assert picture.format == "HEIC" and picture.notes == ()
    assert np.abs(picture.pixels.astype(int) - photo()).max() <= 3


def test_a_heic_is_turned_once():
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = decode(heic(Image.fromarray(photo()), exif=exif.tobytes()))
    assert np.abs(picture.pixels.astype(int) - np.rot90(photo(), -1)).max() <= 3


def test_transparent_parts_are_filled_and_said():
    rgba = np.dstack([photo(), np.full(photo().shape[:2], 255, np.uint8)])
    rgba[:, :28, 3] = 0
    picture = decode(heic(Image.fromarray(rgba)), "black")
    assert picture.pixels[:, :28].max() == 0 and picture.pixels[:, 28:].max() > 200
    assert picture.notes == ("Transparent parts were filled with black.",)


def test_a_large_one_is_refused_before_decoding_and_a_cut_one_as_damaged(monkeypatch):
    data = heic(Image.fromarray(photo()))
    assert "truncated or damaged" in refusal(data[: len(data) // 2])
    monkeypatch.setattr(heif.HeifImage, "to_pillow", None)
    monkeypatch.setattr(limits, "MAX_PIXELS", 2000)
    assert "megapixels" in refusal(data, here=True)


def test_of_two_pictures_the_main_one_is_shown_and_that_is_said():
    file = heif.from_pillow(Image.fromarray(photo()))
    file.add_from_pillow(Image.new("RGB", (20, 20)))
    out = io.BytesIO()
    file.save(out, **LOSSLESS, primary_index=0)
    picture = decode(out.getvalue())
    assert (picture.width, picture.notes) == (56, ("Only the main one of several pictures is shown.",))


def test_a_missing_package_is_named_with_its_pin_alone(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    told = refusal(heic(Image.fromarray(photo())), here=True)
    assert pinned("pillow-heif") in told and "requirements" not in told
