"""The report saliency: its figures follow from its arrays, it goes on where it stopped, and names what it lacks."""

import json

import numpy as np
import pytest
import torch

from core.attacks.pgd import Pgd
from core.data.datasets import LabelledImages
from core.data.tasks import FASHION_MNIST, PASTED
from core.errors import ConfigError
from core.metrics.map_agreement import cosine
from core.models import zoo
from core.models.resnet import PreActResNet, ResNetConfig
from core.models.zoo import load_zoo_model
from core.reports.catalogue import command_of
from core.reports.form.measuring import Request
from core.reports.form.report import Report, report_path, write_report
from core.reports.saliency.agreement import between, within
from core.reports.saliency.measurements import SaliencySettings, slightly_attacked
from core.reports.saliency.report import SaliencyReport, saliency_report
from core.reports.saliency.rows import relation, robustness
from core.saliency.catalogue import attribute
from core.saliency.gradient import gradient
from core.saliency.measures.catalogue import run_measure
from core.saliency.measures.measure import Case
from core.saliency.method import AttributionRequest
from tests.helpers.rows import figures

pytestmark = pytest.mark.usefixtures("few_resamples")

METHODS = ("gradient", "grad-cam", "occlusion")
MEASURES = ("alignment", "linearised-robustness", "deletion", "stability-attack", "pointing-game", "mass-inside")
SMALL = SaliencySettings(12, 3, 2, 14, METHODS, MEASURES)


def pictures(task, count=20, maps=False):
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (count, *task.shape), generator=generator, dtype=torch.uint8)
    inside = torch.full((count, 1, *task.shape[1:]), -1, dtype=torch.int8)
    inside[:, :, 4:12, 4:12] = 1
    return LabelledImages(pixels, torch.arange(count) % 10, f"{task.key} test", inside if maps else None)


@pytest.fixture
def models(zoo_folder):
    return [load_zoo_model("fashion-mnist", key, zoo_folder) for key in ("standard", "pgd-linf")]


@pytest.mark.slow
def test_figures_are_medians_of_the_arrays_on_as_many_images_as_asked(models, tmp_path):
    made = saliency_report(Request(models, pictures(FASHION_MNIST), SMALL, tmp_path))
    rows = {(row["model"], row["method"], row["measure"]): row for row in made.report.rows}
    for key, method, count in (("standard", "gradient", 12), ("pgd-linf", "occlusion", 3)):
        row, values = rows[key, method, "deletion"], made.arrays[f"deletion__{key}__{method}"]
        assert row["value"] == pytest.approx(float(np.median(values))) and row["value_n"] == count
        assert row["value_low"] <= row["value"] <= row["value_high"] and row["better"] == "lower"
    last = pictures(FASHION_MNIST).images(10, 12)  # the second batch has its own maps
    ask = AttributionRequest(models[0].fast, last, models[0].fast(last).argmax(1), torch.Generator())
    expected = run_measure("deletion", Case("gradient", ask, attribute("gradient", ask)))
    assert made.arrays["deletion__standard__gradient"][10:] == pytest.approx(expected, rel=1e-4)
    alignment = made.arrays["alignment__standard"]
    assert len(alignment) == 14 and rows["standard", "", "alignment"]["value_n"] == 14
    x = pictures(FASHION_MNIST).images(0, 14)
    slopes = gradient(models[0].fast, x, torch.full((14,), -1))[0]
    expected = (x * slopes).flatten(1).sum(1).abs() / slopes.flatten(1).norm(dim=1)
    assert alignment == pytest.approx(expected.numpy(), rel=1e-4)
    assert not any(row["measure"] in ("pointing-game", "area") for row in made.report.rows)


@pytest.mark.slow
def test_where_the_object_is_known_hits_are_counted_and_the_area_stands_beside(tmp_path):
    config = ResNetConfig(10, widths=(4, 8), blocks=(1, 1))
    card = zoo.Card("pasted", "standard", config, "recipe", {}, 0, "command", {}, sha256="", parameters=0)
    zoo.save(PreActResNet(config, torch.Generator().manual_seed(0)), card, tmp_path)
    model = load_zoo_model("pasted", "standard", tmp_path)
    made = saliency_report(Request([model], pictures(PASTED, maps=True), SMALL, tmp_path / "scratch"))
    rows = {(row["method"], row["measure"]): row for row in made.report.rows}
    assert rows["", "area"]["value"] == pytest.approx(64 / 1024)
    hits = made.arrays["pointing-game__standard__gradient"]
    assert rows["gradient", "pointing-game"]["value"] == pytest.approx(float(hits.mean()))
    mass = rows["gradient", "mass-inside"]["value"]
    assert mass == pytest.approx(float(made.arrays["mass-inside__standard__gradient"].mean())) and 0 < mass < 0.5


@pytest.mark.slow
def test_a_run_goes_on_from_its_parts_and_keeps_what_the_file_holds(models, tmp_path):
    data, path = pictures(FASHION_MNIST), tmp_path / "saliency.json"
    first = saliency_report(Request(models[:1], data, SMALL, tmp_path / "scratch", path))
    seen = []
    both = saliency_report(
        Request(models, data, SMALL, tmp_path / "scratch", path, lambda what, done, of: seen.append(what))
    )
    assert seen and not any(what.startswith("standard") for what in seen)
    for name, array in first.arrays.items():
        assert np.array_equal(array, both.arrays[name], equal_nan=True)
    parts = list((tmp_path / "scratch").rglob("*.npz"))
    path.unlink()
    again = saliency_report(Request(models, data, SMALL, tmp_path / "scratch", path))
    assert (
        figures(again.report.rows) == figures(both.report.rows) and list((tmp_path / "scratch").rglob("*.npz")) == parts
    )


@pytest.mark.slow
def test_the_relation_needs_several_networks_and_finds_a_perfect_order(models, tmp_path):
    made = saliency_report(Request(models, pictures(FASHION_MNIST), SMALL, tmp_path), reports=tmp_path)
    found = [row for row in made.report.rows if row["method"] == "zoo"]
    assert [row["measure"] for row in found] == ["relation-alignment", "relation-linearised-robustness"]
    assert all(row["value"] is None and row["value_n"] == 2 and row["against"] == "pgd" for row in found)
    medians = {str(k): float(k) for k in range(5)} | {"none": None}
    row = relation("alignment", medians, "ara", {str(k): 0.01 * k**2 for k in range(5)} | {"none": 1.0})
    assert row["value"] == pytest.approx(1.0) and row["value_n"] == 5 and row["value_low"] <= 1.0
    row = relation("alignment", medians, "ara", {str(k): -k for k in range(4)})
    assert row["value"] == pytest.approx(-1.0) and row["value_n"] == 4


def test_robustness_is_read_from_the_other_reports_for_the_same_weights_only(tmp_path):
    arrays = {"pgd__a": np.array([True, False]), "pgd__b": np.array([True, True])}
    weights = {"a": "1", "b": "2"}
    assert robustness("cifar10", weights, arrays, tmp_path) == {"pgd": {"a": 0.5, "b": 1.0}}
    rows = [{"model": "a", "sha256": "1", "ara": 0.25}, {"model": "b", "sha256": "other", "ara": 9.0}]
    weights["c"], arrays["pgd__c"] = "3", np.array([False])
    rows.append({"model": "c", "sha256": "3", "ara": None})  # nothing was found on too many images
    write_report(Report("cifar10", "adversarial", {}, {}, tuple(rows)), report_path("cifar10", "adversarial", tmp_path))
    rows = [{"model": "b", "sha256": "2", "norm": norm, "robust": 0.125} for norm in ("linf", "l2")]
    write_report(Report("cifar10", "accuracy", {}, {}, tuple(rows)), report_path("cifar10", "accuracy", tmp_path))
    found = robustness("cifar10", weights, arrays, tmp_path)
    assert found["ara"] == {"a": 0.25} and found["robust-linf"] == found["robust-l2"] == {"b": 0.125}


def test_agreement_is_the_mean_over_the_images_that_both_methods_have():
    rng = np.random.default_rng(0)
    some, others = (rng.normal(size=(4, 8, 8)).astype(np.float32) for _ in range(2))
    gap = some * (np.arange(4) > 0)[:, None, None].astype(np.float32)
    maps = {"one": some, "minus": -some[:2], "blank": 0 * some, "gap": gap}
    found = within(maps, ("one", "minus", "blank", "gap"))
    assert found["cosine"][3, :2] == pytest.approx([1, -1])
    assert found["cosine"][:2, :2] == pytest.approx(np.array([[1, -1], [-1, 1]]))
    assert found["spearman"][0, 1] == pytest.approx(-1.0) and found["top-overlap"][0, 1] == 1.0
    assert np.isnan(found["cosine"][2]).all() and np.isnan(found["spearman"][:, 2]).all()
    two = between(maps, {"one": others, "minus": others, "blank": some}, ("one", "minus"))
    each = [cosine(one, other) for one, other in zip(some, others, strict=True)]
    assert two["cosine"] == pytest.approx([np.mean(each), -np.mean(each[:2])])


@pytest.mark.slow
def test_the_report_has_the_agreement_of_methods_and_of_networks_in_the_order_of_its_rows(models, tmp_path):
    data, path = pictures(FASHION_MNIST), tmp_path / "saliency.json"
    few = SaliencySettings(3, 2, 2, 4, METHODS, ("sparsity",))
    alone = saliency_report(Request(models[:1], data, few, tmp_path / "scratch", path))
    assert not any(name.startswith("between") for name in alone.arrays)
    made = saliency_report(Request(models[::-1], data, few, tmp_path / "scratch", path))
    asks = [
        AttributionRequest(m.fast, data.images(0, 3), m.fast(data.images(0, 3)).argmax(1), torch.Generator())
        for m in models
    ]
    first, second = (attribute("gradient", ask).sum(1).numpy() for ask in asks)
    expected = np.mean([cosine(one, other) for one, other in zip(first, second, strict=True)])
    found = made.arrays["between-cosine__standard__pgd-linf"]
    assert found.shape == (3,) and found[0] == pytest.approx(expected, abs=1e-5)
    place = attribute("grad-cam", asks[0])[:, 0].numpy()
    expected = np.mean([cosine(one, other) for one, other in zip(first, place, strict=True)])
    matrix = made.arrays["within-cosine__standard"]
    assert matrix[0, 1] == matrix[1, 0] == pytest.approx(expected, abs=1e-5)
    assert np.array_equal(matrix, alone.arrays["within-cosine__standard"])


@pytest.mark.slow
def test_max_sensitivity_is_measured_on_fewer_images_than_the_rest(models, tmp_path):
    few = SaliencySettings(12, 3, 2, 1, METHODS[:2], ("max-sensitivity", "sparsity"))
    made = saliency_report(Request(models[:1], pictures(FASHION_MNIST), few, tmp_path))
    assert len(made.arrays["max-sensitivity__standard__gradient"]) == 2
    assert len(made.arrays["sparsity__standard__gradient"]) == 12


@pytest.mark.slow
def test_a_network_that_saturates_is_not_called_robust(zoo_folder, tmp_path):
    """Logits a million times as large give the same answers, and cross-entropy alone has no gradient left."""
    model = load_zoo_model("fashion-mnist", "standard", zoo_folder)
    with torch.no_grad():
        model.fast.head.weight.mul_(1e6)
        model.fast.head.bias.mul_(1e6)
    data = pictures(FASHION_MNIST)
    answers = LabelledImages(data.pixels, model.fast(data.images()).argmax(1), data.origin)
    made = saliency_report(Request([model], answers, SaliencySettings(1, 1, 1, 20, ()), tmp_path))
    standing = made.arrays["pgd__standard"]
    alone = Pgd(FASHION_MNIST.radii["l2"], "l2", 10)(
        model.fast, answers.images(), answers.labels, torch.Generator().manual_seed(0)
    )
    fooled = (model.fast(alone).argmax(1) != answers.labels).float().mean()
    assert 1 - standing.mean() > float(fooled)
    x = answers.images()
    moved = (slightly_attacked(model, x) - x).abs().flatten(1).amax(1)
    assert moved.numpy() == pytest.approx(0.25 * FASHION_MNIST.radii["linf"], abs=1e-6)
    plain = Pgd(0.25 * FASHION_MNIST.radii["linf"], "linf", 10, random_start=False)(model.fast, x, answers.labels)
    assert bool((plain == x).flatten(1).all(1).any())


@pytest.mark.slow
def test_the_command_writes_a_report_that_reads_back(models, tmp_path):
    command = command_of("saliency")
    assert command.settings(None, 0) == SaliencySettings()
    path = tmp_path / "fashion-mnist" / "saliency.json"
    settings = SaliencySettings(2, 2, 2, 2, ("gradient",), ("alignment", "sparsity"))
    answer = command.run(
        Request(models, pictures(FASHION_MNIST), settings, tmp_path / "s", path, lambda what, done, of: None)
    )
    found = SaliencyReport.read(report_path("fashion-mnist", "saliency", tmp_path))
    assert json.loads(found.report.to_json())["rows"] == json.loads(answer.report.to_json())["rows"]
    assert any("sparsity" in line and "n = 2" in line for line in answer.lines)


def test_impossible_settings_are_refused():
    for wrong in ({"images": 0}, {"methods": ("x-ray",)}, {"measures": ("beauty",)}):
        with pytest.raises(ConfigError):
            SaliencySettings(**wrong)
