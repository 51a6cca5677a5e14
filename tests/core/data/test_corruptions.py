"""Corruptions: stated strengths, each image for itself, and severities that go up."""

import pytest
import torch

from core.data.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from core.errors import ConfigError, InputError


@pytest.fixture(params=[1, 3], ids=["grey", "colour"])
def pixels(request):
    """Smooth pictures with some noise (6, C, 32, 32) that use the middle of the range."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(6, request.param, 4, 4, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (32, 32), mode="bilinear")
    noise = torch.rand(smooth.shape, generator=generator)
    return ((0.25 + 0.4 * smooth + 0.1 * noise) * 255).to(torch.uint8)


def distance(one, other):
    return float((one.double() - other.double()).square().mean().sqrt() / 255)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_more_severe_is_farther_away(name, pixels):
    before = pixels.clone()
    apart = [distance(corrupt(pixels, name, severity), pixels) for severity in SEVERITIES]
    assert apart[0] > 0 and apart[-1] > 1.1 * apart[0] and apart[-1] < 0.35
    assert torch.equal(pixels, before)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_an_image_is_corrupted_for_itself_and_alike_each_time(name, pixels):
    whole = corrupt(pixels, name, 3, seed=4)
    assert torch.equal(whole[:2], corrupt(pixels[:2], name, 3, seed=4))
    drawn = name.endswith("-noise")
    assert torch.equal(whole, corrupt(pixels, name, 3, seed=5)) is not drawn


def test_strengths_are_those_stated():
    grey = torch.full((3, 1, 32, 32), 128, dtype=torch.uint8)
    half = 128 / 255
    assert distance(corrupt(grey, "gaussian-noise", 5), grey) == pytest.approx(0.10, rel=0.05)
    assert distance(corrupt(grey, "shot-noise", 5), grey) == pytest.approx((half / 50) ** 0.5, rel=0.05)
    hit = (corrupt(grey, "impulse-noise", 5) != 128).double().mean()
    assert float(hit) == pytest.approx(0.07, rel=0.2)
    assert torch.equal(corrupt(grey, "brightness", 5), torch.full_like(grey, round((half + 0.3) * 255)))
    steps = grey.clone()
    steps[:, :, :16] = 28
    low, high = corrupt(steps, "contrast", 5)[0].unique().tolist()
    assert (low, high) == (round(78 - 50 * 0.15), round(78 + 50 * 0.15))
    assert torch.equal(corrupt(grey, "gaussian-blur", 5), grey)


def test_impossible_requests_are_refused(pixels):
    for name, severity in (("rain", 1), ("jpeg", 0), ("jpeg", 6)):
        with pytest.raises(ConfigError):
            corrupt(pixels, name, severity)
    for wrong in (pixels.float(), pixels[0], pixels.repeat(1, 2, 1, 1)):
        with pytest.raises(InputError):
            corrupt(wrong, "jpeg", 1)
