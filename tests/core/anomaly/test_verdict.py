"""What all detectors say of an image: the screen's own word, along changes of growing strength."""

import numpy as np
import pytest
import torch

from core.anomaly.catalogue import DEFAULT
from core.anomaly.verdict import SHARES, changes, is_attack, judge, perturb, strengths
from core.data.corruptions import corrupt
from core.errors import ConfigError, InputError
from tests.helpers.pictures import columns


@pytest.fixture(scope="module")
def x():
    return columns(1, 7).images()


def test_an_image_is_judged_as_the_screen_scores_it(network, screen, x):
    one = judge(network, screen, x)
    scores = screen.scores(screen.measure(network, x))
    assert set(one.scores) == set(screen.detectors) and one.x.shape == tuple(x.shape)
    for key, values in scores.items():
        np.testing.assert_allclose(one.scores[key], values)
        np.testing.assert_array_equal(one.p_values[key], screen.p_values({key: values})[key])
    assert one.probs.sum() == pytest.approx(1) and one.settings["calibration"] == screen.digest
    noise = torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    odd = judge(network, screen, noise)
    assert DEFAULT in odd.flags(0.05) and DEFAULT not in one.flags(0.05)
    assert set(one.flags(1.0)) == set(screen.detectors)


@pytest.mark.parametrize("change", ["pgd", "fgsm"])
def test_attacks_grow_within_their_radius_and_lead_away_from_the_answer(network, screen, x, change):
    one = judge(network, screen, x, change)
    radii = strengths(network.task, change)
    assert radii == tuple(share * network.task.radii["linf"] for share in SHARES) and len(one.x) == len(radii)
    assert np.array_equal(one.x[0], x[0].numpy())
    sizes = np.abs(one.x - one.x[0]).max((1, 2, 3))
    assert all(size <= radius + 1e-6 for size, radius in zip(sizes, radii, strict=True)) and (np.diff(sizes) > 0).all()
    answer = one.probs[0].argmax()
    assert one.probs[-1, answer] < one.probs[1, answer] < one.probs[0, answer]


def test_a_corruption_is_that_of_the_report_at_each_severity(network, screen, x):
    one = judge(network, screen, x, "gaussian-noise", seed=3)
    pixels = (x * 255).round().to(torch.uint8)
    assert strengths(network.task, "gaussian-noise") == (0, 1, 2, 3, 4, 5)
    for severity in (1, 5):
        assert np.array_equal(one.x[severity] * 255, corrupt(pixels, "gaussian-noise", severity, 3)[0].numpy())
    assert one.scores[DEFAULT][2] == pytest.approx(
        screen.scores(screen.measure(network, torch.from_numpy(one.x[2:3])))[DEFAULT][0], rel=1e-4
    )


@pytest.mark.slow
def test_every_change_begins_with_the_image_and_the_same_seed_gives_the_same(network, x):
    for change in changes():
        found = perturb(network, x, change)
        assert len(found) == len(strengths(network.task, change)) and torch.equal(found[:1], x)
        assert torch.equal(found, perturb(network, x, change))
        assert found.min() >= 0 and found.max() <= 1
    assert not torch.equal(perturb(network, x, "pgd"), perturb(network, x, "pgd", seed=1))
    assert is_attack("pgd") and is_attack("fgsm") and not is_attack("jpeg") and not is_attack("tgsm")


def test_what_is_impossible_is_refused(network, screen, x):
    with pytest.raises(ConfigError, match="change must be"):
        judge(network, screen, x, "magic")
    with pytest.raises(InputError, match="one image"):
        judge(network, screen, torch.cat([x, x]), "pgd")


@pytest.mark.parametrize("change", ["", *changes()])
def test_pixels_that_are_no_numbers_are_refused(network, screen, x, change):
    """A corruption would make a black pixel of NaN."""
    broken = x.clone()
    broken[0, 0, 3, 4] = torch.nan
    for ask in (lambda: judge(network, screen, broken, change), lambda: perturb(network, broken, change or "pgd")):
        with pytest.raises(InputError, match="pixels must be finite"):
            ask()
    with pytest.raises(InputError, match="pixels must be finite"):
        screen.measure(network, broken)
    with pytest.raises(InputError, match="pixels must be finite"):
        screen.baselines.score(network, broken)


@pytest.mark.parametrize("off", [torch.no_grad, torch.inference_mode], ids=["no_grad", "inference_mode"])
def test_it_is_the_same_where_gradients_are_switched_off(network, screen, x, off):
    expected = judge(network, screen, x, "pgd")
    with off():
        found = judge(network, screen, x.clone(), "pgd")
    assert np.array_equal(found.x, expected.x)
    for key, values in expected.scores.items():
        np.testing.assert_allclose(found.scores[key], values, rtol=1e-6)
