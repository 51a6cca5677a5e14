"""The robustness report: exact where an answer is known, flags on the masked network alone, resumes part by part."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from core.attacks import apgd
from core.data.datasets import LabelledImages, load
from core.data.tasks import FASHION_MNIST
from core.errors import ConfigError, InputError
from core.models.zoo import Card, ZooModel, load_zoo_model
from core.norms import NORMS
from core.npz import write_npz
from core.reports.claims.robustness import BREAKS, LOOKS, VANISHES, orderings
from core.reports.form.measuring import Request
from core.reports.form.report import Report, report_path, write_report
from core.reports.robustness.measurements import (
    RobustnessSettings,
    Unit,
    curve,
    examples,
    far_epsilon,
    gradients,
    grid,
    quick_attacks,
)
from core.reports.robustness.report import NAME, Robustness, robustness_report
from core.training.cost import CostSettings
from tests.helpers.rows import figures

SETTINGS = RobustnessSettings(
    images=20,
    floor_images=30,
    shared_images=20,
    clean_images=40,
    steps=4,
    apgd_iterations=4,
    apgd_targets=3,
    apgd_precision="fp32",
    cost_steps=1,
    cost_rounds=1,
)
SMALL = dataclasses.replace(FASHION_MNIST, radii={"linf": 0.02, "l2": 0.4})


class Brightness(nn.Module):
    """The class whose brightness (one 25/255 apart) is nearest: logits linear in the mean; `scale` sharpens them."""

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = scale
        self.centres = (torch.arange(10) * 25 + 9.5) / 255

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean = x.flatten(1).mean(1, keepdim=True)
        return self.scale * 100 * (2 * self.centres * mean - self.centres**2)


class Threshold(nn.Module):
    """Class 0 or 1 as `w x` lies below or above a threshold; no other class is ever near."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.randn(784, generator=torch.Generator().manual_seed(0)) / 20  # no probability saturates

    def margin(self, x: torch.Tensor) -> torch.Tensor:
        return (x.flatten(1) - 0.5) @ self.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        margin = self.margin(x)
        return torch.stack([torch.zeros_like(margin), margin, *[torch.full_like(margin, -1e3)] * 8], 1)


def unit(model: nn.Module, x: torch.Tensor, labels: torch.Tensor, **changes: object) -> Unit:
    return Unit(model, SMALL, x, labels, dataclasses.replace(SETTINGS, **changes), seed=3)


@pytest.fixture
def spread():
    """Images at all distances from the threshold's boundary, a few labelled wrongly; away from 0 and 1."""
    generator = torch.Generator().manual_seed(2)
    model = Threshold()
    x = 0.5 + 0.1 * torch.randn(60, 1, 28, 28, generator=generator).clamp(-2, 2)
    x = x + torch.linspace(0, 0.03, 60)[:, None, None, None] * model.weight.sign().view(1, 1, 28, 28)
    labels = (model.margin(x) > 0).long()
    labels[::15] = 1 - labels[::15]
    return model, x, labels


@pytest.mark.slow
def test_the_curve_is_the_exact_answer_on_a_linear_network(spread):
    """A margin m falls within radius |m| / |w| (dual norm); the nested runs find that, and so do separate ones."""
    model, x, labels = spread
    found = curve(unit(model, x, labels, steps=20))
    wrong = model(x).argmax(1) != labels
    for norm, dual in (("linf", model.weight.abs().sum()), ("l2", model.weight.norm())):
        radii = torch.tensor(grid(SMALL, norm))
        distance = (model.margin(x).abs() / dual)[:, None]
        expected = torch.tensor([*radii.tolist(), torch.inf])[(distance >= radii).sum(1)]
        expected[wrong] = 0
        assert len(expected.unique()) >= 5  # wrong, at most radii, and never
        np.testing.assert_array_equal(found[f"smallest_{norm}"], expected.numpy())
        for epsilon in radii.tolist():
            attack = dataclasses.replace(SETTINGS, steps=20).pgd(norm, epsilon, restarts=2)
            x_adv = attack(model, x, labels, torch.Generator().manual_seed(0))
            standing = ((model(x_adv).argmax(1) == labels) & ~wrong).numpy()
            np.testing.assert_array_equal(found[f"smallest_{norm}"] > np.float32(epsilon), standing)


def test_gradients_are_those_of_softmax_regression(spread):
    """The input gradient of cross-entropy is `(p_1 - y_1) w`: of norm (1 - p_y) |w|, and p_0 |w| for label 0's next."""
    model, x, labels = spread
    found = gradients(unit(model, x, labels))
    probability = model(x).softmax(1)
    own = probability.gather(1, labels[:, None])[:, 0]
    np.testing.assert_allclose(found["log_probability"], own.log(), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found["gradient_norm"], (1 - own) * model.weight.norm(), rtol=1e-3, atol=1e-5)
    zeros = labels == 0
    other = found["gradient_norm_other"][zeros]
    np.testing.assert_allclose(other, (own * model.weight.norm())[zeros], rtol=1e-3)


def test_one_step_is_exact_on_a_linear_network_and_far_leaves_nothing(spread):
    model, x, labels = spread
    found = quick_attacks(unit(model, x, labels))
    right = model(x).argmax(1) == labels
    for norm, dual in (("linf", model.weight.abs().sum()), ("l2", model.weight.norm())):
        exact = right & (model.margin(x).abs() > SMALL.radii[norm] * dual)
        np.testing.assert_array_equal(found[f"standing_single_step_{norm}"], exact.numpy())
        assert not found[f"standing_far_{norm}"].any()


def test_within_the_far_radius_every_image_can_be_grey():
    worst = torch.zeros(1, *SMALL.shape)
    assert far_epsilon(SMALL, "linf") == float((worst - 0.5).abs().max())
    assert far_epsilon(SMALL, "l2") == pytest.approx(float((worst - 0.5).norm()))


def test_images_passed_on_go_all_the_way(spread):
    """On a linear network the worst point is a corner; images that stopped at the boundary would lie inside."""
    model, x, labels = spread
    made = examples(unit(model, x, labels))
    np.testing.assert_allclose(np.abs(made["linf"] - x.numpy()).min(), 0.02, rtol=1e-4)
    np.testing.assert_allclose(np.linalg.norm((made["l2"] - x.numpy()).reshape(60, -1), axis=1), 0.4, rtol=1e-3)


def zoo_model(key: str, network: nn.Module, sha256: str = "0" * 64) -> ZooModel:
    card = Card("fashion-mnist", key, None, "recipe", {}, 0, "command", {}, sha256=sha256, parameters=0)
    return ZooModel(card, network, network)


@pytest.fixture
def data(fashion_root):
    return load(FASHION_MNIST, "test")


@pytest.fixture
def pair():
    """An honest network, and one that answers alike from logits so large that probabilities are exactly 0 and 1."""
    pytest.importorskip("pyautoattack")
    return [zoo_model("standard", Brightness()), zoo_model("distilled", Brightness(scale=1e4))]


@pytest.mark.slow
def test_flags_go_up_on_the_masked_network_alone(pair, data, tmp_path):
    robustness = robustness_report(
        Request(pair, data, dataclasses.replace(SETTINGS, steps=20, apgd_iterations=20), tmp_path)
    )
    for row in robustness.report.rows:
        flags = set(row["masking"].split(",")) - {""}
        if row["model"] == "standard":
            assert flags == set() and row["zero_gradient"] == 0
        else:
            assert {"zero-gradient", "transfer"} <= flags and row["zero_gradient"] > 0.9
            assert row["transfer_source"] == "standard" and row["transfer"] < row["pgd"]
            assert row["apgd"] < row["pgd"]  # the targeted loss does not care about the scale
    claims = {(row["claim"], row["measure"].split(",")[0]): row for row in orderings(robustness).rows}
    assert claims[VANISHES, "images with a numerically zero input gradient"]["holds"] == "yes"
    assert claims[LOOKS, "accuracy under a single step"]["difference"] > 0.5
    assert claims[BREAKS, "wrong under PGD"]["difference"] < claims[BREAKS, "wrong under APGD"]["difference"]


@pytest.mark.slow
def test_rows_say_what_the_arrays_say(pair, data, tmp_path):
    robustness = robustness_report(Request(pair, data, SETTINGS, tmp_path))
    arrays = robustness.arrays
    assert [(row["model"], row["norm"]) for row in robustness.report.rows] == [
        (key, norm) for key in ("standard", "distilled") for norm in NORMS
    ]
    for row in robustness.report.rows:
        key, norm = row["model"], row["norm"]
        other = {"standard": "distilled", "distilled": "standard"}[key]
        smallest = arrays[f"smallest_{norm}__{key}"]
        assert smallest.dtype == np.float32 and set(smallest) <= {0.0, *arrays[f"grid_{norm}"], np.inf}
        assert row["pgd"] == np.mean(smallest > np.float32(row["epsilon"]))
        assert row["pgd_double"] == np.mean(smallest > arrays[f"grid_{norm}"][-1])
        assert row["apgd"] == arrays[f"standing_apgd_{norm}__{key}"].mean()
        assert row["transfer"] == arrays[f"transfer_{norm}__{other}__{key}"].mean()
        n = 30 if key == "standard" else 20  # a network with a floor is measured on more
        assert (row["clean_n"], row["pgd_n"], row["apgd_n"], row["transfer_n"]) == (40, n, n, 20)
        assert row["pgd_low"] <= row["pgd"] <= row["pgd_high"] and row["cost"] is None
        for name in ("log_probability", "gradient_norm", "gradient_norm_other"):
            assert arrays[f"{name}__{key}"].shape == (n,) and arrays[f"{name}__{key}"].dtype == np.float32


class StopError(Exception):
    """Stands for a kill."""


def recorder(said: list[str], stop_at: str = "never"):
    """A callback that remembers what was measured, and ends the run after the part `stop_at`."""

    def on_progress(what: str, done: int, of: int) -> None:
        said.append(what)
        if what == stop_at:
            raise StopError

    return on_progress


def measured(monkeypatch, run) -> list[str]:
    """The parts that `run` measures, scratch files left out: model and part."""
    from core.reports.form import parts_cache

    parts: list[str] = []
    original = parts_cache.write_npz
    monkeypatch.setattr(
        parts_cache, "write_npz", lambda arrays, path: (parts.append(path.stem), original(arrays, path))
    )
    run()
    monkeypatch.undo()
    return [part.rsplit("-", 1)[0] for part in parts]


@pytest.mark.slow
def test_a_killed_run_goes_on_with_the_part_it_was_in(pair, data, tmp_path, monkeypatch, fashion_root):
    path = tmp_path / "robustness.json"
    with pytest.raises(StopError):
        robustness_report(Request(pair, data, SETTINGS, tmp_path, path, recorder([], "distilled gradients")))
    assert {row["model"] for row in read_report_rows(path)} == {"standard"}
    rest = measured(monkeypatch, lambda: robustness_report(Request(pair, data, SETTINGS, tmp_path, path)))
    assert rest == [
        "distilled-quick-0-20",
        "distilled-apgd-linf-0-20",
        "distilled-apgd-l2-0-20",
        "standard-examples-0-20",
        "distilled-examples-0-20",
    ]
    whole = robustness_report(Request(pair, data, SETTINGS, tmp_path / "other"))
    assert figures(whole.report.rows) == figures(read_report_rows(path))


def read_report_rows(path):
    from core.reports.form.report import read_report

    return read_report(path).rows


@pytest.mark.slow
def test_only_a_network_with_changed_weights_is_measured_again(pair, data, tmp_path, monkeypatch):
    """Without scratch files, as in a fresh clone: the shipped report itself is what is gone on from."""
    path = tmp_path / "robustness.json"
    first = robustness_report(Request(pair, data, SETTINGS, tmp_path / "a", path))
    said: list[str] = []
    robustness_report(Request(pair, data, SETTINGS, tmp_path / "b", path, recorder(said)))
    assert said == []
    other = zoo_model("distilled", Brightness(scale=2.0), sha256="1" * 64)
    again = robustness_report(Request([pair[0], other], data, SETTINGS, tmp_path / "b", path, recorder(said)))
    assert {what for what in said if what.startswith("standard")} == {"standard examples", "standard passed on"}
    assert again.report.rows[0]["pgd"] == first.report.rows[0]["pgd"]
    assert again.report.rows[2]["sha256"] == "1" * 64 and again.report.rows[2]["zero_gradient"] == 0
    assert again.report.provenance["seconds"] >= first.report.provenance["seconds"]


@pytest.mark.slow
def test_networks_may_be_measured_by_several_runs(pair, data, tmp_path):
    path = tmp_path / "robustness.json"
    robustness_report(Request(pair[1:], data, SETTINGS, tmp_path, path))
    assert read_report_rows(path)[0]["transfer"] is None and read_report_rows(path)[0]["transfer_source"] == ""
    both = robustness_report(Request(pair[:1], data, SETTINGS, tmp_path, path))
    assert [row["model"] for row in both.report.rows] == ["standard"] * 2 + ["distilled"] * 2
    whole = robustness_report(Request(pair, data, SETTINGS, tmp_path, path))
    assert all(row["transfer"] is not None for row in whole.report.rows)


@pytest.mark.slow
def test_other_settings_or_images_are_another_report(pair, data, tmp_path):
    path = tmp_path / "robustness.json"
    robustness_report(Request(pair[:1], data, SETTINGS, tmp_path, path))
    said: list[str] = []
    robustness_report(Request(pair[:1], data, dataclasses.replace(SETTINGS, seed=1), tmp_path, path, recorder(said)))
    assert "standard curve" in said
    said.clear()
    own = LabelledImages(data.pixels, data.labels, "a folder")
    robustness_report(Request(pair[:1], own, dataclasses.replace(SETTINGS, seed=1), tmp_path, path, recorder(said)))
    assert "standard curve" in said


@pytest.mark.slow
def test_a_shipped_recipe_has_a_cost(zoo_folder, data, tmp_path, monkeypatch):
    """The recipe and the network of the card must be those of the plan, or it is somebody else's network."""
    pytest.importorskip("pyautoattack")
    from core.reports.robustness import report as module

    model = load_zoo_model("fashion-mnist", "pgd-linf", zoo_folder)
    plan = module.SHIPPED["fashion-mnist", "pgd-linf"]
    plan = dataclasses.replace(plan, network=model.card.network, batch_size=8)
    monkeypatch.setattr(module, "SHIPPED", {("fashion-mnist", "pgd-linf"): plan})
    assert robustness_report(Request([model], data, SETTINGS, tmp_path)).report.rows[0]["cost"] is None
    asked = []
    monkeypatch.setattr(module, "relative_cost", lambda plan, settings: asked.append((plan, settings)) or 2.5)
    card = dataclasses.replace(model.card, recipe=plan.recipe.describe())
    row = robustness_report(Request([dataclasses.replace(model, card=card)], data, SETTINGS, tmp_path)).report.rows[0]
    assert row["cost"] == 2.5 and asked == [(plan, CostSettings(SETTINGS.cost_steps, SETTINGS.cost_rounds))]


def test_a_missing_library_is_said_before_anything_is_measured(data, tmp_path, monkeypatch):
    monkeypatch.setattr(apgd.importlib, "import_module", lambda name: (_ for _ in ()).throw(ImportError(name)))
    said: list[str] = []
    models = [zoo_model("standard", Brightness())]
    with pytest.raises(InputError, match="pip install"):
        robustness_report(Request(models, data, SETTINGS, tmp_path, None, recorder(said)))
    assert not said and not list(tmp_path.iterdir())


def test_impossible_requests_are_refused(data, tmp_path):
    with pytest.raises(ConfigError):
        RobustnessSettings(images=0)
    with pytest.raises(ConfigError):
        RobustnessSettings(clean_images=0)
    assert RobustnessSettings(seed=0).images_of("cifar10", "pgd-l2") == 1000
    assert RobustnessSettings().images_of("tiny20", "pgd-linf") == 300
    with pytest.raises(InputError, match="at least one image"):
        robustness_report(Request([zoo_model("standard", Brightness())], data.first(0), SETTINGS, tmp_path))
    with pytest.raises(InputError):
        robustness_report(Request([], data, SETTINGS, tmp_path))


def test_report_and_arrays_are_read_together(tmp_path):
    path = report_path("cifar10", NAME, tmp_path)
    write_report(Report("cifar10", NAME, {}, {}, ({"model": "standard"},)), path)
    with pytest.raises(InputError, match="npz"):
        Robustness.read(report_path("cifar10", "robustness", tmp_path))
    write_npz({"grid_linf": np.array([0.1], np.float32)}, path.with_suffix(".npz"))
    robustness = Robustness.read(report_path("cifar10", "robustness", tmp_path))
    assert robustness.report.rows[0]["model"] == "standard"
    assert robustness.arrays["grid_linf"].dtype == np.float32
