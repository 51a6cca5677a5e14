"""APGD by the library, judged here: in the ball, as strong as the exact answer, a sentence where it is missing."""

import sys

import pytest
import torch

from core.attacks.apgd import Apgd
from core.errors import ConfigError, InputError
from core.norms import norm_of
from tests.helpers.linear import Linear, breakable, labelled_batch

batch = pytest.fixture(labelled_batch)


@pytest.mark.slow
@pytest.mark.parametrize(("norm", "epsilon"), [("linf", 0.05), ("l2", 0.15)])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_linear_model_falls_exactly_where_it_can(batch, norm, epsilon, precision):
    pytest.importorskip("pyautoattack")
    x, labels = batch
    model = Linear()
    expected = breakable(model, x, labels, epsilon, norm)
    assert 0 < expected.sum() < len(x)
    x_adv = Apgd(epsilon, norm, iterations=30, precision=precision)(model, x, labels)
    assert torch.equal(model(x_adv).argmax(1) != labels, expected)
    assert (norm_of(x_adv - x, norm) <= epsilon + 1e-6).all() and x_adv.min() >= 0 and x_adv.max() <= 1


def test_gradients_are_in_float32_on_a_processor_that_does_not_compute_in_bfloat16(batch, monkeypatch):
    pytest.importorskip("pyautoattack")
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    x, labels = batch
    low, whole = (Apgd(0.05, iterations=3, precision=precision)(Linear(), x, labels) for precision in ("bf16", "fp32"))
    assert torch.equal(low, whole)


def test_same_seed_same_images_and_the_global_generator_stays(batch):
    pytest.importorskip("pyautoattack")
    x, labels = batch
    before = torch.random.get_rng_state()
    first, second = (Apgd(0.05, iterations=3)(Linear(), x, labels, seed=7) for _ in range(2))
    assert torch.equal(first, second) and torch.equal(torch.random.get_rng_state(), before)


def test_dlr_breaks_what_cross_entropy_cannot_follow(batch):
    """Saturated logits leave cross-entropy no gradient; the targeted part does not care about their scale."""
    pytest.importorskip("pyautoattack")
    x, labels = batch
    model = Linear(scale=1e4)
    x_adv = Apgd(0.05, iterations=30)(model, x, labels)
    assert torch.equal(model(x_adv).argmax(1) != labels, breakable(Linear(), x, labels, 0.05, "linf"))


def test_images_wrong_already_are_left_alone(batch):
    pytest.importorskip("pyautoattack")
    x, labels = batch
    assert torch.equal(Apgd(0.05, iterations=3)(Linear(), x, (labels + 1) % 5), x)


def test_a_missing_library_is_a_sentence(batch, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyautoattack.autopgd_base", None)
    with pytest.raises(InputError, match=r"requirements-evaluation\.txt"):
        Apgd(0.05)(Linear(), *batch)


def test_impossible_settings_are_refused(batch):
    pytest.importorskip("pyautoattack")
    for settings in ({"epsilon": 0.0}, {"epsilon": 0.1, "norm": "l1"}, {"epsilon": 0.1, "targets": 0}):
        with pytest.raises(ConfigError):
            Apgd(**settings)
    with pytest.raises(ConfigError, match="precision"):
        Apgd(0.1, precision="fp16")
    with pytest.raises(ConfigError, match="4 classes"):
        Apgd(0.05)(Linear(classes=3), batch[0], batch[1] % 3)
