"""Augmentation moves pictures, whole, and no further than stated."""

import pytest
import torch

from core.errors import ConfigError
from core.training.augment import Augmentation


@pytest.fixture
def x():
    return torch.rand(64, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def test_no_padding_and_no_flip_is_the_identity(x):
    assert torch.equal(Augmentation(0, flip=False)(x, torch.Generator().manual_seed(0)), x)


def test_every_result_is_a_shift_of_its_picture_and_all_shifts_occur(x):
    moved = Augmentation(1, flip=False)(x, torch.Generator().manual_seed(0))
    padded = torch.nn.functional.pad(x, (1, 1, 1, 1), mode="reflect")
    seen = set()
    for index in range(len(x)):
        matches = [
            (top, left)
            for top in range(3)
            for left in range(3)
            if torch.equal(moved[index], padded[index, :, top : top + 8, left : left + 8])
        ]
        assert len(matches) == 1
        seen.update(matches)
    assert len(seen) == 9


def test_about_half_are_flipped(x):
    moved = Augmentation(0, flip=True)(x, torch.Generator().manual_seed(0))
    flipped = [torch.equal(a, b.flip(2)) for a, b in zip(moved, x, strict=True)]
    kept = [torch.equal(a, b) for a, b in zip(moved, x, strict=True)]
    assert all(f or k for f, k in zip(flipped, kept, strict=True))
    assert 20 <= sum(flipped) <= 44


def test_same_seed_same_result(x):
    first, second = (Augmentation()(x, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(first, second)


def test_negative_padding_is_refused():
    with pytest.raises(ConfigError):
        Augmentation(-1)
