"""A screen: its scores are those of its parts, its promise is kept, and a file from anywhere can't harm it."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from core.anomaly import baselines, perceptron
from core.anomaly.calibrate import fit_calibration
from core.anomaly.calibration import (
    calibration_path,
    check_detectors,
    read_calibration,
    write_calibration,
)
from core.anomaly.catalogue import DETECTORS
from core.anomaly.conformal import false_alarm_interval
from core.anomaly.confounding import ConfoundingLabel
from core.anomaly.detector import Detector
from core.anomaly.direction import mean_gradients, misalignment
from core.anomaly.gradients import weight_gradients
from core.anomaly.measured_scores import MeasuredScore
from core.anomaly.measurements import EVERY, from_arrays, joined
from core.anomaly.norm_detectors import features
from core.anomaly.perceptron_detector import PERCEPTRON
from core.attacks.pgd import Pgd
from core.data.datasets import LabelledImages
from core.errors import ConfigError, InputError
from core.metrics.detection import auroc
from core.npz import read_npz, write_npz
from tests.helpers.pictures import columns


@pytest.fixture(scope="module")
def fresh():
    """400 pictures that nothing was fitted to."""
    return columns(400, 3)


@pytest.fixture(scope="module")
def signals(network, screen, fresh):
    return screen.measure(network, fresh.images())


@pytest.fixture
def file(screen, tmp_path):
    path = calibration_path("fashion-mnist", "standard", tmp_path)
    write_calibration(screen, path)
    return path


def test_the_network_knows_something(network, fresh):
    with torch.no_grad():
        assert (network.fast(fresh.images()).argmax(1) == fresh.labels).float().mean() > 0.3


def test_scores_are_those_of_the_parts(network, screen, calibration, fresh, signals):
    x, scores = fresh.images(0, 20), screen.scores(signals.rows(slice(0, 20)))
    assert tuple(scores) == screen.detectors == tuple(DETECTORS)
    alone = weight_gradients(network.plain, x, ConfoundingLabel())
    np.testing.assert_allclose(scores["sum"], alone.total.double(), rtol=1e-4)
    every = weight_gradients(network.plain, x, ConfoundingLabel(), EVERY)
    expected = screen.fitted["norms-all"].distance.score(features(every.squared.numpy()))
    np.testing.assert_allclose(scores["norms-all"], expected, rtol=1e-3)
    np.testing.assert_allclose(
        scores["perceptron"],
        screen.fitted[PERCEPTRON].perceptron.score(features(every.squared.numpy())),
        rtol=1e-3,
        atol=1e-4,
    )
    confident = weight_gradients(network.plain, x, ConfoundingLabel("predicted", "cross-entropy"), EVERY)
    np.testing.assert_allclose(scores["predicted"], features(confident.squared.numpy()).sum(1), rtol=1e-3)
    first = calibration.images(0, 75)
    fitting = screen.scores(screen.measure(network, first))
    parts = [np.log(fitting["softmax"]), fitting["predicted"]]
    shifted = [np.log(scores["softmax"]) - parts[0].mean(), scores["predicted"] - parts[1].mean()]
    expected = shifted[0] / parts[0].std() + np.maximum(shifted[1] / parts[1].std(), -1)
    np.testing.assert_allclose(scores["combined"], expected, rtol=1e-6)
    exact = mean_gradients(network.plain, first, ConfoundingLabel(), EVERY)
    found = misalignment(weight_gradients(network.plain, x, ConfoundingLabel(), EVERY, exact), exact)
    np.testing.assert_allclose(scores["direction"], found[:, torch.from_numpy(screen.weights)].mean(1), atol=5e-3)
    fitted = baselines.fit(network, columns(300, 1).images(), columns(300, 1).labels)
    np.testing.assert_allclose(scores["vim"], fitted.score(network, x)["vim"], rtol=1e-6)


@pytest.mark.slow
def test_normals_are_the_second_half_and_nothing_was_fitted_to_it(network, screen, calibration):
    second = screen.scores(screen.measure(network, calibration.images(75, 150)))
    for key, values in second.items():
        np.testing.assert_allclose(screen.normals[key], values, rtol=1e-6, atol=1e-9)
    other = calibration.pixels.clone()
    other[75:] = columns(75, 9).pixels
    again = fit_calibration(network, columns(300, 1), LabelledImages(other, calibration.labels, ""))
    for key in ("norms", "norms-all", "norms-raw", "largest", "sum", "softmax", "predicted"):
        np.testing.assert_array_equal(again.fitted[key].distance.mean, screen.fitted[key].distance.mean)
    assert np.array_equal(again.fitted[PERCEPTRON].perceptron.w1, screen.fitted[PERCEPTRON].perceptron.w1)


def attacked(network, data):
    """PGD's images that were right before and are wrong after, and which they are; in the batches of `fit_screen`."""
    attack, found, which = Pgd(network.task.radii["linf"], "linf", 20), [], []
    for start in range(0, len(data), 64):
        stop = min(start + 64, len(data))
        x, labels = data.images(start, stop), data.labels[start:stop]
        x_adv = attack(network.fast, x, labels, torch.Generator().manual_seed(start))
        with torch.no_grad():
            before, after = network.fast(x).argmax(1), network.fast(x_adv).argmax(1)
        hit = [i for i in range(len(x)) if before[i] == labels[i] != after[i]]
        found.append(x_adv[hit])
        which += [start + i for i in hit]
    return torch.cat(found), np.array(which)


@pytest.mark.slow
def test_the_perceptron_learned_from_what_pgd_turned_and_an_image_and_its_twin_stay_together(
    network, screen, calibration
):
    x_adv, which = attacked(network, calibration.first(75))
    assert f": {len(which)} images" in screen.settings["perceptron_trained_on"] and 0 < (which < 60).sum() < len(which)
    normal, odd = (features(screen.measure(network, x).squared["ones"]) for x in (calibration.images(0, 75), x_adv))
    generator = torch.Generator().manual_seed(0)
    expected = perceptron.fit(normal[:60], odd[which < 60], (normal[60:], odd[which >= 60]), generator)
    np.testing.assert_allclose(screen.fitted[PERCEPTRON].perceptron.w1, expected.w1, atol=1e-3)


def test_too_few_turned_images_train_no_perceptron(network, calibration):
    some = calibration.first(40)
    _, which = attacked(network, some.first(20))
    chosen = [*which[which < 16][:5], *which[which >= 16][:2]]
    assert len(chosen) >= 6 and max(chosen) >= 16 > min(chosen)
    labels = (some.labels + 1) % 10
    labels[chosen] = some.labels[chosen]  # the others are never right
    made = fit_calibration(network, columns(300, 1), LabelledImages(some.pixels, labels, ""))
    assert PERCEPTRON not in made.detectors


def test_the_promise_is_kept_on_new_images(screen, signals):
    found = screen.p_values(screen.scores(signals))
    low, high = false_alarm_interval(75, 400, 0.1, 1 - 0.05 / len(found))
    for key, values in found.items():
        assert values.min() > 0 and values.max() <= 1
        assert low <= (values <= 0.1).mean() <= high, key


@pytest.mark.slow
def test_noise_is_told_from_the_pictures(network, screen, signals):
    noise = torch.rand(60, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    odd, normal = screen.scores(screen.measure(network, noise)), screen.scores(signals)
    for key in ("norms", "norms-all", "softmax", "combined"):
        assert auroc(normal[key], odd[key]) > 0.9, key


def test_an_image_does_not_depend_on_its_company(network, screen, fresh):
    x = fresh.images(0, 7)
    whole = screen.measure(network, x)
    parts = joined([screen.measure(network, x[:3]), screen.measure(network, x[3:], chunk=2)])
    for name, values in whole.arrays().items():
        np.testing.assert_allclose(values, parts.arrays()[name], rtol=2e-3, atol=1e-6, err_msg=name)
    with pytest.raises(InputError):
        from_arrays({"predicted": whole.predicted})


def test_it_comes_back_from_a_file_as_it_was(network, screen, signals, file):
    again = read_calibration(network, file)
    assert again.digest == screen.digest and again.settings == screen.settings
    for key, values in screen.scores(signals).items():
        np.testing.assert_array_equal(values, again.scores(signals)[key])


def test_a_network_that_pgd_can_not_change_has_no_perceptron(network, screen, calibration, tmp_path):
    labels = (calibration.labels + 1) % 10  # now nearly nothing is right, so nothing is "right before"
    made = fit_calibration(network, columns(300, 1), LabelledImages(calibration.pixels[:40], labels[:40], ""))
    assert PERCEPTRON not in made.detectors and set(made.normals) == set(made.detectors)
    write_calibration(made, tmp_path / "a.npz")
    assert read_calibration(network, tmp_path / "a.npz").detectors == made.detectors


def test_other_weights_are_refused(network, screen, file):
    other = replace(network, card=replace(network.card, sha256="b" * 64))
    with pytest.raises(InputError, match="other weights"):
        read_calibration(other, file)
    with pytest.raises(InputError, match="other weights"):
        screen.measure(other, torch.zeros(1, 1, 28, 28))


@pytest.mark.parametrize(
    "change",
    [
        {"settings": np.array("{")},
        {"settings": np.array("[]")},
        {"settings": np.array("{}")},
        {"settings": "another form"},
        {"band": np.zeros((2, 2))},
        {"scale": np.zeros((2, 2))},
        {"normals/norms": np.zeros(3)},
        {"normals/norms": np.array(["a"] * 75)},
        {"normals/unheard-of": np.zeros(75)},
        {"directions/head.weight": np.zeros((1, 2, 2), np.int8)},
        {"profiles/norms/mean": np.zeros((1, 3))},
        {"profiles/norms/distance": np.array("z-max")},
        {"perceptron/mean": np.zeros(2)},
        {"baselines/means": np.full((10, 8), np.nan, np.float32)},
        {"baselines/means": np.zeros((10, 3), np.float32)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_damaged_screen_is_refused_with_a_sentence(network, file, change):
    arrays = read_npz(file, 10**7)
    if change.get("settings") == "another form":
        settings = json.loads(str(arrays["settings"]))
        change = {"settings": np.array(json.dumps(settings | {"form": settings["form"] + 1}))}
    write_npz(arrays | change, file)
    with pytest.raises(InputError, match=r"standard\.npz"):
        read_calibration(network, file)


def test_settings_say_what_it_was_made_of(screen):
    assert json.loads(json.dumps(screen.settings)) == screen.settings
    assert (screen.settings["fit_images"], screen.settings["p_value_images"]) == (75, 75)
    assert screen.band.shape == (3, len(screen.names))


def test_the_band_holds_nine_in_ten_of_the_second_half(network, screen, calibration):
    values = features(screen.measure(network, calibration.images(75, 150)).squared["ones"])
    inside = ((values >= screen.band[0]) & (values <= screen.band[2])).mean(0)
    np.testing.assert_allclose(inside, 0.9, atol=0.03)
    np.testing.assert_allclose((values <= screen.band[1]).mean(0), 0.5, atol=0.03)


def test_digests_tell_screens_apart(screen):
    renamed = {("other" if key == "norms" else key): values for key, values in screen.normals.items()}
    moved = dict(screen.normals) | {"norms": screen.normals["norms"] + 1e-9}
    digests = {replace(screen, normals=each).digest for each in (screen.normals, renamed, moved)}
    assert len(digests) == 3 and replace(screen).digest in digests


def test_signals_stay_what_they_are_while_directions_and_baselines_do(screen):
    assert replace(screen, normals={}, fitted={}).measuring == screen.measuring
    turned = screen.directions | {"head.weight": -screen.directions["head.weight"]}
    other = replace(screen.baselines, alpha=2 * screen.baselines.alpha)
    changed = {replace(screen, directions=turned).measuring, replace(screen, baselines=other).measuring}
    assert len(changed) == 2 and screen.measuring not in changed


def test_unknown_detectors_are_refused(screen):
    check_detectors(screen, ("norms",))
    for keys in ((), ("magic",)):
        with pytest.raises(ConfigError):
            check_detectors(screen, keys)


def brightness_score(*_):
    """Fitted, or read, it is the same: the sum of the squared norms under the main probe."""
    return MeasuredScore(np.ones(1, bool), lambda measured, weights: measured.squared["ones"].sum(1, dtype=np.float64))


@pytest.mark.slow
def test_a_new_detector_needs_its_entry_alone_and_older_files_stay_readable(
    network, calibration, file, signals, monkeypatch
):
    """A file that was made before it holds the others, and is not calibrated for this one."""
    older = read_calibration(network, file)
    added = Detector("brightness", "Brightness", "The sum", "baseline", brightness_score, brightness_score)
    monkeypatch.setitem(DETECTORS, added.key, added)
    again = read_calibration(network, file)
    assert again.detectors == older.detectors and again.digest == older.digest
    made = fit_calibration(network, columns(300, 1), calibration)
    assert made.detectors == (*older.detectors, added.key)
    total = signals.squared["ones"].sum(1, dtype=np.float64)
    np.testing.assert_allclose(made.scores(signals)[added.key], total, rtol=1e-6)
    write_calibration(made, file)
    assert read_calibration(network, file).detectors == made.detectors
