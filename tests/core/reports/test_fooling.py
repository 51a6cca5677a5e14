"""The report on fooled heat maps: rows are what the arrays say, resumed part by part, other networks kept."""

import dataclasses

import numpy as np
import pytest

from core.data.datasets import load
from core.data.tasks import FASHION_MNIST
from core.errors import ConfigError, InputError
from core.explanations import attack_outside_map, manipulate_map
from core.explanations.attack_outside_map import attacks_outside
from core.explanations.manipulate_map import SMOOTHED_METHODS, least_quadrants, manipulate_maps
from core.explanations.smoothed_network import SmoothedMethod, heat_map_of
from core.models.zoo import load_zoo_model
from core.reports.catalogue import command_of
from core.reports.fooling import report
from core.reports.fooling.report import NAME, Fooling, FoolingSettings, fooling_report
from core.reports.form.measuring import Request
from core.reports.form.report import read_report, report_path
from tests.helpers.rows import figures

pytestmark = pytest.mark.usefixtures("few_resamples")

SETTINGS = FoolingSettings(images=5)
FEW: tuple[SmoothedMethod, ...] = ("gradient", "grad-cam")


@pytest.fixture
def data(fashion_root):
    return load(FASHION_MNIST, "test")


@pytest.fixture
def few(monkeypatch):
    """Without integrated gradients, which take most of the time."""
    monkeypatch.setattr(report, "SMOOTHED_METHODS", FEW)


@pytest.fixture
def pair(zoo_folder, monkeypatch):
    monkeypatch.setattr(report, "BATCH", 3)
    monkeypatch.setattr(manipulate_map, "STEPS", dict.fromkeys(SMOOTHED_METHODS, 1))
    monkeypatch.setattr(attack_outside_map, "STEPS", 3)
    return [load_zoo_model("fashion-mnist", key, zoo_folder) for key in ("standard", "pgd-linf")]


class StopError(Exception):
    """Stands for a kill."""


def recorder(said: list[str], stop_at: str = "never"):
    """A callback that remembers what was measured, and ends the run at `stop_at`."""

    def on_progress(what: str, done: int, of: int) -> None:
        said.append(f"{what} {done}/{of}")
        if said[-1] == stop_at:
            raise StopError

    return on_progress


@pytest.mark.parametrize(
    ("moved", "attacked"),
    [
        (True, True),
        (False, False),  # further than epsilon
        (True, False),  # not all of the change outside of what is highlighted
    ],
)
def test_success_is_judged_from_the_images(pair, data, monkeypatch, moved, attacked):
    """What the engine gives is claimed to have worked; it counts only within epsilon, and from outside alone."""
    x, far = data.images(0, 2), 0.0 if moved else 0.2

    def boast(call, **claim):
        def boasting(*given):
            return [
                dataclasses.replace(
                    each, x_adv=(each.x + far).clip(0, 1), **{name: f(each) for name, f in claim.items()}
                )
                for each in call(*given)
            ]

        return boasting

    same = {"probs_adv": lambda each: each.probs, "correlation_target": lambda each: 1.0}
    monkeypatch.setattr(
        report, "manipulate_maps", boast(manipulate_maps, correlation_original=lambda each: 0.0, **same)
    )
    other = {"probs_adv": lambda each: 1 - each.probs, "share_outside": lambda each: 1.0 if attacked or far else 0.5}
    monkeypatch.setattr(report, "attacks_outside", boast(attacks_outside, **other))
    assert report._moved(pair[0], x, "grad-cam", 0)["succeeded"].tolist() == [moved] * 2
    assert report._outside(pair[0], x, "grad-cam", 0)["succeeded"].tolist() == [attacked] * 2


@pytest.mark.slow
def test_rows_say_what_the_arrays_say(pair, data, tmp_path):
    made = fooling_report(Request(pair, data, SETTINGS, tmp_path))
    assert [(row["model"], row["method"], row["what"]) for row in made.report.rows] == [
        (key, method, what)
        for key in ("standard", "pgd-linf")
        for method in SMOOTHED_METHODS
        for what in ("moved", "outside")
    ]
    for row in made.report.rows:
        of = f"__{row['model']}__{row['method']}"
        figures = {name[:-2] for name in row if name.endswith("_n")}
        wanted = {
            "moved": {
                "succeeded",
                "kept",
                "correlation_target",
                "correlation_original",
                "mass",
                "mass_adv",
                "probability_change",
            },
            "outside": {"succeeded", "changed_inside", "changed_anywhere", "share_outside", "area_outside"},
        }
        assert figures == wanted[row["what"]]
        for figure in figures:
            array = made.arrays[f"{row['what']}_{figure}{of}"]
            assert array.shape == (5,) and row[f"{figure}_n"] == 5
            assert row[figure] == pytest.approx(array.mean(), rel=1e-6)
            assert row[f"{figure}_low"] <= row[figure] + 1e-9 and row[figure] <= row[f"{figure}_high"] + 1e-9
        assert row["epsilon"] == 0.1 and len(row["sha256"]) == 64
    assert len(made.arrays) == 2 * len(SMOOTHED_METHODS) * 12


@pytest.mark.slow
def test_figures_are_those_of_the_images(few, pair, data, tmp_path, monkeypatch):
    """Each batch, made again by hand, from a seed of its own."""
    monkeypatch.setattr(
        manipulate_map, "STEPS", dict.fromkeys(SMOOTHED_METHODS, 6)
    )  # so that the start can be told from the end
    made = fooling_report(Request(pair[:1], data, SETTINGS, tmp_path))
    model, x = pair[0], data.images(0, 3)
    found = attacks_outside(model, x, "grad-cam", 0.1, seed=0)
    assert made.arrays["outside_succeeded__standard__grad-cam"][:3].tolist() == [each.changed for each in found]
    area = [1 - each.highlighted.mean() for each in found]
    np.testing.assert_allclose(made.arrays["outside_area_outside__standard__grad-cam"][:3], area, rtol=1e-6)
    x = data.images(3, 5)
    regions = least_quadrants(heat_map_of(model.fast, x, model.fast(x).argmax(1), "gradient"))
    moved = manipulate_maps(model, x, "gradient", regions, 0.1, seed=3)
    other = manipulate_maps(model, x, "gradient", regions, 0.1, seed=0)
    assert any(not np.array_equal(one.x_adv, two.x_adv) for one, two in zip(moved, other, strict=True))
    for figure in ("succeeded", "correlation_target", "correlation_original", "mass", "mass_adv"):
        again = [getattr(each, figure) for each in moved]
        np.testing.assert_allclose(made.arrays[f"moved_{figure}__standard__gradient"][3:], again, rtol=1e-5)


@pytest.mark.slow
def test_a_killed_run_goes_on_with_the_batch_it_was_in(few, pair, data, tmp_path):
    path = tmp_path / "fooling.json"
    with pytest.raises(StopError):
        fooling_report(Request(pair, data, SETTINGS, tmp_path, path, recorder([], "pgd-linf moved gradient 3/5")))
    assert {row["model"] for row in read_report(path).rows} == {"standard"}
    store = next((tmp_path / "fashion-mnist").iterdir())
    before = {file.name: file.stat().st_mtime_ns for file in store.iterdir()}
    said: list[str] = []
    fooling_report(Request(pair, data, SETTINGS, tmp_path, path, recorder(said)))
    assert said[0] == "pgd-linf moved gradient 3/5"
    assert {name: (store / name).stat().st_mtime_ns for name in before} == before
    whole = fooling_report(Request(pair, data, SETTINGS, tmp_path / "other"))
    assert figures(whole.report.rows) == figures(read_report(path).rows)


@pytest.mark.slow
def test_only_a_network_with_changed_weights_is_measured_again(few, pair, data, tmp_path):
    path = tmp_path / "fooling.json"
    fooling_report(Request(pair, data, SETTINGS, tmp_path / "a", path))
    said: list[str] = []
    fooling_report(Request(pair, data, SETTINGS, tmp_path / "b", path, recorder(said)))
    assert said == []
    card = dataclasses.replace(pair[1].card, sha256="1" * 64)
    fooling_report(
        Request([dataclasses.replace(pair[1], card=card)], data, SETTINGS, tmp_path / "b", path, recorder(said))
    )
    assert said and all(what.startswith("pgd-linf") for what in said)
    rows = read_report(path).rows
    assert [row["sha256"] for row in rows[-4:]] == ["1" * 64] * 4 and {row["model"] for row in rows[:4]} == {"standard"}


@pytest.mark.slow
def test_other_settings_are_another_report(few, pair, data, tmp_path):
    path = tmp_path / "fooling.json"
    fooling_report(Request(pair[:1], data, SETTINGS, tmp_path, path))
    said: list[str] = []
    fooling_report(Request(pair[:1], data, FoolingSettings(images=2), tmp_path, path, recorder(said)))
    assert said[0] == "standard moved gradient 2/2"
    assert read_report(path).settings["images"] == 2


@pytest.mark.slow
def test_the_command_says_each_row(few, pair, data, tmp_path):
    command = command_of("fooling")
    assert command.models == ("standard", "pgd-linf", "pgd-l2")
    assert command.settings(None, 0) == FoolingSettings() and command.settings(7, 1) == FoolingSettings(7, seed=1)
    answer = command.run(Request(pair[:1], data, SETTINGS, tmp_path, None, lambda what, done, of: None))
    assert len(answer.lines) == len(answer.report.rows) == 4
    assert "of the map in place" in answer.lines[0] and "of its energy outside" in answer.lines[1]


@pytest.mark.slow
def test_report_and_arrays_are_read_together(few, pair, data, tmp_path):
    with pytest.raises(InputError):
        Fooling.read(report_path("fashion-mnist", "fooling", tmp_path))
    made = fooling_report(Request(pair[:1], data, SETTINGS, tmp_path, report_path("fashion-mnist", NAME, tmp_path)))
    again = Fooling.read(report_path("fashion-mnist", "fooling", tmp_path))
    assert again.report.rows == made.report.rows and again.arrays.keys() == made.arrays.keys()


def test_impossible_requests_are_refused(data, tmp_path):
    with pytest.raises(ConfigError):
        FoolingSettings(images=0)
    with pytest.raises(InputError):
        fooling_report(Request([], data, SETTINGS, tmp_path))
