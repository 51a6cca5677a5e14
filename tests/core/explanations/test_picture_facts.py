"""Facts of pictures follow from the networks' answers; attacks are tried in order of their radius."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from core.attacks.pgd import Pgd
from core.errors import ConfigError
from core.explanations import picture_facts
from core.explanations.picture_facts import FactSettings, changing_radii, measure_pictures
from core.explanations.picture_rules import RULES
from core.metrics.map_agreement import spearman
from core.models.zoo import load_zoo_model
from core.saliency.gradient import gradient

RADII = (0.02, 0.1, 0.4)


@pytest.fixture
def pair(zoo_folder):
    return [load_zoo_model("fashion-mnist", key, zoo_folder) for key in ("standard", "pgd-linf")]


@pytest.fixture
def pictures():
    generator = torch.Generator().manual_seed(3)
    return [(f"p{number}", number % 3 - 1, torch.rand(1, 1, 28, 28, generator=generator)) for number in range(5)]


def test_answers_maps_and_radii_are_those_of_each_picture_alone(pair, pictures):
    told: list[int] = []
    facts = measure_pictures(pair, {}, iter(pictures), FactSettings(RADII), told.append)
    assert facts.keys == ("p0", "p1", "p2", "p3", "p4") and facts.models == ("standard", "pgd-linf") and told == [5]
    assert list(facts.labels) == [-1, 0, 1, -1, 0]
    for place, (_, label, x) in enumerate(pictures):
        maps = []
        for row, model in enumerate(pair):
            slopes, logits = gradient(model.fast, x, torch.tensor([-1]))
            maps.append(slopes.abs().sum(1)[0].numpy())
            assert facts.predicted[row, place] == int(logits.argmax())
            assert facts.probability[row, place] == pytest.approx(float(logits.softmax(1).max()), abs=1e-5)
            assert facts.right[row, place] == (label == int(logits.argmax()))
            alone = changing_radii(model, x, logits.argmax(1), FactSettings(RADII))
            assert facts.changed_at[row, place] == alone[0]
        assert facts.agreement[place] == pytest.approx(spearman(*maps), abs=1e-3)
    assert np.isnan(facts.flagged).all()


def test_the_radius_is_the_first_at_which_the_answer_changes(pair, pictures):
    """At each radius before it PGD leaves the answer as it is, at the radius itself it does not."""
    model, settings = pair[0], FactSettings(RADII)
    x = torch.cat([x for _, _, x in pictures])
    answers = model.fast(x).argmax(1)
    found = changing_radii(model, x, answers, settings)
    assert np.isfinite(found).any()
    for epsilon in RADII:
        x_adv = Pgd(epsilon, steps=settings.steps, random_start=False)(model.fast, x, answers)
        changed = (model.fast(x_adv).argmax(1) != answers).numpy()
        assert not changed[found > epsilon].any() and changed[found == epsilon].all()
    assert np.isinf(changing_radii(model, x, answers, FactSettings((1e-7,)))).all()


def test_without_radii_nothing_is_attacked_and_one_network_has_no_agreement(pair, pictures):
    facts = measure_pictures(pair[:1], {"standard": lambda x: np.full(len(x), 0.25)}, pictures, FactSettings())
    assert np.isnan(facts.changed_at).all() and np.isnan(facts.agreement).all() and (facts.flagged == 0.25).all()


def test_impossible_requests_are_refused(pair, pictures, model):
    for epsilons in ((0.0,), (0.2, 0.1), (-0.1,)):
        with pytest.raises(ConfigError, match="ascending"):
            FactSettings(epsilons)
    with pytest.raises(ConfigError, match="at least one picture"):
        measure_pictures(pair, {}, [], FactSettings())
    with pytest.raises(ConfigError, match="one task"):
        measure_pictures([], {}, pictures, FactSettings())


def test_a_network_without_gradients_answers_and_what_needs_them_is_of_the_others_alone(pair, pictures, monkeypatch):
    with_both = measure_pictures(pair, {}, pictures, FactSettings(RADII))
    blind = pair[1]
    sharp = pair[0].card.network
    assert sharp is not blind.card.network
    monkeypatch.setattr(picture_facts, "architecture_of", lambda network: SimpleNamespace(gradients=network is sharp))
    facts = measure_pictures([pair[0], blind], {}, pictures, FactSettings(RADII))
    np.testing.assert_array_equal(facts.predicted, with_both.predicted)
    np.testing.assert_array_equal(facts.changed_at[0], with_both.changed_at[0])
    assert np.isnan(facts.changed_at[1]).all() and np.isnan(facts.agreement).all()
    assert "gradients" in RULES["maps-disagree"].lacks(facts)
    assert not any(RULES[key].lacks(facts) for key in ("networks-disagree", "first-loses", "easily-changed"))
    other_way = measure_pictures([blind, pair[0]], {}, pictures, FactSettings(RADII))
    assert all("ONNX" in RULES[key].lacks(other_way) for key in ("first-loses", "easily-changed"))
