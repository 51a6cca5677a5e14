"""Corruptions: stated strengths, each image for itself, and severities that go up."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from core.data.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from core.errors import ConfigError, InputError

# What Hendrycks and Dietterich give for CIFAR-10-C, at severities 1 to 5.
STATED = {
    "gaussian-noise": (0.04, 0.06, 0.08, 0.09, 0.10),
    "shot-noise": (500, 250, 100, 75, 50),
    "impulse-noise": (0.01, 0.02, 0.03, 0.05, 0.07),
    "gaussian-blur": (0.4, 0.6, 0.7, 0.8, 1.0),
    "contrast": (0.75, 0.5, 0.4, 0.3, 0.15),
    "brightness": (0.05, 0.1, 0.15, 0.2, 0.3),
    "pixelate": (0.95, 0.9, 0.85, 0.75, 0.65),
    "jpeg": (80, 65, 58, 50, 40),
}
EACH = [(severity, severity - 1) for severity in SEVERITIES]


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


def random(channels=3, count=4):
    return torch.randint(0, 256, (count, channels, 32, 32), generator=torch.Generator().manual_seed(1)).to(torch.uint8)


def test_what_is_drawn_is_another_for_each_image_and_severity():
    grey = torch.full((2, 3, 32, 32), 128, dtype=torch.uint8)
    for name in ("gaussian-noise", "shot-noise", "impulse-noise"):
        one, other = corrupt(grey, name, 5)
        assert not torch.equal(one, other) and not torch.equal(one[0], one[1])
    drawn = torch.stack([corrupt(grey, "gaussian-noise", severity).double().flatten() for severity in (4, 5)])
    assert abs(float(drawn.corrcoef()[0, 1])) < 0.1


@pytest.mark.parametrize(("severity", "index"), EACH)
def test_noise_has_the_strength_stated(severity, index):
    grey, level = torch.full((16, 3, 32, 32), 128, dtype=torch.uint8), 128 / 255
    strength = {name: STATED[name][index] for name in STATED}
    assert distance(corrupt(grey, "gaussian-noise", severity), grey) == pytest.approx(
        strength["gaussian-noise"], rel=0.02
    )
    expected = (level / strength["shot-noise"]) ** 0.5  # of a Poisson number of photons
    assert distance(corrupt(grey, "shot-noise", severity), grey) == pytest.approx(expected, rel=0.02)
    hit = corrupt(grey, "impulse-noise", severity)
    black, white = (float((hit == end).double().mean()) for end in (0, 255))
    assert black + white == pytest.approx(strength["impulse-noise"], rel=0.1)
    assert black == pytest.approx(white, rel=0.25) and float((hit == 128).double().mean()) == pytest.approx(
        1 - black - white
    )


@pytest.mark.parametrize(("severity", "index"), EACH)
def test_blur_spreads_a_point_by_the_deviation_stated_and_mixes_no_colours(severity, index):
    points = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    points[0, 0, 15, 16] = 255
    red, green, blue = corrupt(points, "gaussian-blur", severity)[0].double()
    place = torch.arange(32.0, dtype=torch.float64)
    weight = (-((place - 16) ** 2) / (2 * STATED["gaussian-blur"][index] ** 2)).exp()  # a Gaussian, on whole pixels
    expected = float((weight * (place - 16) ** 2).sum() / weight.sum()) ** 0.5
    for line, centre in ((red.sum(1), 15), (red.sum(0), 16)):
        spread = ((line * (place - centre) ** 2).sum() / line.sum()) ** 0.5
        assert float(spread) == pytest.approx(expected, rel=0.08)
    assert not green.any() and not blue.any()


@pytest.mark.parametrize(("severity", "index"), EACH)
def test_contrast_and_brightness_do_what_they_say_to_each_colour(severity, index):
    steps = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    for channel, (dark, light) in enumerate(((28, 128), (60, 80), (150, 250))):
        steps[0, channel], steps[0, channel, :, :16] = light, dark
    factor = STATED["contrast"][index]
    for before, after in zip(steps[0], corrupt(steps, "contrast", severity)[0], strict=True):
        dark, light = before.unique().tolist()
        middle = (dark + light) / 2
        expected = [middle + (end - middle) * factor for end in (dark, light)]
        np.testing.assert_allclose(after.unique().tolist(), expected, atol=0.51)
    colour = torch.tensor([100, 50, 75], dtype=torch.uint8)[None, :, None, None].expand(1, 3, 8, 8)
    value = 100 / 255 + STATED["brightness"][index]  # the largest; hue and saturation stay
    np.testing.assert_allclose(
        corrupt(colour, "brightness", severity)[0, :, 0, 0].tolist(), np.array([1, 0.5, 0.75]) * value * 255, atol=0.51
    )
    grey = torch.full((1, 1, 8, 8), 128, dtype=torch.uint8)
    expected = 128 + 255 * STATED["brightness"][index]
    np.testing.assert_allclose(corrupt(grey, "brightness", severity).unique().tolist(), [expected], atol=0.51)


@pytest.mark.parametrize(("severity", "index"), EACH)
def test_pixelate_averages_to_the_side_stated_and_jpeg_has_the_quality_stated(severity, index):
    for channels in (1, 3):
        x = random(channels)
        found = corrupt(x, "pixelate", severity)
        side = int(32 * STATED["pixelate"][index])
        for each in found:
            assert len(each.unique(dim=1)[0]) == side and len(each.unique(dim=2)[0, 0]) == side
        assert float(found.double().std()) < 0.96 * float(x.double().std())  # averaged, not picked
        for before, after in zip(x, corrupt(x, "jpeg", severity), strict=True):
            file = io.BytesIO()
            picture = before.permute(1, 2, 0).numpy()
            Image.fromarray(picture[..., 0] if channels == 1 else picture).save(
                file, "JPEG", quality=STATED["jpeg"][index]
            )
            expected = np.asarray(Image.open(file)).reshape(32, 32, channels)
            np.testing.assert_array_equal(after.permute(1, 2, 0).numpy(), expected)


def test_impossible_requests_are_refused(pixels):
    for name, severity in (("rain", 1), ("jpeg", 0), ("jpeg", 6)):
        with pytest.raises(ConfigError):
            corrupt(pixels, name, severity)
    for wrong in (pixels.float(), pixels[0], pixels.repeat(1, 2, 1, 1)):
        with pytest.raises(InputError):
            corrupt(wrong, "jpeg", 1)
