"""Detectors trained on attacks: what each sees, who trains and who chooses, and back from a file."""

from dataclasses import replace

import numpy as np
import pytest

from core.anomaly import perceptron
from core.anomaly.attack_trained import Inputs
from core.anomaly.catalogue import DETECTORS
from core.anomaly.detector import AttackedImages, CalibrationShape, FittingData
from core.anomaly.measurements import GradientMeasurements
from core.errors import InputError
from core.metrics.detection import auroc

GRADIENTS, ACTIVATIONS, BOTH, ALL = (f"attacked-{what}" for what in ("gradients", "activations", "both", "all"))
TENSORS, WIDTH, LAYERS, IMAGES = 4, 5, 6, 150
SHAPE = CalibrationShape(np.ones(TENSORS, bool), 3, WIDTH, LAYERS)


def measured(seed, direction=0.0, layer=0.0, doubt=0.0, count=IMAGES):
    """Images whose gradients point elsewhere by `direction`, of one fuller channel by `layer`, unsure by `doubt`."""
    rng = np.random.default_rng(seed)
    squared = np.exp(rng.normal(size=(count, TENSORS))).astype(np.float32)
    misaligned = rng.uniform(0.5, 1.0, (count, TENSORS)).astype(np.float32) + np.float32(direction)
    layers = rng.normal(size=(count, LAYERS)).astype(np.float32)
    layers[:, 2] += layer
    logits = (rng.normal(size=(count, 3)) * (1 - doubt)).astype(np.float32)
    features = rng.uniform(size=(count, WIDTH)).astype(np.float32)
    return GradientMeasurements({"ones": squared}, misaligned, {}, logits.argmax(1), features, logits, layers)


def data(attacked):
    return FittingData(measured(0), attacked, SHAPE.weights, 3, 0)


def attacked(**moved):
    index = np.arange(IMAGES)
    names = ("pgd-quarter", "pgd", "ddn")
    return {name: AttackedImages(measured(10 + number, **moved), index) for number, name in enumerate(names)}


@pytest.mark.parametrize(
    ("moved", "finds"),
    [
        ({"direction": 0.6}, (GRADIENTS, BOTH, ALL)),
        ({"layer": 3.0}, (ACTIVATIONS, BOTH, ALL)),
        ({"doubt": 0.95}, (ALL,)),
    ],
)
def test_each_finds_what_moves_what_it_sees_and_nothing_else(moved, finds):
    for key in (GRADIENTS, ACTIVATIONS, BOTH, ALL):
        detector = DETECTORS[key].fit(data(attacked(**moved)), {})
        found = auroc(*(detector.score(measured(seed, **how), {}) for seed, how in ((20, {}), (21, moved))))
        assert found > 0.9 if key in finds else abs(found - 0.5) < 0.1, (key, found)


def test_the_length_of_features_does_not_count_and_their_direction_does():
    detector = DETECTORS[ACTIVATIONS].fit(data(attacked(layer=3.0)), {})
    one, other = measured(30), measured(30)
    other.features[:] *= 7
    np.testing.assert_allclose(detector.score(other, {}), detector.score(one, {}), rtol=1e-4, atol=1e-5)
    other.features[:, 0] += 9
    assert np.abs(detector.score(other, {}) - detector.score(one, {})).max() > 0.01


def test_of_the_answer_its_lead_counts_and_not_its_class():
    detector = DETECTORS[ALL].fit(data(attacked(doubt=0.95)), {})
    one = measured(30)
    other = replace(one, logits=one.logits[:, [2, 0, 1]])
    np.testing.assert_allclose(detector.score(other, {}), detector.score(one, {}), rtol=1e-6)
    many = replace(one, logits=np.random.default_rng(5).normal(size=(IMAGES, 30)).astype(np.float32))
    width = Inputs(answer=True).width(CalibrationShape(SHAPE.weights, 30, WIDTH, LAYERS))
    assert Inputs(answer=True).values(many).shape == (IMAGES, width) == (IMAGES, 19)


def test_an_image_and_its_twins_are_on_one_side_of_the_cut(monkeypatch):
    """Of 150 images the first 120 train; an attacked image is told by a channel that holds its number."""
    given = {}

    def fit(normal, anomalous, validation, generator):
        given.update(normal=normal, anomalous=anomalous, validation=validation)

    monkeypatch.setattr(perceptron, "fit", fit)
    names = ("pgd-quarter", "pgd-half")
    found = data({name: AttackedImages(measured(seed), np.arange(IMAGES)[::-1]) for seed, name in enumerate(names, 1)})
    found.normal.layers[:, 0] = np.arange(IMAGES)
    for each in found.attacked.values():
        each.measured.layers[:, 0] = each.index
    DETECTORS[ACTIVATIONS].fit(found, {})
    numbers = {name: given[name][:, WIDTH] for name in ("normal", "anomalous")}
    later = [side[:, WIDTH] for side in given["validation"]]
    assert numbers["normal"].max() == 119 and later[0].min() == 120 and len(later[0]) == 30
    assert sorted(numbers["anomalous"]) == sorted([*range(120)] * 2) and sorted(later[1]) == sorted(
        [*range(120, 150)] * 2
    )


def test_it_learns_the_attacks_that_it_names_and_no_others():
    """Of what each attack made another channel is fuller."""
    index = np.arange(IMAGES)
    made = {name: measured(number) for number, name in enumerate(("pgd-quarter", "pgd", "ddn"), 50)}
    for channel, each in enumerate(made.values()):
        each.layers[:, channel] += 6
    found = data({name: AttackedImages(each, index) for name, each in made.items()})
    for key, unseen in ((BOTH, "ddn"), (ALL, "pgd")):
        assert unseen not in DETECTORS[key].trained_on.split(",")
        detector = DETECTORS[key].fit(found, {})
        seen = {name: auroc(detector.score(measured(60), {}), detector.score(each, {})) for name, each in made.items()}
        assert seen.pop(unseen) < 0.85 and min(seen.values()) > 0.95, seen


@pytest.mark.parametrize("key", [GRADIENTS, ACTIVATIONS, BOTH, ALL])
def test_it_comes_back_from_its_arrays_which_are_checked_and_needs_attacks(key):
    found = DETECTORS[key].fit(data(attacked(layer=3.0)), {})
    fresh = measured(40)
    np.testing.assert_array_equal(DETECTORS[key].read(found.arrays(), SHAPE).score(fresh, {}), found.score(fresh, {}))
    others = {GRADIENTS: (5, WIDTH, LAYERS, 3), ACTIVATIONS: (4, WIDTH, 7, 3), BOTH: (4, 4, LAYERS, 3)}
    tensors, width, layers, classes = others.get(key, (TENSORS, WIDTH, LAYERS, 4))
    with pytest.raises((ValueError, InputError)):
        DETECTORS[key].read(found.arrays(), CalibrationShape(np.ones(tensors, bool), classes, width, layers))
    assert DETECTORS[key].fit(data({}), {}) is None
    early = {"pgd-quarter": AttackedImages(measured(1, count=9), np.arange(9))}
    assert DETECTORS[key].fit(data(early), {}) is None
