"""The unsupervised detectors, the perceptron and the baselines: exact small cases, separations, and being put away."""

import io

import numpy as np
import pytest
import torch
from sklearn.covariance import ledoit_wolf

from core.anomaly import baselines, norm_detectors, perceptron
from core.anomaly.catalogue import DETECTORS
from core.errors import ConfigError, InputError
from core.metrics.detection import auroc
from core.models.resnet import PreActResNet, ResNetConfig
from core.models.zoo import Card, assemble
from core.reports.form.report import read_report, report_path

RNG = np.random.default_rng(0)
NORMAL = RNG.normal(size=(400, 5)) @ RNG.normal(size=(5, 5)) + 3


def through_a_file(arrays):
    """The arrays after an npz file that may hold no pickle."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    file.seek(0)
    with np.load(file, allow_pickle=False) as stored:
        return dict(stored)


def test_features_are_logarithms_or_the_norms_themselves():
    squared = np.array([[100.0, 0.0]], dtype=np.float32)
    assert norm_detectors.features(squared).tolist() == [[pytest.approx(2.0), -12.0]]
    assert norm_detectors.features(squared, log=False).tolist() == [[100.0, 0.0]]


def test_mahalanobis_is_the_formula_and_does_not_mind_units():
    detector = norm_detectors.fit(NORMAL)
    z = (NORMAL - NORMAL.mean(0)) / NORMAL.std(0)
    covariance, shrinkage = ledoit_wolf(z, assume_centered=True)
    expected = np.einsum("bi,ij,bj->b", z, np.linalg.inv(covariance), z)
    assert 0 < shrinkage < 1
    np.testing.assert_allclose(detector.score(NORMAL), expected, rtol=1e-6)
    scale = np.array([1.0, 1e3, 1e-3, 5.0, 0.2])
    np.testing.assert_allclose(norm_detectors.fit(NORMAL * scale).score(NORMAL * scale), expected, rtol=1e-6)


def test_z_max_is_the_largest_deviation_either_way():
    detector = norm_detectors.fit(NORMAL, "z-max")
    mean, deviation = NORMAL.mean(0), NORMAL.std(0)
    odd = np.stack([mean + deviation * [1, -4, 0, 0, 2], mean + deviation * [0, 0, 0, 3, 0], mean])
    np.testing.assert_allclose(detector.score(odd), [4.0, 3.0, 0.0], atol=1e-9)


def test_sum_is_the_papers_total():
    values = np.array([[1.0, 2.0, 3.0, 4.0, 5.0]])
    assert norm_detectors.fit(NORMAL, "sum").score(values).tolist() == [15.0]


def test_means_of_classes_see_what_a_common_mean_hides():
    predicted = np.arange(400) % 2
    apart = NORMAL + 40.0 * predicted[:, None]
    swapped = NORMAL + 40.0 * (1 - predicted[:, None])
    common, own = norm_detectors.fit(apart), norm_detectors.fit(apart, predicted=predicted, classes=3)
    assert auroc(common.score(apart), common.score(swapped)) == pytest.approx(0.5, abs=0.05)
    assert auroc(own.score(apart, predicted), own.score(swapped, predicted)) == 1.0
    np.testing.assert_allclose(own.mean[2], apart.mean(0))  # a class that no image is in
    with pytest.raises(InputError, match="classes predicted"):
        own.score(apart)


def test_a_value_that_never_changes_does_no_harm():
    constant = np.concatenate([NORMAL, np.full((400, 1), 7.0)], 1)
    for distance in norm_detectors.DISTANCES:
        assert np.isfinite(norm_detectors.fit(constant, distance).score(constant)).all()


@pytest.mark.parametrize("distance", norm_detectors.DISTANCES)
def test_a_profile_detector_comes_back_from_a_file(distance):
    detector = norm_detectors.fit(NORMAL, distance, predicted=np.arange(400) % 2, classes=2)
    again = norm_detectors.from_arrays(through_a_file(detector.arrays()))
    predicted = np.zeros(400, np.int64)
    np.testing.assert_array_equal(again.score(NORMAL, predicted), detector.score(NORMAL, predicted))


def test_what_is_no_detector_or_no_profile_is_refused():
    arrays = norm_detectors.fit(NORMAL).arrays()
    for damaged in ({}, arrays | {"distance": np.array("cosine")}, arrays | {"precision": np.eye(4)}):
        with pytest.raises(InputError):
            norm_detectors.from_arrays(damaged)
    with pytest.raises(InputError):
        norm_detectors.fit(NORMAL).score(NORMAL[:, :4])
    with pytest.raises(InputError):
        norm_detectors.fit(np.full((4, 2), np.nan))
    with pytest.raises(ConfigError):
        norm_detectors.fit(NORMAL, "cosine")


def ring(count, seed):
    """Points around the origin and points on a ring around them: no line, and no single value, tells them apart."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, count)
    far = np.stack([3 * np.cos(angle), 3 * np.sin(angle)], 1) + rng.normal(scale=0.2, size=(count, 2))
    return rng.normal(scale=0.5, size=(count, 2)), far


def fitted(seed=0):
    return perceptron.fit(*ring(200, 1), ring(100, 2), torch.Generator().manual_seed(seed))


@pytest.mark.slow
def test_the_perceptron_learns_what_no_line_tells_and_is_seeded():
    one, again, other = fitted(), fitted(), fitted(1)
    assert auroc(*(one.score(part) for part in ring(100, 3))) > 0.99
    np.testing.assert_array_equal(one.w1, again.w1)
    assert not np.array_equal(one.w1, other.w1)


def test_the_perceptron_is_two_layers_on_values_standardised_by_the_normals():
    normal, far = ring(50, 1)
    detector = perceptron.fit(normal, far, ring(50, 2), torch.Generator().manual_seed(0), perceptron.Training(epochs=1))
    np.testing.assert_allclose(detector.mean, normal.mean(0))
    np.testing.assert_allclose(detector.deviation, normal.std(0))
    layers = torch.nn.Sequential(torch.nn.Linear(2, 64), torch.nn.ReLU(), torch.nn.Linear(64, 1))
    for parameter, name in zip(layers.parameters(), ("w1", "b1", "w2", "b2"), strict=True):
        parameter.data = torch.from_numpy(getattr(detector, name))
    z = torch.from_numpy((far - normal.mean(0)) / normal.std(0)).float()
    np.testing.assert_allclose(detector.score(far), layers(z)[:, 0].detach().numpy(), rtol=1e-4, atol=1e-5)


def test_the_perceptron_keeps_its_best_epoch_and_stops():
    """Validation sides given the wrong way round get worse with training, so that the first epoch stays the best."""
    normal, far = ring(200, 1)
    wrong = ring(100, 2)[::-1]
    long = perceptron.fit(normal, far, wrong, torch.Generator().manual_seed(0))
    best = max(
        auroc(
            *(
                perceptron.fit(
                    normal, far, wrong, torch.Generator().manual_seed(0), perceptron.Training(epochs=epochs)
                ).score(part)
                for part in wrong
            )
        )
        for epochs in (1, 2, 5)
    )
    assert auroc(*(long.score(part) for part in wrong)) >= best


def test_a_perceptron_comes_back_from_a_file_and_damage_is_refused():
    detector = fitted()
    again = perceptron.from_arrays(through_a_file(detector.arrays()))
    np.testing.assert_array_equal(again.score(ring(20, 4)[1]), detector.score(ring(20, 4)[1]))
    for damaged in ({}, detector.arrays() | {"w2": np.zeros((1, 3))}):
        with pytest.raises(InputError):
            perceptron.from_arrays(damaged)
    with pytest.raises(InputError):
        detector.score(np.zeros((2, 3)))
    with pytest.raises(InputError):
        perceptron.fit(np.zeros((0, 2)), ring(5, 1)[1], ring(5, 2), torch.Generator())
    with pytest.raises(ConfigError):
        perceptron.Training(hidden=0)


@pytest.fixture(scope="module")
def model():
    net = PreActResNet(ResNetConfig(widths=(4, 8), blocks=(1, 1)), torch.Generator().manual_seed(0)).train()
    for seed in range(10):
        net(torch.rand(32, 3, 32, 32, generator=torch.Generator().manual_seed(seed)))
    card = Card("cifar10", "tiny", net.config, "", {}, 0, "", {}, "", 0)
    return assemble(card, net.eval().state_dict())


@pytest.fixture(scope="module")
def training():
    return torch.rand(80, 3, 32, 32, generator=torch.Generator().manual_seed(5)), torch.arange(80) % 10


def test_the_baselines_are_their_formulas(model, training):
    fitted_ones = baselines.fit(model, *training)
    x = training[0][:6] ** 2
    found = fitted_ones.score(model, x, chunk=4)
    assert list(found) == list(baselines.BASELINES)
    with torch.no_grad():
        h = model.plain.features(x).mean((2, 3))
        train = model.plain.features(training[0]).mean((2, 3))
        z = model.plain.head(h)
    np.testing.assert_allclose(found["msp"], -z.softmax(1).amax(1), rtol=1e-4)
    np.testing.assert_allclose(found["energy"], -z.logsumexp(1), rtol=1e-4)
    gradient = (z.softmax(1) - 0.1).abs().sum(1) * h.abs().sum(1)
    np.testing.assert_allclose(found["gradnorm"], -gradient, rtol=1e-3)

    start = x.clone().requires_grad_()
    certain = (model.plain(start) / 1000).log_softmax(1).amax(1)
    (slope,) = torch.autograd.grad(-certain.sum(), start)
    with torch.no_grad():
        stepped = (model.plain(x - 0.0014 * slope.sign()) / 1000).softmax(1).amax(1)
    np.testing.assert_allclose(found["odin"], -stepped, rtol=1e-5)

    means = torch.stack([train[training[1] == label].mean(0) for label in range(10)])
    residual = (train - means[training[1]]).double()
    precision = (residual.T @ residual + 1e-6 * torch.eye(8)).inverse()
    offset = (h[:, None] - means).double()
    nearest = 0.5 * torch.einsum("bki,ij,bkj->bk", offset, precision, offset).amin(1)
    np.testing.assert_allclose(found["mahalanobis"], nearest, rtol=1e-2)

    origin = -(torch.linalg.pinv(model.plain.head.weight) @ model.plain.head.bias)
    _, vectors = torch.linalg.eigh((train - origin).T @ (train - origin))
    outside = vectors[:, :4]
    with torch.no_grad():
        alpha = model.plain.head(train).amax(1).mean() / ((train - origin) @ outside).norm(dim=1).mean()
    virtual = alpha * ((h - origin) @ outside).norm(dim=1) - z.logsumexp(1)
    np.testing.assert_allclose(found["vim"], virtual, rtol=1e-2, atol=1e-2)


def test_baselines_leave_the_network_alone_and_come_back_from_a_file(model, training):
    before = {name: value.clone() for name, value in model.fast.state_dict().items()}
    fitted_ones = baselines.fit(model, *training)
    again = baselines.from_arrays(through_a_file(fitted_ones.arrays()))
    x = training[0][:3].clone()
    for name, scores in fitted_ones.score(model, x).items():
        np.testing.assert_array_equal(scores, again.score(model, x)[name])
    assert torch.equal(x, training[0][:3]) and not x.requires_grad
    assert all(torch.equal(value, before[name]) for name, value in model.fast.state_dict().items())
    assert all(p.grad is None and not p.requires_grad for p in model.fast.parameters())


def test_baselines_refuse_what_does_not_fit(model, training):
    fitted_ones = baselines.fit(model, *training)
    with pytest.raises(InputError, match="every class"):
        baselines.fit(model, training[0], training[1] % 9)
    with pytest.raises(InputError, match="at least one"):
        fitted_ones.score(model, training[0][:0])
    for damaged in ({}, fitted_ones.arrays() | {"precision": np.eye(3)}):
        with pytest.raises(InputError):
            baselines.from_arrays(damaged)
    narrow = baselines.Baselines(np.zeros((10, 3), np.float32), np.eye(3, dtype=np.float32), np.eye(3, 2), 1.0)
    with pytest.raises(InputError, match="features"):
        narrow.score(model, training[0][:1])


def test_the_plain_sum_says_that_its_direction_is_assumed():
    """Larger is not odder by theory, and mostly not by the report: of other objects most networks give smaller sums."""
    rows = read_report(report_path("cifar10", "anomaly")).rows
    of_others = [row["auroc"] for row in rows if (row.get("detector"), row.get("against")) == ("sum", "mean-semantic")]
    assert len(of_others) > 3 and max(of_others) < 0.5
    assert "That larger is odd is an assumption" in DETECTORS["sum"].title
