"""A window spreads the values it names, and no others; what is kept of a file is what the file holds."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from core.decoding.window import AS_IT_CAME, NARROW, Window, bounds, share_used, windowed
from core.errors import ConfigError
from core.images import decode
from tests.helpers.decoding.files import encoded, photo

RNG = np.random.default_rng(3)
TWELVE = RNG.integers(100, 4000, (30, 41)).astype(np.uint16)


def grey(values: np.ndarray, kind: str = "TIFF"):
    return decode(encoded(Image.fromarray(values), kind))


def spread(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """By the plain formula, in float64."""
    return np.rint(np.clip((values.astype(np.float64) - low) / (high - low), 0, 1) * 255)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_twelve_bits_in_sixteen_are_kept_and_stretched_and_as_they_came_nearly_black(kind):
    picture = grey(TWELVE, kind)
    assert_array_equal(picture.levels.samples, TWELVE)
    assert picture.pixels.max() <= 16 and share_used(picture) == pytest.approx(np.ptp(TWELVE) / 65535)
    assert share_used(picture) < NARROW
    wide = windowed(picture, Window("stretch"))
    assert_array_equal(wide.pixels[..., 0], spread(TWELVE, TWELVE.min(), TWELVE.max()))
    assert len(np.unique(wide.pixels)) > 200 and len(np.unique(picture.pixels)) < 20
    assert wide.notes[-1] == (
        f"Windowed here: the values from {TWELVE.min()} to {TWELVE.max()} (the smallest and the largest) go from "
        "black to white."
    )


@pytest.mark.parametrize(("low", "high"), [(1, 99), (0, 100), (25, 50.5), (0.1, 99.9)])
def test_percentiles_are_those_of_numpys_inverted_distribution(low, high):
    expected = tuple(np.percentile(TWELVE, [low, high], method="inverted_cdf"))
    assert bounds(grey(TWELVE), Window("percentiles", low, high)) == expected
    of_colours = decode(encoded(Image.fromarray(photo()), "PNG"))
    expected = tuple(np.percentile(photo(), [low, high], method="inverted_cdf"))
    assert bounds(of_colours, Window("percentiles", low, high)) == expected


def test_level_and_width_are_in_the_files_own_unit():
    """Signed 16-bit samples, such as Hounsfield units: -1000 is black in a window of level 0 and width 2,000."""
    values = np.array([[-1024, -1000, -500], [0, 500, 3071]], np.int32)
    picture = grey(values)
    shown = windowed(picture, Window("values", -1000, 1000))
    assert_array_equal(shown.pixels[..., 0], [[0, 0, 64], [128, 191, 255]])
    assert "level 0, width 2000" in shown.notes[-1]
    assert picture.levels.offset == -1024 and picture.levels.samples.max() == 4095


@pytest.mark.parametrize("values", [RNG.normal(7, 3, (20, 20)).astype(np.float32), TWELVE * np.int32(70_000)])
def test_what_is_wider_than_16_bits_is_kept_to_a_65535th_of_its_range(values):
    picture = grey(values)
    step = float(np.ptp(values.astype(np.float64))) / 65535
    kept = picture.levels.offset + picture.levels.slope * picture.levels.samples
    assert np.abs(kept - values).max() <= step * 0.51
    assert share_used(picture) == 1.0


def test_eight_bits_are_windowed_too_and_all_channels_share_it():
    dim = photo() // 8 + 20
    picture = decode(encoded(Image.fromarray(dim), "PNG"))
    assert picture.levels is None and share_used(picture) == pytest.approx(np.ptp(dim) / 255)
    assert_array_equal(windowed(picture, Window("stretch")).pixels, spread(dim, dim.min(), dim.max()))


def test_as_it_came_is_the_same_picture_and_one_value_is_left_as_it_is():
    picture = grey(TWELVE)
    assert windowed(picture, AS_IT_CAME) is picture
    flat = decode(encoded(Image.new("RGB", (5, 5), (7, 7, 7)), "PNG"))
    assert share_used(flat) == 1.0
    assert_array_equal(windowed(flat, Window("stretch")).pixels, flat.pixels)


def test_zero_as_white_stays_so():
    image = Image.fromarray(TWELVE)
    plain, turned = (windowed(grey_of(image, kind), Window("stretch")).pixels for kind in (1, 0))
    assert_array_equal(plain, 255 - turned)


def grey_of(image: Image.Image, photometric: int):
    """A TIFF of which 0 is black (1) or white (0)."""
    return decode(encoded(image, "TIFF", tiffinfo={262: photometric}))


def test_pictures_of_the_same_8_bits_and_other_samples_have_other_digests():
    other = TWELVE.copy()
    other[3, 4] += 1 if other[3, 4] % 257 != 128 else -1
    assert_array_equal(grey(other).pixels, grey(TWELVE).pixels)
    assert grey(other).digest != grey(TWELVE).digest


@pytest.mark.parametrize(
    "bad",
    [
        *[("file", 1, 2), ("stretch", 0, 1), ("percentiles", -1, 50), ("percentiles", 50, 50), ("percentiles", 1, 101)],
        *[("values", 5, 5), ("values", 6, 5), ("values", float("nan"), 5), ("values", 0, float("inf")), ("x", 0, 0)],
    ],
)
def test_impossible_windows_are_refused(bad):
    with pytest.raises(ConfigError, match="percentiles"):
        Window(*bad)
