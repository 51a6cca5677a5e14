"""Fitting shows exactly what was asked for, and a network's input goes back to PNG."""

import threading

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from core.decoding.pool import pool
from core.errors import ConfigError, InputError
from core.images import decode, fit, from_uint8, to_png
from tests.helpers.decoding.files import BLUE, GREEN, RED, photo


def test_a_picture_of_the_right_size_passes_through_exactly():
    pixels = photo(32, 32)
    expected = torch.from_numpy(pixels.astype(np.float32) / 255).permute(2, 0, 1)[None]
    for mode in ("crop", "letterbox"):
        assert torch.equal(fit(pixels, (3, 32, 32), mode), expected)
    grey = np.repeat(pixels[:, :, :1], 3, axis=2)
    assert torch.equal(fit(grey, (1, 32, 32)), expected[:, :1])


def test_crop_keeps_the_centred_square():
    pixels = np.zeros((20, 60, 3), np.uint8)
    pixels[:, 20:40] = photo(20, 20)
    assert torch.equal(fit(pixels, (3, 20, 20)), fit(photo(20, 20), (3, 20, 20)))
    assert torch.equal(fit(pixels.transpose(1, 0, 2).copy(), (3, 20, 20)).transpose(2, 3), fit(pixels, (3, 20, 20)))


def test_letterbox_centres_the_whole_picture_on_the_background():
    x = fit(np.full((10, 40, 3), 255, np.uint8), (3, 32, 32), "letterbox", background=0.3)
    inside = torch.zeros(32, 32, dtype=torch.bool)
    inside[12:20] = True
    assert (x[..., inside] == 1).all()
    assert (x[..., ~inside] == torch.tensor(0.3)).all()


def test_invert_turns_the_picture_and_not_the_background():
    pixels = np.full((10, 20, 3), 51, np.uint8)
    x = fit(pixels, (1, 20, 20), "letterbox", background=0.0, invert=True)
    assert_close(x[0, 0, 5:15], torch.full((10, 20), 0.8), rtol=0, atol=1e-7)
    assert (x[0, 0, :5] == 0).all()
    assert (x[0, 0, 15:] == 0).all()
    plain = fit(photo(), (1, 28, 28))
    assert_close(fit(photo(), (1, 28, 28), invert=True), 1 - plain, rtol=0, atol=1e-6)


def test_grey_is_rec_601_luma():
    pixels = np.random.default_rng(1).integers(0, 256, (28, 28, 3)).astype(np.uint8)
    luma = pixels @ np.array([0.299, 0.587, 0.114])
    levels = fit(pixels, (1, 28, 28))[0, 0].numpy() * 255
    assert np.abs(levels - luma).max() <= 0.502  # rounded to 8 bits
    pure = np.array([[RED, GREEN, BLUE]], np.uint8)
    assert_close(fit(pure, (1, 1, 3)) * 255, torch.tensor([[[[76.0, 150.0, 29.0]]]]))


def test_shrinking_is_antialiased():
    """A one-pixel checkerboard becomes flat grey; picking pixels would leave it black or white."""
    board = (np.indices((256, 256)).sum(0) % 2 * 255).astype(np.uint8)
    x = fit(np.repeat(board[..., None], 3, 2), (1, 32, 32))
    assert (x - 0.5).abs().max() < 0.05


@pytest.mark.parametrize("size", [(1, 1000), (1000, 1), (1, 1)])
@pytest.mark.parametrize("mode", ["crop", "letterbox"])
def test_extreme_shapes_fit(size, mode):
    x = fit(np.full((*size, 3), 200, np.uint8), (3, 32, 32), mode)
    assert x.shape == (1, 3, 32, 32)
    assert_close(x.max(), torch.tensor(200 / 255))


def test_impossible_settings_are_named():
    pixels = photo()
    with pytest.raises(ConfigError, match="shape"):
        fit(pixels, (2, 32, 32))
    with pytest.raises(ConfigError, match="mode"):
        fit(pixels, (3, 32, 32), "stretch")
    with pytest.raises(ConfigError, match="background"):
        fit(pixels, (3, 32, 32), background=float("nan"))
    with pytest.raises(InputError, match="pixels"):
        fit(pixels[..., 0], (3, 32, 32))
    with pytest.raises(InputError, match="pixels"):
        fit(pixels / 255, (3, 32, 32))


def test_png_repeats_each_pixel():
    pixels = photo(5, 7)
    for image in (pixels, fit(pixels, (3, 5, 7))[0]):
        np.testing.assert_array_equal(decode(to_png(image, 3)).pixels, pixels.repeat(3, 0).repeat(3, 1))
    grey = torch.tensor([[[0.0, 1.0], [-4.0, 9.0]]])
    np.testing.assert_array_equal(decode(to_png(grey)).pixels[..., 0], [[0, 255], [0, 255]])


def test_png_refuses_what_is_no_image():
    for bad in (torch.zeros(2, 4, 4), torch.zeros(1, 3, 4, 4), torch.full((3, 4, 4), torch.nan), np.zeros((4, 4), int)):
        with pytest.raises(InputError):
            to_png(bad)
    for scale in (0, 100_000):
        with pytest.raises(ConfigError, match="scale"):
            to_png(torch.zeros(3, 4, 4), scale)


def test_from_uint8_moves_the_channels_and_divides():
    batch = np.stack([photo(4, 6), 255 - photo(4, 6)])
    x = from_uint8(batch)
    assert x.shape == (2, 3, 4, 6)
    assert x[1, 2, 3, 5] == torch.tensor(batch[1, 3, 5, 2] / 255, dtype=torch.float32)
    assert torch.equal(from_uint8(batch[..., 0]), x[:, :1])
    with pytest.raises(InputError):
        from_uint8(batch.astype(np.float32))


@pytest.mark.slow
def test_fitting_a_large_picture_waits_for_its_place_among_what_is_decoded():
    large, done = np.zeros((1001, 1000, 3), np.uint8), threading.Event()
    thread = threading.Thread(target=lambda: (fit(large, (1, 28, 28)), done.set()))
    with pool().place(), pool().place():
        fit(large[:100], (1, 28, 28))  # a small one does not wait
        thread.start()
        assert not done.wait(0.5)
    assert done.wait(60)
    thread.join()
