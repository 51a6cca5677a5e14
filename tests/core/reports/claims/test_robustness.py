"""Claims are checked on the same images, and said as they came out."""

import numpy as np
import pytest

from core.norms import NORMS
from core.reports.adversarial.report import Adversarial
from core.reports.claims.robustness import AREA, orderings
from core.reports.form.report import Report
from core.reports.robustness.report import Robustness

N = 100
GRID = np.array([0.25, 0.5, 1, 2], np.float32) * np.float32(8 / 255)


def network(key: str, withstands: float, others: tuple[str, ...] = (), gradient: float = 0.3) -> dict[str, np.ndarray]:
    """Figures of a network that stands on the first share of the images; those past half fall at twice the radius."""
    arrays = {f"gradient_norm__{key}": np.full(N, gradient, np.float32)}
    standing = np.arange(N) < withstands * N
    for norm in NORMS:
        smallest = np.where(standing, np.inf, GRID[0]).astype(np.float32)
        smallest[N // 2 :] = np.minimum(smallest[N // 2 :], GRID[3])
        arrays |= {f"smallest_{norm}__{key}": smallest, f"standing_apgd_{norm}__{key}": standing}
        arrays[f"standing_single_step_{norm}__{key}"] = standing
        arrays |= {f"transfer_{norm}__{source}__{key}": standing[:60] for source in others}
    return arrays


def report(*networks: dict[str, np.ndarray], keys: tuple[str, ...]) -> Robustness:
    rows = tuple({"model": key, "sha256": key, "norm": norm} for key in keys for norm in NORMS)
    arrays = {f"grid_{norm}": GRID for norm in NORMS}
    for each in networks:
        arrays |= each
    return Robustness(Report("cifar10", "robustness", {"radii": {"linf": 8 / 255, "l2": 0.5}}, {}, rows), arrays)


@pytest.mark.parametrize(("ours", "control", "holds"), [(0.6, 0.3, "yes"), (0.3, 0.6, "no"), (0.4, 0.4, "undecided")])
def test_saliency_is_held_against_sign_noise_at_each_radius(ours, control, holds):
    keys = ("noise-sign", "sat-mask")
    rows = orderings(report(network("sat-mask", ours), network("noise-sign", control), keys=keys)).rows
    assert {(row["model"], row["against"]) for row in rows} == {("sat-mask", "noise-sign")}
    assert [row["measure"] for row in rows] == [
        "accuracy under PGD, L-infinity 2/255",
        "accuracy under PGD, L-infinity 4/255",
        "accuracy under PGD, L-infinity 8/255",
        "accuracy under PGD, L-infinity 16/255",
        "accuracy under APGD, L-infinity 8/255",
    ]
    for row in rows[:3]:
        assert row["holds"] == holds and row["n"] == N and row["task"] == "cifar10"
        assert row["difference"] == pytest.approx(ours - control)
        assert row["difference_low"] <= row["difference"] <= row["difference_high"]


def test_a_difference_within_chance_is_undecided():
    arrays = network("sat-box", 0.42), network("noise-sign", 0.41)
    assert orderings(report(*arrays, keys=("sat-box", "noise-sign"))).rows[0]["holds"] == "undecided"


def test_pairs_are_the_images_that_both_have():
    """The one with a floor has more images: the first of both are compared."""
    short = {name: array[:50] for name, array in network("sat-pgd", 0.4).items()}
    rows = orderings(report(short, network("pgd-linf", 0.3), keys=("sat-pgd", "pgd-linf"))).rows
    assert rows[0]["n"] == 50 and rows[0]["difference"] == pytest.approx(0.2)


def test_transfer_is_from_third_networks_only():
    """Each network's own images, and the other's, would tell of the attack at home."""
    keys = ("standard", "double-backprop", "pgd-linf")
    ours = network("double-backprop", 0.5, others=("standard", "pgd-linf"))
    standard = network("standard", 0.2, others=("double-backprop", "pgd-linf"))
    ours["transfer_linf__standard__double-backprop"] = np.zeros(60, bool)
    rows = orderings(report(ours, standard, network("pgd-linf", 0.4), keys=keys)).rows
    assert [row["measure"] for row in rows] == [
        "accuracy on PGD images of 1 other networks, L-infinity 8/255",
        "accuracy on PGD images of 1 other networks, L2 0.5",
    ]
    assert rows[0]["n"] == 60 and rows[0]["difference"] == pytest.approx(30 / 60) and rows[0]["holds"] == "yes"


def test_distillation_is_held_against_stronger_attacks_on_itself():
    distilled = network("distilled", 0.8, gradient=1e-12)
    distilled["standing_apgd_linf__distilled"] = np.zeros(N, bool)
    rows = orderings(report(distilled, network("standard", 0.1), keys=("standard", "distilled"))).rows
    held = {row["measure"]: row for row in rows}
    assert held["accuracy under a single step, L-infinity 8/255"]["difference"] == pytest.approx(0.7)
    own = held["accuracy under a single step minus under APGD, L-infinity 8/255"]
    assert own["against"] == "distilled" and own["holds"] == "yes" and own["difference"] == pytest.approx(0.8)
    assert held["accuracy under a single step minus under APGD, L2 0.5"]["holds"] == "undecided"
    assert held["share of images with a numerically zero input gradient"]["difference"] == 1


def test_claims_about_absent_networks_are_left_out():
    assert orderings(report(network("standard", 0.5), keys=("standard",))).rows == ()


@pytest.mark.parametrize(("further", "holds"), [(0.004, "yes"), (-0.004, "no"), (0.0, "undecided")])
def test_the_areas_of_two_networks_are_held_against_each_other_on_the_same_images(further, holds):
    distances = np.linspace(0.005, 0.03, N)
    arrays = {"distance_attack__standard": distances, "distance_attack__pgd-l2": distances[:80] + further}
    weights = [{"model": key, "sha256": key} for key in ("standard", "pgd-l2", "lipschitz")]
    adversarial = Adversarial(Report("cifar10", "adversarial", {"seed": 0}, {}, tuple(weights[:2])), arrays)
    made = orderings(report(keys=("standard",)), adversarial)
    (row,) = made.rows
    assert (row["claim"], row["model"], row["against"], row["unit"], row["n"]) == (
        AREA,
        "pgd-l2",
        "standard",
        "rmse",
        80,
    )
    assert row["holds"] == holds and row["difference"] == pytest.approx(0.9 * further, abs=1e-9)
    assert made.settings["adversarial"] == {"seed": 0}


def test_areas_of_other_weights_are_left_out():
    arrays = {f"distance_attack__{key}": np.linspace(0.005, 0.03, N) for key in ("standard", "pgd-l2")}
    rows = ({"model": "standard", "sha256": "older"}, {"model": "pgd-l2", "sha256": "pgd-l2"})
    adversarial = Adversarial(Report("cifar10", "adversarial", {}, {}, rows), arrays)
    assert orderings(report(keys=("standard",)), adversarial).rows == ()
