"""Claims are checked on the same images, and said as they came out."""

import numpy as np
import pytest

from core.norms import NORMS
from core.reports.adversarial.report import Adversarial
from core.reports.claims.robustness import ADVERSARIAL, AREA, BREAKS, VANISHES, orderings
from core.reports.form.report import Report
from core.reports.robustness.report import Robustness

pytestmark = pytest.mark.usefixtures("few_resamples")

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


@pytest.mark.parametrize(("left", "holds"), [(0.0, "yes"), (0.1, "undecided"), (0.4, "no")])
def test_distillation_breaks_only_where_at_most_chance_is_left(left, holds):
    """From 80 % under a single step to 40 % is a clear fall, and nowhere near broken."""
    distilled = network("distilled", 0.8)
    distilled["standing_apgd_linf__distilled"] = np.arange(N) < left * N
    rows = orderings(report(distilled, network("standard", 0.1), keys=("standard", "distilled"))).rows
    looks = next(row for row in rows if row["measure"] == "accuracy under a single step, L-infinity 8/255")
    assert looks["difference"] == pytest.approx(0.7) and looks["holds"] == "yes"
    broken = {row["measure"].split(", less")[0]: row for row in rows if row["claim"] == BREAKS}
    apgd, pgd = (broken[f"wrong under {attack}, L-infinity 8/255"] for attack in ("APGD, then targeted", "PGD"))
    assert apgd["holds"] == holds and apgd["difference"] == pytest.approx(0.1 - left)
    assert apgd["difference_low"] < apgd["difference"] < apgd["difference_high"] or left == 0
    assert (apgd["model"], apgd["against"], apgd["n"]) == ("distilled", "distilled", N)
    assert pgd["holds"] == "no" and pgd["difference"] == pytest.approx(0.1 - 0.8)


@pytest.mark.parametrize(("share", "holds"), [(0.9, "yes"), (0.5, "undecided"), (0.2, "no")])
def test_gradients_vanish_only_where_most_images_have_none(share, holds):
    """A fifth more than the standard network has is not "vanish"."""
    distilled = network("distilled", 0.8)
    distilled["gradient_norm__distilled"] = np.where(np.arange(N) < share * N, 1e-12, 0.3).astype(np.float32)
    rows = orderings(report(distilled, network("standard", 0.1), keys=("standard", "distilled"))).rows
    (row,) = (row for row in rows if row["claim"] == VANISHES)
    assert row["holds"] == holds and row["difference"] == pytest.approx(share - 0.5)


def test_claims_about_absent_networks_are_left_out():
    assert orderings(report(network("standard", 0.5), keys=("standard",))).rows == ()


def areas(distances: dict[str, np.ndarray], **other: object) -> Adversarial:
    """The report `adversarial` of these networks; `other` goes into each row."""
    rows = tuple({"model": key, "sha256": key, "ara": 0.01} | other for key in distances)
    arrays = {f"distance_attack__{key}": values for key, values in distances.items()}
    return Adversarial(Report("cifar10", "adversarial", {"seed": 0}, {}, rows), arrays)


@pytest.mark.parametrize(("further", "holds"), [(0.0004, "yes"), (-0.0004, "no"), (0.0, "undecided")])
def test_the_areas_of_two_networks_are_held_against_each_other_on_the_same_images(further, holds):
    """Distances differ between images by sixty times as much: only images drawn for both at once can tell."""
    distances = np.linspace(0.005, 0.03, N)
    made = orderings(report(keys=("standard",)), areas({"standard": distances, "pgd-l2": distances[:80] + further}))
    (row,) = made.rows
    found = (row["claim"], row["model"], row["against"], row["unit"], row["n"])
    assert found == (ADVERSARIAL, "pgd-l2", "standard", "rmse", 80)
    assert row["holds"] == holds and row["difference"] == pytest.approx(0.9 * further, abs=1e-9)
    assert row["difference_high"] - row["difference_low"] < 1e-4
    assert made.settings["adversarial"] == {"seed": 0}


def test_additions_are_held_against_adversarial_training_and_not_against_none():
    """Far above the standard network, and below plain adversarial training: the additions raised nothing."""
    distances = np.linspace(0.005, 0.03, N)
    found = areas({"standard": distances, "pgd-l2": distances + 0.01, "lipschitz-all": distances + 0.008})
    rows = {row["claim"]: row for row in orderings(report(keys=("standard",)), found).rows}
    assert rows[ADVERSARIAL]["holds"] == "yes"
    row = rows[AREA]
    assert (row["model"], row["against"], row["holds"]) == ("lipschitz-all", "pgd-l2", "no")
    assert row["difference"] == pytest.approx(-0.9 * 0.002)


def test_a_network_without_an_area_is_held_against_nobody():
    distances = np.linspace(0.005, 0.03, N)
    found = areas({"standard": distances, "pgd-l2": distances}, ara=None)
    assert orderings(report(keys=("standard",)), found).rows == ()


def test_areas_of_other_weights_are_left_out():
    found = areas({key: np.linspace(0.005, 0.03, N) for key in ("standard", "pgd-l2")}, sha256="older")
    assert orderings(report(keys=("standard",)), found).rows == ()


def test_equal_shares_have_an_interval_that_n_allows():
    """Nobody stands at all: at most 3.7 % can be behind that on 100 images; the bootstrap said 0.0 to 0.0."""
    none = network("sat-box", 0.0), network("noise-sign", 0.0)
    row = orderings(report(*none, keys=("sat-box", "noise-sign"))).rows[2]
    assert row["difference"] == 0 and row["difference_high"] == -row["difference_low"] == pytest.approx(0.037, abs=5e-4)
