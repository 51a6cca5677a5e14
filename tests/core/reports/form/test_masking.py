"""Flags go up for what each is made for, and stay down for an honest network."""

from dataclasses import replace

import numpy as np
import pytest

from core.reports.form.masking import (
    Evidence,
    best_source,
    masking_flags,
    paired_difference,
    paired_shares,
    zero_gradients,
)

N = 200


def standing(share: float) -> np.ndarray:
    """The first `share` of the images stands."""
    return np.arange(N) < share * N


@pytest.fixture
def honest():
    """PGD breaks more than one step does, nothing stands at a grey image's distance, others' images break less."""
    return Evidence(
        standing(0.4), standing(0.5), standing(0.0), 0.1, np.full(N, 0.3, np.float32), {"standard": standing(0.7)}
    )


def test_an_honest_network_raises_nothing(honest):
    assert masking_flags(honest) == ()
    assert masking_flags(replace(honest, square=standing(0.5))) == ()


@pytest.mark.parametrize(
    ("flag", "change"),
    [
        ("single-step", {"single_step": standing(0.3)}),
        ("black-box", {"square": standing(0.3)}),
        ("zero-gradient", {"gradient_norm": np.where(standing(0.11), 1e-9, 0.3).astype(np.float32)}),
        ("larger-epsilon", {"far": standing(0.2)}),
        ("transfer", {"transfer": {"standard": standing(0.7), "pgd-linf": standing(0.3)}}),
    ],
)
def test_each_sign_raises_its_flag_alone(honest, flag, change):
    assert masking_flags(replace(honest, **change)) == (flag,)


@pytest.mark.parametrize(
    "change",
    [
        {"single_step": standing(0.395)},  # a single image of 200
        {"gradient_norm": np.where(standing(0.1), 0.0, 0.3).astype(np.float32)},
        {"far": standing(0.12)},  # no more than a constant answer may get by chance
        {"transfer": {"pgd-linf": standing(0.395)}},
        {"transfer": {}},
    ],
)
def test_what_chance_allows_raises_nothing(honest, change):
    assert masking_flags(replace(honest, **change)) == ()


def test_transfer_is_compared_on_the_images_that_were_passed_on(honest):
    """The first 50 stand under PGD; of the same 50 only 30 stand on others' images."""
    assert masking_flags(replace(honest, transfer={"standard": standing(0.15)[:50]})) == ("transfer",)


def test_the_source_that_breaks_most_is_named():
    assert best_source({"a": standing(0.5), "b": standing(0.2), "c": standing(0.2)}) == "b"
    assert best_source({}) == ""


def test_a_gradient_that_is_no_number_counts_as_zero():
    assert zero_gradients(np.array([0.0, 1e-8, 1e-6, np.nan])).tolist() == [True, True, False, True]


def test_a_paired_interval_is_narrower_than_the_shares_are_apart():
    """95 of 200 and 100 of 200 overlap by far as shares; image by image one is never behind."""
    for interval in (paired_difference, paired_shares):
        difference, low, high = interval(standing(0.5), standing(0.475))
        assert difference == pytest.approx(0.025) and -1e-3 < low <= difference <= high < 0.055


def test_shares_of_each_image_are_drawn_in_pairs_and_never_without_a_width():
    share = np.random.default_rng(0).random(N)
    difference, low, high = paired_shares(share, share - 0.01 * (share > 0.5))
    assert difference == pytest.approx(0.005, abs=1e-3) and 0.003 < low < high < 0.007
    difference, low, high = paired_shares(standing(1.0), np.full(N, 0.5))
    assert difference == 0.5 and low < 0.49 and high > 0.51
