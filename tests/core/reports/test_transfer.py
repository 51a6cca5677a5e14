"""The transfer matrix: exact where the answer is known by hand, complete, resumed cell by cell."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from core.data.datasets import LabelledImages, load
from core.data.tasks import CIFAR10, FASHION_MNIST
from core.errors import ConfigError, InputError
from core.models.zoo import Card, ZooModel
from core.reports.catalogue import command_of
from core.reports.claims.transfer import readings
from core.reports.form.measuring import Request
from core.reports.form.report import read_report, report_path
from core.reports.transfer.report import (
    NAME,
    Transfer,
    TransferSettings,
    epsilons,
    made_against,
    transfer_report,
    transferred_attacks,
)
from tests.helpers.rows import figures

pytestmark = pytest.mark.usefixtures("few_resamples")

SETTINGS = TransferSettings(images=30)
ATTACKS = transferred_attacks()
RADII = (0.0, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4)


class Halves(nn.Module):
    """Class 0 or 1 as the mean of one half of the image lies below or above a half; no other class is ever near.

    `scale` sharpens the logits without moving the boundary: so sharp that the gradient is exactly zero, if wanted.
    """

    def __init__(self, upper: bool, scale: float = 10.0) -> None:
        super().__init__()
        self.rows = slice(0, 14) if upper else slice(14, 28)
        self.scale = scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        margin = self.scale * (x[:, :, self.rows].flatten(1).mean(1) - 0.5)
        return torch.stack([-margin, margin, *[torch.full_like(margin, -1e6)] * 8], 1)


def zoo_model(key: str, network: nn.Module, sha256: str = "0" * 64) -> ZooModel:
    card = Card("fashion-mnist", key, None, "recipe", {}, 0, "command", {}, sha256=sha256, parameters=0)
    return ZooModel(card, network, network)


@pytest.fixture
def zoo():
    """One that looks at the upper half, one at the lower, and the first again with vanished gradients."""
    return [
        zoo_model("standard", Halves(upper=True)),
        zoo_model("double-backprop", Halves(upper=False)),
        zoo_model("distilled", Halves(upper=True, scale=1e5)),
    ]


@pytest.fixture
def data():
    """Plain images of both classes at all distances from the boundary, none near 0 or 1: (0.5 +- distance)."""
    distance = torch.linspace(2, 90, 30).round()
    labels = torch.arange(30) % 2
    levels = 127.5 + (2 * labels - 1) * (distance + 0.5)
    return LabelledImages(levels.to(torch.uint8)[:, None, None, None].expand(30, 1, 28, 28), labels, "plain images")


def standing(data, epsilon):
    """By hand: who is further from the boundary than epsilon."""
    return ((data.images().flatten(1).mean(1) - 0.5).abs() > epsilon).numpy()


def test_the_matrix_is_the_one_by_hand(zoo, data, tmp_path):
    """On its own images the network looking at a half falls as far as epsilon reaches, on the other's never."""
    made = transfer_report(Request(zoo, data, SETTINGS, tmp_path))
    for attack in ("fgsm", "pgd"):
        for index, epsilon in enumerate(RADII):
            for key in ("standard", "double-backprop"):
                own = made.arrays[f"right_{attack}__{key}__{key}"][index]
                np.testing.assert_array_equal(own, standing(data, epsilon))
            assert made.arrays[f"right_{attack}__standard__double-backprop"][index].all()
            assert made.arrays[f"right_{attack}__double-backprop__standard"][index].all()
            twin = made.arrays[f"right_{attack}__standard__distilled"][index]
            np.testing.assert_array_equal(twin, standing(data, epsilon))


def test_targeted_attacks_go_for_the_next_label(zoo, data):
    """Label 0's next is 1, across the boundary; label 1's next is a class that is never near: the mean still rises."""
    x, labels = data.images(), data.labels
    for attack in ("tgsm", "iterated-tgsm"):
        x_adv = made_against(zoo[0].fast, x, labels, attack, 0.1)
        upper = (x_adv - x)[:, :, :14].flatten(1).mean(1)
        np.testing.assert_allclose(upper[labels == 0], 0.1, atol=1e-5)
        assert (x_adv - x)[:, :, 14:].abs().max() == 0


def test_vanished_gradients_leave_the_images_as_they_were(zoo, data, tmp_path):
    arrays = transfer_report(Request(zoo, data, SETTINGS, tmp_path)).arrays
    assert arrays["unchanged_fgsm__distilled"].all() and arrays["right_fgsm__distilled__distilled"].all()
    assert not arrays["unchanged_fgsm__standard"][1:].any() and arrays["unchanged_fgsm__standard"][0].all()
    assert (arrays["gradient_norm__distilled"] == 0).all() and (arrays["gradient_norm__standard"] > 0).all()
    probability = torch.from_numpy(standing(data, 0)).float()  # all are right: p of the true label is above a half
    assert probability.all()
    zeros = data.labels.numpy() == 0  # their next class is the other one: the gradient is p times what (1 - p) was
    both = arrays["gradient_norm__standard"][zeros] + arrays["gradient_norm_other__standard"][zeros]
    np.testing.assert_allclose(both, 20 / np.sqrt(14 * 28), rtol=1e-4)


@pytest.mark.parametrize("attack", ATTACKS)
def test_images_lie_in_the_ball_and_can_be_made_again_one_by_one(attack):
    """What the page shows of a cell is what was counted."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 16), nn.Tanh(), nn.Linear(16, 10))
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.2, generator=generator)
    x = torch.rand(6, 1, 28, 28, generator=generator)
    labels = torch.arange(6)
    x_adv = made_against(model, x, labels, attack, 0.1)
    assert (x_adv - x).abs().amax() == pytest.approx(0.1, rel=1e-4) and x_adv.min() >= 0 and x_adv.max() <= 1
    alone = made_against(model, x[4:5], labels[4:5], attack, 0.1)
    assert (alone - x_adv[4:5]).abs().max() < 1e-5
    assert torch.equal(made_against(model, x, labels, attack, 0.0), x)
    with torch.no_grad():
        before, after = model(x).log_softmax(1), model(x_adv).log_softmax(1)
    rows = torch.arange(6)
    if "tgsm" in attack:
        assert (after[rows, labels + 1] > before[rows, labels + 1]).all()
    else:
        assert (after[rows, labels] < before[rows, labels]).all()


def test_rows_say_what_the_arrays_say(zoo, data, tmp_path):
    made = transfer_report(Request(zoo, data, SETTINGS, tmp_path))
    keys = ["standard", "distilled", "double-backprop"]
    assert [(row["attack"], row["source"], row["model"], row["epsilon"]) for row in made.report.rows] == [
        (attack, source, model, epsilon) for attack in ATTACKS for source in keys for model in keys for epsilon in RADII
    ]
    for row in made.report.rows:
        cell = made.arrays[f"right_{row['attack']}__{row['source']}__{row['model']}"]
        assert cell.shape == (7, 30) and cell.dtype == bool and row["accuracy_n"] == 30
        assert row["accuracy"] == cell[RADII.index(row["epsilon"])].mean()
        assert row["accuracy_low"] <= row["accuracy"] <= row["accuracy_high"]
    np.testing.assert_array_equal(made.arrays["epsilons"], np.array(RADII, np.float32))
    assert made.report.provenance["weights"] == dict.fromkeys(keys, "0" * 64)


@pytest.mark.slow
def test_a_killed_run_goes_on_and_a_new_network_gets_all_images(zoo, data, tmp_path):
    path = tmp_path / "transfer.json"
    said: list[str] = []
    transfer_report(Request(zoo[:2], data, SETTINGS, tmp_path, path))
    transfer_report(Request(zoo[:2], data, SETTINGS, tmp_path, path, lambda what, done, of: said.append(what)))
    assert said == []
    transfer_report(Request(zoo, data, SETTINGS, tmp_path, path, lambda what, done, of: said.append(what)))
    assert set(said) == {f"{key} passed on" for key in ("standard", "double-backprop", "distilled")}
    again = transfer_report(Request(zoo, data, SETTINGS, tmp_path / "other"))
    assert figures(read_report(path).rows) == figures(again.report.rows)


@pytest.mark.slow
def test_changed_weights_are_measured_again_as_source_and_as_model(zoo, data, tmp_path):
    path = tmp_path / "transfer.json"
    transfer_report(Request(zoo, data, SETTINGS, tmp_path / "a", path))
    other = zoo_model("double-backprop", Halves(upper=True), "1" * 64)
    made = transfer_report(Request([other], data, SETTINGS, tmp_path / "b", path))
    known = {(row["source"], row["model"]) for row in made.report.rows}
    assert ("double-backprop", "double-backprop") in known and ("standard", "distilled") in known
    assert ("standard", "double-backprop") not in known and ("double-backprop", "standard") not in known
    made = transfer_report(Request([zoo[0], other, zoo[2]], data, SETTINGS, tmp_path / "b", path))
    assert len(made.report.rows) == len(ATTACKS) * 9 * len(RADII)
    assert not made.arrays["right_fgsm__standard__double-backprop"][-1].any()


def test_the_radii_of_a_task():
    assert epsilons(FASHION_MNIST) == RADII
    np.testing.assert_allclose(np.array(epsilons(CIFAR10)) * 255, [0, 2, 4, 8, 16])


@pytest.mark.slow
def test_the_command_says_the_matrices_and_writes_the_readings_beside_them(zoo, data, tmp_path):
    command = command_of("transfer")
    assert command.settings(None, 0) == TransferSettings() and command.settings(7, 1) == TransferSettings(7, seed=1)
    path = report_path("fashion-mnist", NAME, tmp_path)
    answer = command.run(Request(zoo, data, SETTINGS, tmp_path / "runs", path, lambda what, done, of: None))
    assert sum("against" in line for line in answer.lines) >= len(ATTACKS) * len(zoo)
    assert any(line.startswith("c  ") and "vanished" in line for line in answer.lines)
    kept = read_report(report_path("fashion-mnist", "transfer-readings", tmp_path))
    assert kept.rows == readings(Transfer.read(report_path("fashion-mnist", "transfer", tmp_path))).rows and kept.rows
    unchanged = next(row for row in kept.rows if "unchanged" in row["measure"])
    assert unchanged["verdict"] == "held" and unchanged["difference"] == 0.5


def test_report_and_arrays_are_read_together(zoo, data, tmp_path):
    with pytest.raises(InputError):
        Transfer.read(report_path("fashion-mnist", "transfer", tmp_path))
    made = transfer_report(Request(zoo[:1], data, SETTINGS, tmp_path, report_path("fashion-mnist", NAME, tmp_path)))
    again = Transfer.read(report_path("fashion-mnist", "transfer", tmp_path))
    assert again.report.rows == made.report.rows and again.arrays.keys() == made.arrays.keys()


def test_impossible_requests_are_refused(zoo, data, fashion_root, tmp_path):
    with pytest.raises(ConfigError):
        TransferSettings(images=0)
    with pytest.raises(ConfigError, match="attack"):
        made_against(zoo[0].fast, data.images(), data.labels, "jsma", 0.1)
    with pytest.raises(ConfigError, match="epsilon"):
        made_against(zoo[0].fast, data.images(), data.labels, "fgsm", -0.1)
    with pytest.raises(InputError):
        transfer_report(Request([], data, SETTINGS, tmp_path))
    assert dataclasses.asdict(TransferSettings())["images"] == 256
    assert len(load(FASHION_MNIST, "test")) == 60
