"""The report `generator`: exact figures on generators and classifiers whose answers are known."""

import numpy as np
import pytest
import torch

from core.data.datasets import load
from core.data.tasks import CIFAR10, FASHION_MNIST
from core.errors import ConfigError, InputError
from core.latent.autoencoder import AutoencoderCard
from core.latent.network import AutoencoderConfig
from core.metrics.samples import kernel_distance
from core.models import zoo
from core.reports.form.measuring import Request
from core.reports.form.report import read_report
from core.reports.generator.report import GeneratorSettings, generator_report, ssim

pytestmark = pytest.mark.usefixtures("few_resamples")

RECIPE = {"features": 1.0, "critic": 0.0, "agreement": 0.0, "classifier": "pgd-linf"}


class Shelf:
    """A generator that rebuilds a picture at half its brightness and makes a class's grey level, a little brighter."""

    latent = 4
    task = FASHION_MNIST

    def __init__(self, task="fashion-mnist", recipe=RECIPE):
        config = AutoencoderConfig(10, (1, 28, 28), 4)
        self.card = AutoencoderCard(task, config, "recipe", {"recipe": recipe}, 0, "command", {}, sha256="abc")

    def sample(self, count, generator):
        return torch.randn(count, self.latent, generator=generator)

    def encode(self, x, labels):
        return x.mean((1, 2, 3))[:, None].expand(-1, 4)

    def decode(self, z, labels):
        flat = (labels + 0.5) / 10 if bool((z.std(1) > 0).all()) else 0.5 * z[:, 0]
        return flat[:, None, None, None].expand(-1, 1, 28, 28).clamp(0, 1)


@pytest.fixture
def models(zoo_folder):
    return [zoo.load_zoo_model("fashion-mnist", key, zoo_folder) for key in ("standard", "pgd-linf")]


@pytest.fixture
def report(models, fashion_root, tmp_path):
    data, others = load(FASHION_MNIST, "test"), load(FASHION_MNIST, "calibration")
    return generator_report(
        Request(models, data, GeneratorSettings(), path=tmp_path / "generator.json"), Shelf(), others
    )


def value(report, metric, model="", of=None):
    (row,) = [
        row
        for row in report.rows
        if row["metric"] == metric and row["model"] == model and of in (None, row["of"]) and row["class"] == ""
    ]
    return row


def test_what_needs_no_classifier(report, fashion_root):
    x = load(FASHION_MNIST, "test").images()
    level = x.mean((1, 2, 3))
    exact = (0.5 * level[:, None, None, None] - x).square().mean()
    row = value(report, "mse")
    assert row["value"] == pytest.approx(float(exact), rel=1e-5)
    assert row["value_low"] < row["value"] < row["value_high"] and row["value_n"] == 60
    assert value(report, "code_norm")["value"] == pytest.approx(float(level.mean()), rel=1e-5)
    flat = [row for row in report.rows if row["metric"] == "variance_ratio"]
    assert {row["class"] for row in flat} == set(FASHION_MNIST.class_names)
    assert all(row["value"] < 1e-6 for row in flat)  # each class has one grey level: a collapse is seen


def test_accuracies_are_the_classifiers_own(report, models):
    data = load(FASHION_MNIST, "test")
    made = ((data.labels + 0.5) / 10)[:, None, None, None].expand(-1, 1, 28, 28)
    for model in models:
        for metric, x in (("accuracy", data.images()), ("LGA", made)):
            exact = float((model.fast(x).argmax(1) == data.labels).float().mean())
            row = value(report, metric, model.card.key)
            assert row["value"] == pytest.approx(exact) and row["value_low"] <= exact <= row["value_high"]
        assert value(report, "LRA", model.card.key)["of"] == "reconstructions"
        assert value(report, "distance", model.card.key)["value"] > 0


def test_sets_are_compared_in_the_features_of_the_linear_layer(report, models):
    data, others = load(FASHION_MNIST, "test"), load(FASHION_MNIST, "calibration").first(60)
    with torch.no_grad():
        real, held = (models[0].fast.features(x).mean((2, 3)).numpy() for x in (data.images(), others.images()))
    row = value(report, "kid", "standard", "other images")
    assert row["value"] == pytest.approx(kernel_distance(real, held), abs=1e-9) and row["value_n"] == 60
    near, far = (value(report, "recall", "standard", of)["value"] for of in ("other images", "samples"))
    assert near > 0.5 and far == 0  # ten grey levels do not make pictures with noise


def test_it_says_whose_eyes_the_generator_was_trained_with(report, models, fashion_root):
    assert {row["model"] for row in report.rows if row["trained_with"]} == {"pgd-linf"}
    data = load(FASHION_MNIST, "test").first(10)
    plain = generator_report(
        Request(models[:1], data, GeneratorSettings(images=10)), Shelf(recipe=RECIPE | {"features": 0.0}), data
    )
    assert not any(row["trained_with"] for row in plain.rows)


def test_the_report_is_kept_with_its_provenance(report, tmp_path):
    kept = read_report(tmp_path / "generator.json")
    assert kept.rows == report.rows and kept.settings["generator"] == "abc" and kept.settings["images"] == 60
    assert "folder" not in kept.settings


def test_ssim_is_one_for_the_same_picture_alone():
    x = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0)).numpy()
    assert ssim(x, x) == pytest.approx(1)
    assert ssim(x, x[:, ::-1].copy()) < 0.5
    assert ssim(np.full((1, 16, 16), 0.5, np.float32), np.full((1, 16, 16), 0.25, np.float32)) == pytest.approx(
        (2 * 0.125 + 1e-4) / (0.3125 + 1e-4), rel=1e-3
    )  # of constants, its luminance term alone


def test_what_does_not_belong_together_is_refused(models, fashion_root):
    data = load(FASHION_MNIST, "test")
    with pytest.raises(InputError, match="cifar10"):
        generator_report(Request(models, data, GeneratorSettings()), Shelf(task=CIFAR10.key), data)
    with pytest.raises(ConfigError, match="images"):
        GeneratorSettings(images=3)
