"""The joint detector: its sum by hand, its place in a calibration, and the choice of its members."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from core.anomaly import joint
from core.anomaly.calibrate import light_lacking, with_lacking
from core.anomaly.calibration import calibration_in, calibration_path, read_calibration, write_calibration
from core.anomaly.joint import CHOSEN
from core.anomaly.joint_choice import CANDIDATES, choose_joint, ranked, transformed
from core.errors import InputError
from core.metrics.detection import auroc
from core.npz import npz_bytes
from tests.helpers.pictures import columns

RNG = np.random.default_rng(0)
ATTACKED = ("attacked-gradients", "attacked-activations", "attacked-both", "attacked-all")
NEW = (
    *ATTACKED,
    "knn",
    "mahalanobis-plus",
    "gen",
    "fdbd",
    "grood",
    "nci",
    "nnguide",
    "rmd",
    "react",
    "ash",
    "scale",
    "joint",
)


def without(screen, keys):
    """A calibration as it was before these detectors were in the catalogue."""
    fitted = {key: one for key, one in screen.fitted.items() if key not in keys}
    return replace(screen, fitted=fitted, normals={key: screen.normals[key] for key in fitted})


def test_the_sum_is_of_standardised_scores_and_a_distance_counts_by_its_logarithm():
    normal = {"norms-all": np.exp([0.0, 2.0, 1.0]), "gen": np.array([5.0, 7.0, 9.0])}
    detector = joint.fit(normal, {"norms-all": 0.5, "gen": 2.0})
    total = detector.total({"norms-all": np.exp([1.0, 3.0]), "gen": np.array([7.0, 9.0])})
    expected = [0.0, 0.5 * 2 / np.std([0, 1, 2]) + 2 * 2 / np.std([5, 7, 9])]
    np.testing.assert_allclose(total, expected, atol=1e-9)


def test_it_holds_gradients_features_and_the_answer_and_is_one_of_the_candidates():
    assert CHOSEN in CANDIDATES and len({tuple(each.items()) for each in CANDIDATES}) == len(CANDIDATES) == 27
    for each in CANDIDATES:
        gradients, features, answer = each
        assert (gradients, answer) == ("norms-all", "gen") and features in ("knn", "mahalanobis-plus", "fdbd")


def test_the_best_candidate_is_the_one_whose_members_find_what_is_odd():
    """Only gradients and kNN move; the more they count beside GEN, which is noise, the better."""
    keys = ("norms-all", "gen", "knn", "mahalanobis-plus", "fdbd")
    normal = {key: np.exp(RNG.normal(size=400)) for key in keys}
    odd = {key: np.exp(RNG.normal(2.0 * (key in ("norms-all", "knn")), 1, 400)) for key in keys}
    found = ranked(normal, {"turned": odd, "mixed": normal})
    assert found[0].weights == {"norms-all": 1.0, "knn": 1.0, "gen": 1.0}
    assert found[0].auroc["mixed"] == 0.5 and found[0].mean == (found[0].auroc["turned"] + 0.5) / 2
    assert [one.mean for one in found] == sorted((one.mean for one in found), reverse=True)


def test_transformations_are_what_they_are_called():
    x = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    found = dict(transformed(x, x.flip(0)))
    assert set(found) == {"turned", "mixed", "quarters", "halves", "gaussian-noise", "gaussian-blur", "contrast"}
    assert all(each.shape == x.shape and each.min() >= 0 and each.max() <= 1 for each in found.values())
    assert torch.equal(found["quarters"][:, :, :4, :4], x[:, :, 4:, 4:])
    assert torch.equal(found["halves"][0, :, :, 4:], x[1, :, :, 4:]) and torch.equal(found["mixed"][0], x.mean(0))


@pytest.mark.slow
def test_choosing_measures_what_the_members_say(network, screen, monkeypatch):
    monkeypatch.setattr("core.anomaly.joint_choice.EACH", 6)
    monkeypatch.setattr("core.anomaly.joint_choice.NORMAL", 20)
    val = columns(32, 5)
    found = choose_joint(network, screen, columns(300, 1), val)
    x = {"normal": val.images(12, 32), "turned": val.images(0, 6).rot90(1, (2, 3))}
    light = screen.of(tuple(CHOSEN))
    scores = {what: light.scores(light.measure(network, images, light=True)) for what, images in x.items()}
    own = joint.fit(scores["normal"], CHOSEN)
    expected = auroc(*(own.total(scores[what]) for what in ("normal", "turned")))
    (shipped,) = (one for one in found if one.weights == CHOSEN)
    assert shipped.auroc["turned"] == pytest.approx(expected)
    with pytest.raises(InputError, match="32 images"):
        choose_joint(network, screen, columns(300, 1), val.first(31))


@pytest.mark.slow
def test_a_calibration_is_given_what_it_lacks_and_keeps_the_rest_bit_for_bit(network, screen, calibration, tmp_path):
    older = without(screen, NEW)
    assert light_lacking(older) == NEW and light_lacking(screen) == ()
    made = with_lacking(network, older, columns(300, 1), calibration)
    assert made.detectors == screen.detectors and made.settings == screen.settings
    before, after = older.arrays(), made.arrays()
    assert all(np.array_equal(after[name], values) for name, values in before.items())
    for name, values in screen.arrays().items():  # what is added is what fitting all at once gives
        if name not in before:
            np.testing.assert_allclose(after[name], values, rtol=1e-4, atol=1e-6, err_msg=name)
    assert light_lacking(without(screen, ("perceptron", *ATTACKED))) == ()  # attacks turned too few answers
    with pytest.raises(InputError, match="other images"):
        with_lacking(network, older, columns(300, 1), calibration.first(148))
    path = calibration_path("fashion-mnist", "standard", tmp_path)
    write_calibration(made, path)
    assert read_calibration(network, path).digest == made.digest


def test_a_file_that_claims_a_joint_score_without_its_members_is_refused(network, screen):
    with pytest.raises(InputError, match="joint needs those that it combines"):
        calibration_in(network, npz_bytes(without(screen, ("gen",)).arrays()), "mine.npz")
