"""Preprocessing: step by step what it says, and part of what is differentiated."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import interpolate
from torch.testing import assert_close

from core.errors import ConfigError
from core.models.preprocessing import PRESETS, Preprocess, Preprocessing
from tests.helpers.pictures import rand


def test_caffe_networks_are_shown_bgr_from_0_to_255():
    x = rand(2, 3, 4, 4)
    found = Preprocess(PRESETS["caffe"])(x)
    assert_close(found[:, 0], x[:, 2] * 255 - 103.939)
    assert_close(found[:, 2], x[:, 0] * 255 - 123.68)


def test_pictures_are_resized_as_people_do_and_never_twice():
    half = Preprocessing((0.5,) * 3, (0.5,) * 3, side=8)
    x = rand(1, 3, 32, 32)
    assert_close(Preprocess(half)(x), (interpolate(x, (8, 8), mode="bilinear", antialias=True) - 0.5) / 0.5)
    assert_close(Preprocess(replace(half, side=32))(x), (x - 0.5) / 0.5)


@pytest.mark.parametrize("side", [0, 3, 9])
def test_its_gradient_is_right_and_can_be_differentiated_again(side):
    module = Preprocess(Preprocessing((0.4, 0.5, 0.6), (0.2, 0.3, 0.4), side, "0..255", "bgr")).double()
    x = rand(1, 3, 5, 5).double().requires_grad_()
    assert torch.autograd.gradcheck(module, x) and torch.autograd.gradgradcheck(module, x)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"std": (1.0, 1.0)}, "3 means and 2 deviations"),
        ({"std": (1.0, 0.0, 1.0)}, "deviations above 0"),
        ({"mean": (float("nan"), 0.0, 0.0)}, "means must be finite"),
        ({"side": -1}, "side must be 0 or at most 1024"),
        ({"side": 4096}, "side must be 0 or at most 1024"),
        ({"mean": (0.5,), "std": (0.5,), "channel_order": "bgr"}, "only three channels"),
    ],
)
def test_settings_that_can_not_be_are_a_sentence(change, message):
    with pytest.raises(ConfigError, match=message):
        replace(PRESETS["none"], **change)
