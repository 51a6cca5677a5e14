"""The report adversarial: exact where distances are known, measured from images, resumable batch by batch."""

import dataclasses

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from core.attacks.scheduled import ScheduledAttackResult
from core.attacks.smallest import SmallestChange
from core.errors import ConfigError, InputError
from core.metrics.ara import ara, ara_binned
from core.reports.adversarial import report
from core.reports.adversarial.measurements import SEARCHES, AdversarialSettings, measure
from core.reports.adversarial.report import Adversarial, adversarial_report
from core.reports.adversarial.rows import row, search_figures
from core.reports.form import chosen, parts_cache
from core.reports.form.measuring import Request
from core.reports.form.report import read_report, report_path, write_report
from tests.helpers.rows import figures
from tests.helpers.threshold import Threshold, grey_noise, zoo_model

pytestmark = pytest.mark.usefixtures("few_resamples")

SETTINGS = AdversarialSettings(images=20, more_images=30, opening=10, steps=60, clamped_steps=60, clamped_finer=40)
SHORT = dataclasses.replace(SETTINGS, steps=6, clamped_steps=6, clamped_finer=4)
"""For what becomes of what was found, whatever that is."""


@pytest.fixture
def data():
    return grey_noise()


@pytest.fixture(autouse=True)
def searches_alone_in_small_batches(monkeypatch):
    monkeypatch.setattr(report, "BATCH", 8)
    monkeypatch.setattr(report, "MORE", frozenset())  # APGD has tests of its own


@pytest.fixture
def pair():
    """A network that is measured on more images, and one that is not."""
    return [zoo_model("standard", Threshold()), zoo_model("distilled", Threshold(3.0))]


@pytest.mark.slow
def test_distances_and_figures_are_exact_on_a_linear_network(pair, data, tmp_path):
    """Two classes: better than random of ten is log 9 further than the boundary on the logit."""
    found = adversarial_report(Request(pair, data, SETTINGS, tmp_path))
    assert [each["model"] for each in found.report.rows] == ["standard", "distilled"]
    for each, model, n in zip(found.report.rows, pair, (30, 20), strict=True):
        x, labels, key = data.images(0, n), data.labels[:n], model.card.key
        wrong = (model.fast(x).argmax(1) != labels).numpy()
        exact = np.where(wrong, 0, model.fast.distance(x).numpy())
        gap = float(np.log(9) / (model.fast.weight.norm() * 28))
        sign = np.where(labels == model.fast(x).argmax(1), 1, -1)
        btr = np.maximum(0, sign * model.fast.distance(x).numpy() + gap)
        for search, expected, tolerance in (("attack", exact, 6e-4), ("btr", btr, 6e-4), ("clamped", exact, 1e-5)):
            distance = found.arrays[f"distance_{search}__{key}"]
            assert distance.dtype == np.float32 and distance.shape == (n,)
            assert_allclose(distance, expected, atol=tolerance)
            name = SEARCHES[search]
            assert each[name] == ara(distance, 10).value and each[f"{name}_binned"] == ara_binned(distance, 10).value
            assert each[f"{name}_low"] < each[name] < each[f"{name}_high"] and each[f"{name}_n"] == n
            assert each[f"{name}_censored"] == each[f"{name}_late"] == 0
        assert each["accuracy"] == np.mean(~wrong) and each["accuracy_n"] == n
        assert each["first_image"] == 0 and (each["loss"], each["zero_gradient"]) == ("cross-entropy", 0.0)
        assert each["median_rmse"] == np.median(found.arrays[f"distance_attack__{key}"][~wrong].astype(float))
        assert each["median_rmse_n"] == (~wrong).sum() and each["sha256"] == "0" * 64


@pytest.mark.slow
def test_a_network_that_was_chosen_on_the_first_images_has_the_figures_of_others(data, tmp_path, monkeypatch):
    """Compared on the first 20, its row is of the 20 after them, which lie elsewhere."""
    monkeypatch.setattr(chosen, "FRESH", 20)
    model = zoo_model("pgd-l2", Threshold())
    found = adversarial_report(Request([model], data, dataclasses.replace(SETTINGS, more_images=20), tmp_path))
    (only,) = found.report.rows
    distance = found.arrays["distance_attack__pgd-l2"]
    assert len(distance) == 40 and (only["first_image"], only["ara_n"]) == (20, 20)
    assert only["ara"] == ara(distance[20:], 10).value != ara(distance[:20], 10).value
    exact = np.where(model.fast(data.images()).argmax(1) != data.labels, 0, model.fast.distance(data.images()))
    assert_allclose(distance, exact, atol=6e-4)


def test_what_no_search_breaks_is_censored_and_late(data, tmp_path):
    """The last steps of the reference alone are too short to reach the boundary."""
    short = dataclasses.replace(SETTINGS, opening=0, steps=1, clamped_steps=1, clamped_finer=0)
    found = adversarial_report(Request([zoo_model("distilled", Threshold())], data, short, tmp_path))
    only = found.report.rows[0]
    distance = found.arrays["distance_attack__distilled"]
    assert np.isinf(distance).sum() == only["ara_censored"] == only["ara_late"] >= 12
    assert (distance == 0).sum() == 20 - round(20 * only["accuracy"])
    assert only["median_rmse"] is None and only["ara"] is None


class Certain(Threshold):
    """The same boundary, and logits so large that cross-entropy has no gradient."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 1e4 * super().forward(x)


@pytest.mark.slow
def test_a_network_that_is_certain_is_searched_on_softened_logits_and_has_the_area_of_its_boundary(data, tmp_path):
    """Followed on cross-entropy it has none: nothing is found on any image that it has right."""
    certain, plain = Certain(), Threshold()
    x, labels = data.images(0, 20), data.labels[:20]
    assert np.isinf(measure(certain, x, labels, SETTINGS.search("attack"))["distance"]).sum() == 16
    found = adversarial_report(Request([zoo_model("distilled", certain)], data, SETTINGS, tmp_path))
    (only,) = found.report.rows
    assert (
        only["loss"] == "softened"
        and only["zero_gradient"] == 0.8  # those that it has right
        and "lead of 10" in found.report.settings["softened"]
    )
    exact = np.where(plain(x).argmax(1) != labels, 0, plain.distance(x))
    for search, tolerance in (("attack", 6e-4), ("btr", 6e-4), ("clamped", 1e-5)):
        assert_allclose(found.arrays[f"distance_{search}__distilled"], exact, atol=tolerance)
    assert only["ara_censored"] == 0 and only["ara"] == pytest.approx(ara(exact, 10).value, abs=3e-4)
    assert (found.arrays["gradient_norm__distilled"] == 0).sum() == 16


def whole_row(settings, arrays):
    """The row of network `x` that all searches are known of."""
    found = row(10, "x", settings, 1.0, arrays)
    for search in SEARCHES:
        found |= search_figures(search, 10, "x", settings, 1.0, arrays)
    return found


@pytest.mark.parametrize(("censored", "known"), [(2, True), (3, False)])
def test_an_area_with_more_than_two_per_cent_censored_is_null_and_says_why(censored, known):
    arrays = {f"first_{search}__x": np.zeros(100, np.int16) for search in SEARCHES}
    distance = np.linspace(0.01, 0.02, 100).astype(np.float32)
    distance[:censored] = np.inf
    arrays |= {f"distance_{search}__x": distance for search in SEARCHES} | {"gradient_norm__x": np.ones(100)}
    found = whole_row(SETTINGS, arrays)
    assert [found[f"ara{end}"] is not None for end in ("", "_low", "_high", "_binned")] == [known] * 4
    assert found["ara_reason"] == (None if known else "nothing found on 3 of 100 images")
    assert (found["ara_n"], found["ara_censored"]) == (100, censored) and found["median_rmse"] is not None


def test_distances_are_measured_from_images_and_success_is_not_taken_on_trust(data):
    """A search that says it broke everything, and changed nothing but one image."""
    net, x = Threshold(), data.images(0, 10)
    labels = net(x).argmax(1)

    class Boast(SmallestChange):
        def __call__(self, model, x, labels):
            delta = torch.zeros_like(x)
            delta[3] = -1.1 * float(net(x)[3, 1]) * (net.weight / net.weight.norm() ** 2).view(1, 28, 28)
            return ScheduledAttackResult(delta, torch.zeros(len(x), dtype=torch.int64))

    distance = measure(net, x, labels, Boast())["distance"]
    assert np.isinf(np.delete(distance, 3)).all()
    assert_allclose(distance[3], 1.1 * float(net.distance(x)[3]), rtol=1e-4)


def test_an_image_that_rounding_laid_back_is_pushed_on_and_the_push_counts(data):
    net, x = Threshold(), data.images(0, 10)
    labels = net(x).argmax(1)

    class Almost(SmallestChange):
        def __call__(self, model, x, labels):
            step = net(x)[:, 1] * -0.9995 / net.weight.norm() ** 2
            return ScheduledAttackResult(
                step[:, None, None, None] * net.weight.view(1, 1, 28, 28), torch.ones(len(x)).long()
            )

    distance = measure(net, x, labels, Almost())["distance"]
    assert_allclose(distance, net.distance(x) * 0.9995 * 1.001, rtol=1e-4)


@pytest.mark.parametrize("clamp", [True, False])
def test_a_push_leaves_the_range_only_where_the_search_may(data, clamp):
    seen = []

    def never_met(x: torch.Tensor) -> torch.Tensor:
        seen.append(float(x.max()))
        return torch.eye(10)[torch.zeros(len(x), dtype=torch.int64)]

    class ToTheEnd(SmallestChange):
        def __call__(self, model, x, labels):
            return ScheduledAttackResult(1 - x, torch.zeros(len(x), dtype=torch.int64))

    distance = measure(never_met, data.images(0, 4), torch.zeros(4, dtype=torch.int64), ToTheEnd(clamp=clamp))
    assert np.isinf(distance["distance"]).all() and (max(seen) == 1) == clamp


def test_clamping_lengthens_distances_where_images_are_at_the_ends_of_the_range():
    net = Threshold()
    net.weight = net.weight / 10  # no probability saturates
    x = torch.where(net.weight.view(1, 1, 28, 28) > 0, 1.0, 0.0)
    x[..., ::2] = 1 - x[..., ::2]
    net.bias = 2 - float(net(x)[0, 1])
    label = torch.ones(1, dtype=torch.int64)
    free, kept = (measure(net, x, label, SmallestChange("smallest", 10, 60, 60, clamp))["distance"] for clamp in (0, 1))
    assert_allclose(free, net.distance(x), rtol=0.01)
    assert kept > 1.3 * free  # only half of the pixels can move as they should: root 2


def measured(monkeypatch, run):
    """The parts that `run` measures, scratch files left out."""
    parts = []
    original = parts_cache.write_npz
    monkeypatch.setattr(
        parts_cache, "write_npz", lambda arrays, path: (parts.append(path.stem), original(arrays, path))
    )
    run()
    return [part.rsplit("-", 1)[0] for part in parts]


class StopError(Exception):
    """Stands for a kill."""


def stop_at(what, done):
    def on_progress(name, so_far, of):
        if (name, so_far) == (what, done):
            raise StopError

    return on_progress


def without_seconds(rows):
    return [{name: value for name, value in each.items() if not name.endswith("_seconds")} for each in figures(rows)]


@pytest.mark.slow
def test_a_killed_run_goes_on_with_the_batch_it_was_in(pair, data, tmp_path, monkeypatch):
    path = tmp_path / "adversarial.json"
    with pytest.raises(StopError):
        adversarial_report(Request(pair, data, SHORT, tmp_path, path, stop_at("distilled btr", 16)))
    standard, distilled = read_report(path).rows
    assert {"ara", "btr_ara", "ara_clamped"} <= standard.keys() and {"ara"} == distilled.keys() & {*SEARCHES.values()}
    assert "median_rmse" in distilled and "distance_btr__distilled" not in Adversarial.read(path).arrays
    rest = measured(monkeypatch, lambda: adversarial_report(Request(pair, data, SHORT, tmp_path, path)))
    assert rest == ["distilled-btr-16-20", *(f"distilled-clamped-{part}" for part in ("0-8", "8-16", "16-20"))]
    whole = adversarial_report(Request(pair, data, SHORT, tmp_path / "other"))
    assert without_seconds(whole.report.rows) == without_seconds(read_report(path).rows)
    added = read_report(path).rows[1]["made"].split(",")
    assert len(added) == 2 and set(added) <= read_report(path).provenance["runs"].keys()  # the area's run, and this one
    assert all(each["ara_seconds"] >= 0 for each in whole.report.rows)


@pytest.mark.slow
def test_only_a_network_with_changed_weights_or_other_settings_is_measured_again(pair, data, tmp_path, monkeypatch):
    path = report_path("fashion-mnist", "adversarial", tmp_path)
    first = adversarial_report(Request(pair, data, SHORT, tmp_path / "a", path))
    assert measured(monkeypatch, lambda: adversarial_report(Request(pair, data, SHORT, tmp_path / "b", path))) == []
    other = zoo_model("distilled", Threshold(-2.0), "1" * 64)
    parts = measured(
        monkeypatch, lambda: adversarial_report(Request([pair[0], other], data, SHORT, tmp_path / "b", path))
    )
    assert {part.split("-")[0] for part in parts} == {"distilled"}
    again = Adversarial.read(report_path("fashion-mnist", "adversarial", tmp_path))
    assert again.report.rows[0] == first.report.rows[0] and again.report.rows[1]["sha256"] == "1" * 64
    assert not np.array_equal(again.arrays["distance_btr__distilled"], first.arrays["distance_btr__distilled"])
    changed = dataclasses.replace(SHORT, steps=7)
    assert measured(monkeypatch, lambda: adversarial_report(Request(pair[:1], data, changed, tmp_path / "b", path)))


@pytest.mark.slow
def test_several_runs_may_each_measure_a_network(pair, data, tmp_path):
    path = tmp_path / "adversarial.json"
    adversarial_report(Request(pair[1:], data, SHORT, tmp_path, path))
    both = adversarial_report(Request(pair[:1], data, SHORT, tmp_path, path))
    assert [each["model"] for each in both.report.rows] == ["standard", "distilled"]
    assert {name.split("__")[1] for name in both.arrays} == {"standard", "distilled"}


def test_figures_without_a_value_are_null(tmp_path):
    """Every image wrong: no median. Nothing ever broken: no area."""
    zeros, never = np.zeros(6, np.float32), np.full(6, np.inf, np.float32)
    arrays = {f"first_{search}__x": np.zeros(6, np.int16) for search in SEARCHES}
    arrays |= {"distance_attack__x": zeros, "distance_btr__x": never, "distance_clamped__x": zeros}
    arrays |= {"gradient_norm__x": np.ones(6)}
    found = whole_row(SETTINGS, arrays)
    assert (found["ara"], found["accuracy"], found["median_rmse"], found["median_rmse_n"]) == (0, 0, None, 0)
    assert (found["btr_ara"], found["btr_ara_low"], found["btr_ara_censored"]) == (None, None, 6)


def test_the_seed_decides_the_resamples():
    arrays = {f"first_{search}__x": np.zeros(50, np.int16) for search in SEARCHES}
    arrays |= {f"distance_{search}__x": np.random.default_rng(0).gamma(2, 0.01, 50) for search in SEARCHES}
    arrays |= {"gradient_norm__x": np.ones(50)}
    one, other = (whole_row(dataclasses.replace(SETTINGS, seed=seed), arrays) for seed in (0, 1))
    for name in (*SEARCHES.values(), "median_rmse"):
        assert one[name] == other[name] and one[f"{name}_low"] != other[f"{name}_low"], name


def test_impossible_requests_are_refused(data, tmp_path):
    for wrong in ({"images": 0}, {"more_images": 0}, {"steps": 0}, {"clamped_finer": -1}):
        with pytest.raises(ConfigError):
            AdversarialSettings(**wrong)
    with pytest.raises(InputError):
        adversarial_report(Request([zoo_model("standard", Threshold())], data.first(0), SETTINGS, tmp_path))
    write_report(dataclasses.replace(read_empty(), report="adversarial"), tmp_path / "cifar10" / "adversarial.json")
    with pytest.raises(InputError, match="npz"):
        Adversarial.read(report_path("cifar10", "adversarial", tmp_path))


def read_empty():
    from core.reports.form.report import Report

    return Report("cifar10", "adversarial", {}, {}, ())


def test_the_networks_with_a_floor_are_measured_on_more_images():
    settings = AdversarialSettings()
    assert settings.images_of("cifar10", "pgd-l2-large") == settings.images_of("fashion-mnist", "standard") == 1000
    assert settings.images_of("cifar10", "noise-sign") == 500
