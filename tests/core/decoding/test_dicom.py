"""DICOM: values and windows as the standard's formulas have them; what is not read is refused with its reason."""

import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from core.decoding import decoder
from core.decoding.window import Window, windowed
from core.images import decode
from tests.helpers.decoding.files import photo, pinned, refusal
from tests.helpers.decoding.medical import dicom

pydicom = pytest.importorskip("pydicom")

RNG = np.random.default_rng(5)
CT = RNG.integers(0, 4096, (24, 33)).astype(np.uint16)
WINDOWED = {"WindowCenter": 40, "WindowWidth": 400}
CT_UNITS = {"RescaleSlope": 1, "RescaleIntercept": -1024}


def linear(values: np.ndarray, level: float, width: float) -> np.ndarray:
    """PS3.3 C.11.2.1.2.1, as its pseudo-code stands there, in 8 bits."""
    inside = ((values - (level - 0.5)) / (width - 1) + 0.5) * 255
    inside[values <= level - 0.5 - (width - 1) / 2] = 0
    inside[values > level - 0.5 + (width - 1) / 2] = 255
    return np.rint(inside)


@pytest.mark.parametrize(
    "syntax", ["ImplicitVRLittleEndian", "ExplicitVRLittleEndian", "ExplicitVRBigEndian", "RLELossless"]
)
def test_a_ct_comes_in_its_own_window_and_keeps_its_values(syntax):
    picture = decode(dicom(CT, syntax=syntax, **CT_UNITS, **WINDOWED))
    assert np.abs(picture.pixels[..., 0] - linear(CT - 1024.0, 40, 400)).max() <= 1
    assert picture.notes == ("Shown in the file's own window: level 40, width 400.",)
    assert picture.format == "DICOM"
    values = picture.levels.offset + picture.levels.slope * picture.levels.samples
    assert_array_equal(values, CT - 1024.0)
    wide = windowed(picture, Window("values", -1024, 3071)).pixels[..., 0]
    assert_array_equal(wide, np.rint(CT / 4095 * 255))


def test_signed_samples_and_slopes_that_are_no_whole_numbers():
    samples = RNG.integers(-2048, 2048, (9, 7)).astype(np.int16)
    picture = decode(dicom(samples, RescaleSlope=0.5, RescaleIntercept=10, WindowCenter=0, WindowWidth=800))
    assert np.abs(picture.pixels[..., 0] - linear(samples * 0.5 + 10, 0, 800)).max() <= 1


def test_bits_above_the_stored_ones_are_none_of_the_image():
    """Overlays once lay there: a reader that takes all 16 bits sees values above 4095."""
    dirty = CT | (RNG.integers(0, 16, CT.shape) << 12).astype(np.uint16)
    assert_array_equal(decode(dicom(dirty, **WINDOWED)).pixels, decode(dicom(CT, **WINDOWED)).pixels)
    negative = (CT.astype(np.int32) - 2048).astype(np.int16)
    cut = negative & np.int16(0x0FFF)
    assert_array_equal(decode(dicom(cut, **WINDOWED)).pixels, decode(dicom(negative, **WINDOWED)).pixels)


def test_monochrome1_is_dark_where_values_are_high():
    plain = decode(dicom(CT, **WINDOWED))
    turned = decode(dicom(CT, PhotometricInterpretation="MONOCHROME1", **WINDOWED))
    assert_array_equal(turned.pixels, 255 - plain.pixels)
    stretched = [windowed(each, Window("percentiles", 1, 99)).pixels for each in (plain, turned)]
    assert_array_equal(stretched[1], 255 - stretched[0])


def test_without_a_window_it_is_stretched_and_said():
    picture = decode(dicom(CT, **CT_UNITS))
    low, high = int(CT.min()), int(CT.max())
    assert np.abs(picture.pixels[..., 0] - (CT - low) / (high - low) * 255).max() <= 0.51
    assert picture.notes[0].startswith(f"The file names no window: the values from {low - 1024} to {high - 1024}")


def test_the_first_of_several_windows_and_an_exact_one():
    picture = decode(dicom(CT, WindowCenter=[2000, 40], WindowWidth=[1000, 400], VOILUTFunction="LINEAR_EXACT"))
    assert_array_equal(picture.pixels[..., 0], np.rint(((CT - 1500.0) / 1000 * 255).clip(0, 255)))


def test_colours_are_read_and_ycbcr_is_converted():
    assert_array_equal(decode(dicom(photo(), 8)).pixels, photo())
    ycbcr = np.asarray(Image.fromarray(photo()).convert("YCbCr"))
    picture = decode(dicom(ycbcr, 8, PhotometricInterpretation="YBR_FULL"))
    y, blue, red = np.moveaxis(ycbcr.astype(float) - (0, 128, 128), -1, 0)  # PS3.3 C.7.6.3.1.2
    right = np.stack([y + 1.402 * red, y - 0.344136 * blue - 0.714136 * red, y + 1.772 * blue], -1).clip(0, 255)
    assert np.abs(picture.pixels - right).max() <= 1
    assert picture.notes == ("The colours were converted from YCbCr to RGB.",)


def test_what_is_not_read_is_refused_as_what_it_is():
    assert "holds 3 frames" in refusal(dicom(CT, NumberOfFrames=3))
    uncounted = (dicom(CT, Rows=CT.shape[0] // 2), dicom(photo(6, 8), stored=8, Rows=3, NumberOfFrames=1))
    assert all("counts one frame and holds 2" in refusal(data) for data in uncounted)
    assert "PALETTE COLOR" in refusal(dicom(CT, PhotometricInterpretation="PALETTE COLOR"))
    other = dicom(CT).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.9\0")
    assert "compressed (1.2.840.10008.1.2.9)" in refusal(other)
    assert "factor" in refusal(dicom(CT, RescaleSlope=-1, RescaleIntercept=0))
    assert "megapixels" in refusal(dicom(CT, Rows=9000, Columns=9000))
    assert "truncated or damaged" in refusal(dicom(CT)[:-500])
    assert "no image" in refusal(dicom(CT)[: dicom(CT).index(b"\xe0\x7f\x10\x00")])


def test_a_name_in_the_file_is_nowhere_in_what_is_kept():
    assert "Somebody" not in repr(decode(dicom(CT, **WINDOWED)))


def test_a_missing_package_is_named_with_its_pin_alone(monkeypatch):
    data = dicom(CT)
    monkeypatch.setitem(sys.modules, "pydicom", None)
    told = refusal(data, here=True)
    assert pinned("pydicom") in told and "requirements" not in told


@pytest.mark.filterwarnings("ignore:::pydicom")
def test_damaged_files_give_a_picture_or_a_sentence():
    whole = dicom(CT, **CT_UNITS, **WINDOWED)
    found = set()
    for _ in range(150):
        bad = bytearray(whole)
        for at in RNG.integers(132, 900, RNG.integers(1, 6)):
            bad[at] = RNG.integers(0, 256)
        try:
            found.add(decoder.decode(bytes(bad)).format)
        except decoder.InputError:
            found.add("a sentence")
    assert found == {"DICOM", "a sentence"}
