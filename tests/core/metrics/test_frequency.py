"""The share of energy at low frequencies on pictures whose spectrum is known."""

import numpy as np
import pytest

from core.errors import ConfigError, InputError
from core.metrics.frequency import CUT_OFF, low_frequency_share


def wave(rows: int, columns: int, size: int = 32) -> np.ndarray:
    """A cosine (1, H, W) with so many periods down and across."""
    down, across = np.mgrid[:size, :size]
    return np.cos(2 * np.pi * (rows * down + columns * across) / size)[None]


def test_a_constant_is_all_low_and_a_checkerboard_not_at_all():
    constant, board = np.full((3, 32, 32), 0.3), np.indices((32, 32)).sum(0)[None] % 2 * 2.0 - 1
    assert low_frequency_share(constant) == pytest.approx(1.0)
    assert low_frequency_share(board, 1.4) == pytest.approx(0.0, abs=1e-12)
    assert low_frequency_share(board, 1.4143) == pytest.approx(1.0)  # sqrt(2) of Nyquist


@pytest.mark.parametrize(("rows", "columns", "low"), [(4, 0, 1), (5, 0, 0), (0, 4, 1), (2, 3, 1), (3, 3, 0), (4, 1, 0)])
def test_a_wave_is_low_up_to_the_cut_off_and_in_every_direction(rows, columns, low):
    """With 32 pixels Nyquist is 16 periods, so a quarter of it is 4."""
    assert CUT_OFF == 0.25
    assert low_frequency_share(wave(rows, columns)) == pytest.approx(low, abs=1e-12)


def test_energies_of_waves_add():
    assert low_frequency_share(2 * wave(2, 0) + wave(9, 0)) == pytest.approx(4 / 5)
    assert low_frequency_share(np.concatenate([wave(2, 0), 3 * wave(9, 0)])) == pytest.approx(1 / 10)


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (2, 9, 14)])
def test_it_is_the_energy_of_the_picture_with_its_high_frequencies_taken_out(shape):
    """Parseval: the same share in pixels, after an inverse transform."""
    picture = np.random.default_rng(0).normal(size=shape)
    rows, columns = np.meshgrid(np.fft.fftfreq(shape[1]), np.fft.fftfreq(shape[2]), indexing="ij")
    kept = np.fft.ifft2(np.fft.fft2(picture) * (np.sqrt(rows**2 + columns**2) <= CUT_OFF / 2))
    assert np.abs(kept.imag).max() < 1e-12
    assert low_frequency_share(picture) == pytest.approx((kept.real**2).sum() / (picture**2).sum())
    assert low_frequency_share(picture, 2.0) == pytest.approx(1.0)


def test_a_batch_is_picture_by_picture_and_size_does_not_matter():
    pictures = np.random.default_rng(0).normal(size=(2, 3, 1, 8, 8)).astype(np.float32)
    shares = low_frequency_share(pictures)
    assert shares.shape == (2, 3)
    assert shares[1, 2] == pytest.approx(float(low_frequency_share(pictures[1, 2])))
    np.testing.assert_allclose(low_frequency_share(1e-30 * pictures), shares, rtol=1e-5)


def test_what_has_no_energy_has_no_share():
    assert np.isnan(low_frequency_share(np.zeros((2, 3, 8, 8)))).all()


def test_impossible_requests_are_refused():
    with pytest.raises(InputError):
        low_frequency_share(np.zeros((8, 8)))
    with pytest.raises(InputError):
        low_frequency_share(np.full((1, 8, 8), np.nan))
    for cut_off in (-0.1, float("nan")):
        with pytest.raises(ConfigError, match="cut_off"):
            low_frequency_share(np.ones((1, 8, 8)), cut_off)
