"""The report seeds: a comparison's interval is over trainings, each pair of one seed and on the same images."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

import core
from core.data.datasets import LabelledImages
from core.errors import ConfigError, InputError
from core.metrics.intervals import student
from core.models.zoo import load_zoo_model, save
from core.reports.catalogue import command_of
from core.reports.form.measuring import Request
from core.reports.form.report import read_report
from core.reports.seeds.report import (
    COMPARISONS,
    COSTS,
    FOLDER,
    WITHSTANDS,
    Comparison,
    SeedsSettings,
    comparison,
    seeds_report,
    trained,
)
from core.training.zoo_plans import SHIPPED

SETTINGS = SeedsSettings(images=30, steps=2)
ONE = Comparison("a claim", "ours", "theirs")


def test_student_matches_its_table():
    """Of 1, 2, 3 the mean is 2, the deviation 1, and t with two degrees of freedom 4.303."""
    assert student(np.array([1.0, 2.0, 3.0])) == pytest.approx((2 - 4.303 / 3**0.5, 2 + 4.303 / 3**0.5), abs=1e-3)
    with pytest.raises(InputError):
        student(np.array([1.0]))


@pytest.mark.parametrize(
    ("differences", "holds"),
    [((0.2, 0.21, 0.19), "yes"), ((-0.2, -0.21, -0.19), "no"), ((0.2, 0.01, 0.19), "undecided")],
)
def test_a_claim_holds_only_where_the_trainings_agree(differences, holds):
    """The last mean is as far from zero as images would want it; one of three seeds is not."""
    row = comparison(ONE, "accuracy", differences)
    assert row["holds"] == holds and row["difference"] == pytest.approx(np.mean(differences))
    assert (row["least"], row["most"], row["difference_n"]) == (min(differences), max(differences), 3)


@pytest.mark.parametrize("difference", [0.0, 0.2])
def test_trainings_that_differ_by_the_same_have_no_interval_and_decide_nothing(difference):
    """Where no image stands with either network, three equal zeros had an interval from zero to zero."""
    row = comparison(ONE, "accuracy", [difference] * 3)
    assert row["difference_low"] is None and row["difference_high"] is None and row["holds"] == "undecided"


@pytest.fixture
def data():
    pixels = torch.randint(0, 256, (40, 1, 28, 28), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    return LabelledImages(pixels, torch.arange(40) % 10, "noise")


@pytest.fixture
def trainings(zoo_folder):
    """The pair of garments with the same networks for every seed, but for one that is turned round."""
    pair = {key: load_zoo_model("fashion-mnist", key, zoo_folder) for key in ("standard", "pgd-linf")}
    return {0: pair, 1: {"standard": pair["pgd-linf"], "pgd-linf": pair["standard"]}, 2: pair}


def test_pairs_are_of_one_seed_and_their_figures_those_of_the_networks(trainings, data, tmp_path):
    report = seeds_report(Request(list(trainings[0].values()), data, SETTINGS, tmp_path), trainings)
    networks = {(r["model"], r["seed"], r["measure"]): r["value"] for r in report.rows if r["kind"] == "network"}
    assert len(networks) == 2 * 3 * 5
    for key, seed in (("standard", 0), ("pgd-linf", 1)):
        model = trainings[seed][key]
        hits = model.fast(data.images(0, 30)).argmax(1) == data.labels[:30]
        assert networks[key, seed, "clean accuracy"] == pytest.approx(float(hits.float().mean()))
    rows = [row for row in report.rows if row["kind"] == "comparison"]
    assert [row["claim"] for row in rows] == [WITHSTANDS] * 4 + [COSTS]
    for row in rows:
        pairs = [
            networks[row["model"], s, row["measure"]] - networks[row["against"], s, row["measure"]] for s in range(3)
        ]
        assert row["difference"] == pytest.approx(np.mean(pairs)) and row["most"] == pytest.approx(max(pairs))
        assert pairs[1] == pytest.approx(-pairs[0])  # turned round
    assert {row["measure"] for row in rows} == {"clean accuracy"} | {
        f"accuracy under PGD, L-infinity {radius}" for radius in ("0.025", "0.05", "0.1", "51/255")
    }


def test_the_command_takes_the_other_seeds_from_their_folder(trainings, data, tmp_path, monkeypatch):
    monkeypatch.setattr("core.reports.seeds.report.trained.__defaults__", (tmp_path / "seeds",))
    for seed in (1, 2):
        for key in trainings[seed]:
            model = trainings[seed][key]
            card = dataclasses.replace(model.card, key=key, seed=seed)
            save(model.plain, card, tmp_path / "seeds" / str(seed))
    path = tmp_path / "seeds.json"
    request = Request(list(trainings[0].values()), data, SETTINGS, tmp_path, path, lambda what, done, of: None)
    answer = command_of("seeds").run(request)
    assert len(answer.lines) == 5 and read_report(path).rows == answer.report.rows
    with pytest.raises(ConfigError, match="without pgd-linf"):
        command_of("seeds").run(dataclasses.replace(request, models=request.models[:1]))


def test_what_is_not_trained_yet_is_said_with_its_command(tmp_path, zoo_folder):
    with pytest.raises(InputError, match="robustscope train fashion-mnist standard --seed 1 --out"):
        trained("fashion-mnist", "standard", 1, tmp_path)
    folder = tmp_path / "3"
    model = load_zoo_model("fashion-mnist", "standard", zoo_folder)
    save(model.plain, model.card, folder)
    with pytest.raises(InputError, match="of seed 0"):
        trained("fashion-mnist", "standard", 3, tmp_path)


def test_every_network_compared_is_one_that_ships():
    assert all(
        {(task, one.model), (task, one.against)} <= SHIPPED.keys() for task in COMPARISONS for one in COMPARISONS[task]
    )
    for wrong in ({"images": 0}, {"seeds": (0,)}, {"seeds": (0, 0, 1)}):
        with pytest.raises(ConfigError):
            SeedsSettings(**wrong)


def test_trainings_of_other_seeds_lie_where_the_clone_keeps_its_runs():
    clone = Path(core.__file__).resolve().parents[1]
    assert clone / "runs" / "seeds" == FOLDER and (clone / "README.md").exists()
