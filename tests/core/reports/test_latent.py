"""The report `latent`: rows are what the arrays say, judged from codes, resumed part by part."""

import dataclasses
from functools import partial

import numpy as np
import pytest
import torch

from core.attacks.ddn import Ddn
from core.data.datasets import load
from core.data.tasks import FASHION_MNIST
from core.errors import ConfigError, InputError
from core.latent import finish
from core.latent.autoencoder import AutoencoderCard, load_autoencoder
from core.latent.autoencoder import save as save_autoencoder
from core.latent.network import AutoencoderConfig, AutoencoderNetwork
from core.latent.noise import decayed, log_likelihood_bound
from core.latent.search import Search, search
from core.models.zoo import load_zoo_model
from core.reports.catalogue import command_of
from core.reports.commands import latent as commands_latent
from core.reports.form.measuring import Request
from core.reports.form.report import read_report, report_path
from core.reports.latent import measurements, report
from core.reports.latent.measurements import (
    Codes,
    LatentSettings,
    Setting,
    Softened,
    codes_of,
    image_space,
    linf_grid,
    searched,
)
from core.reports.latent.report import NAME, Latent, latent_report
from core.reports.latent.rows import RHOS
from tests.helpers.rows import figures

SETTINGS = LatentSettings(
    5, 2, 1.0, paper_images=6, paper_restarts=2, accuracy_images=20, noise_images=10, draws=2, bound=0.5
)
TINY = AutoencoderConfig(10, (1, 28, 28), 8, (8, 8, 4))


@pytest.fixture
def autoencoder_folder(tmp_path):
    folder = tmp_path / "generators"
    network = AutoencoderNetwork(TINY, torch.Generator().manual_seed(0))
    with torch.no_grad():
        network.decoder.start.weight.mul_(10.0)  # so that codes matter
    save_autoencoder(
        network, AutoencoderCard("fashion-mnist", TINY, "recipe", {}, 0, "command", {"seconds": 1}), folder
    )
    return folder


@pytest.fixture
def generator(autoencoder_folder):
    return load_autoencoder("fashion-mnist", autoencoder_folder)


@pytest.fixture
def data(fashion_root):
    return load(FASHION_MNIST, "test")


@pytest.fixture
def pair(zoo_folder, monkeypatch):
    monkeypatch.setattr(report, "BATCH", 3)
    monkeypatch.setattr(measurements, "LINF_STEPS", 2)
    return [load_zoo_model("fashion-mnist", key, zoo_folder) for key in ("standard", "pgd-linf")]


@pytest.fixture
def short_searches(monkeypatch, few_resamples):
    """Searches of a few steps, for tests of what becomes of their results."""
    monkeypatch.setattr(measurements, "Search", partial(Search, steps=4))
    monkeypatch.setattr(measurements, "Ddn", partial(Ddn, 6))
    monkeypatch.setattr(finish, "HALVINGS", 3)


class StopError(Exception):
    """Stands for a kill."""


def recorder(said, stop_at="never"):
    def on_progress(what, done, of):
        said.append(f"{what} {done}/{of}")
        if said[-1] == stop_at:
            raise StopError

    return on_progress


def codes_seen_right(generator, model, count=12):
    """Codes whose decayed pictures the network gives the class that they are decoded in."""
    z = torch.randn(count, 8, generator=torch.Generator().manual_seed(1))
    labels = torch.zeros(count, dtype=torch.int64)
    for _ in range(5):
        labels = model.fast(generator.decode(decayed(z, 1.0), labels)).argmax(1)
    right = model.fast(generator.decode(decayed(z, 1.0), labels)).argmax(1) == labels
    assert right.sum() >= 4
    return Codes(z[right], labels[right])


@pytest.mark.slow
def test_rows_say_what_the_arrays_say(generator, pair, data, tmp_path, short_searches):
    made = latent_report(Request(pair, data, SETTINGS, tmp_path), generator)
    arrays = made.arrays

    def rows(metric, **more):
        return [row for row in made.report.rows if all(row[k] == v for k, v in {"metric": metric, **more}.items())]

    for key in ("standard", "pgd-linf"):
        for metric, name in (("accuracy", "right"), ("LRA", "right_reconstruction"), ("LGA", "right_generation")):
            (row,) = rows(metric, model=key)
            assert row["value"] == pytest.approx(arrays[f"{name}__{key}"].mean()) and row["value_n"] == 20
            assert len(row["sha256"]) == 64 and row["epsilon"] is None and row["rho"] is None
        assert len(rows("LLNA", model=key)) == 8 and len(rows("decayed-accuracy", model=key)) == 4
        (row,) = rows("LLNA", model=key, codes="generation", epsilon=0.5)
        assert row["value"] == pytest.approx(arrays[f"noise_generation_0.5__{key}"].mean()) and row["value_n"] == 10
        settings = {row["setting"] for row in rows("LARS", model=key)}
        assert settings == ({"default", "paper"} if key == "standard" else {"default"})
        for row in rows("LAGS", model=key):
            of = f"generation_{row['setting']}_{row['epsilon']:g}__{key}"
            distance = arrays[f"distance_{of}"]
            sizes = np.where(np.isinf(distance), 2.5, distance)
            assert row["value"] == pytest.approx(sizes.mean()) and row["median"] == pytest.approx(np.median(sizes))
            assert row["not_found"] == np.isinf(distance).mean() and row["already_wrong"] == (distance == 0).mean()
            assert row["likely"] == (distance < {0.5: 0.4472, 1.0: 0.7071}[row["epsilon"]]).mean()
            assert row["value_n"] == (5 if row["setting"] == "default" else 6) and row["rho"] == 2.5
            moved = np.isfinite(distance) & (distance > 0)
            assert row["l2_n"] == moved.sum() == np.isfinite(arrays[f"l2_{of}"]).sum()
            if moved.any():
                assert row["l2"] == pytest.approx(np.nanmean(arrays[f"l2_{of}"]))
            curve = rows("LAGA", model=key, setting=row["setting"], epsilon=row["epsilon"], search="minimum")
            assert [each["rho"] for each in curve] == list(RHOS)
            assert [each["value"] for each in curve] == pytest.approx([(distance > rho).mean() for rho in RHOS])
            (limit,) = rows("LAGA", model=key, setting=row["setting"], epsilon=row["epsilon"], search="bounded")
            assert limit["log_tau"] == pytest.approx(log_likelihood_bound(0.5, row["epsilon"], 8))
            assert limit["rho"] == 0.5 and limit["value"] == pytest.approx((~arrays[f"fooled_{of}"]).mean())
        for norm in ("l2", "linf"):
            (row,) = rows(f"severity-{norm}", model=key)
            distance = arrays[f"image_{norm}__{key}"]
            known = np.isfinite(distance).all() or (np.isfinite(distance) & (distance > 0)).any()
            assert row["value_n"] == (5 if known else 0) and row["already_wrong"] == (distance == 0).mean()
    (row,) = rows("LRA", model="standard")
    assert row["distance"] == pytest.approx(arrays["rebuilt"].mean()) and row["distance_n"] == 20
    assert {row["epsilon"] for row in rows("LARS", setting="paper")} == {0.5, 1.0}


def test_codes_are_the_encoders_and_the_priors(generator, data):
    codes = codes_of(generator, data, SETTINGS)
    x, labels = data.images(0, 20), data.labels[:20]
    torch.testing.assert_close(codes["reconstruction"].z, generator.encode(x, labels))
    assert codes["generation"].labels.tolist() == [*range(10), *range(10)]
    assert torch.equal(codes["generation"].z, generator.sample(20, torch.Generator().manual_seed(0)))
    assert torch.equal(codes["generation"].first(3, 5).z, codes["generation"].z[3:5])


@pytest.mark.slow
@pytest.mark.parametrize(("longer", "right"), [(1.0, False), (3.0, False), (0.0, True)])
def test_success_and_size_are_judged_from_the_codes(generator, pair, monkeypatch, longer, right):
    """Whatever the search says of its codes: here that each is wrong, and half as far away as it is."""
    codes = codes_seen_right(generator, pair[0])
    honest = search(generator, pair[0].fast, codes.z, codes.labels, 1.0, measurements.Search(restarts=2))
    assert honest.found.all() and not honest.already_wrong.any()
    z_adv = honest.z_decayed + longer * (honest.z_adv - honest.z_decayed)
    boast = dataclasses.replace(
        honest, z_adv=z_adv, norm=honest.norm / 2, l2=honest.l2 / 2, found=np.ones(len(z_adv), bool)
    )
    monkeypatch.setattr(measurements, "search", lambda *given: boast)
    setting = Setting("default", len(codes.z), 2, (1.0,))
    bound = float(honest.norm.min()) * 1.01
    found = searched(generator, pair[0].fast, codes, 1.0, setting, bound, 0)
    if right:
        assert np.isinf(found["distance"]).all() and np.isnan(found["l2"]).all() and np.isinf(found["plain"]).all()
    elif longer == 1:
        np.testing.assert_allclose(found["distance"], honest.norm, rtol=1e-4)
        np.testing.assert_allclose(found["l2"], honest.l2, rtol=1e-4)
        np.testing.assert_allclose(found["outward"], honest.outward, atol=1e-5)
    assert found["fooled"].sum() == (0 if right or longer == 3 else (honest.norm <= bound).sum())


@pytest.mark.slow
def test_the_smaller_of_what_two_searches_find_counts(generator, pair, monkeypatch):
    """The bounded search finds some codes' changes at half the way that the minimum search is made to claim."""
    codes = codes_seen_right(generator, pair[0])
    honest = search(generator, pair[0].fast, codes.z, codes.labels, 1.0, measurements.Search(restarts=2))
    far = dataclasses.replace(honest, z_adv=honest.z_decayed + 1.5 * (honest.z_adv - honest.z_decayed))
    monkeypatch.setattr(measurements, "search", lambda *given: far if given[5].shrinking else honest)
    setting = Setting("default", len(codes.z), 2, (1.0,))
    bound = float(np.median(honest.norm))
    found = searched(generator, pair[0].fast, codes, 1.0, setting, bound, 0)
    np.testing.assert_allclose(found["distance"], honest.norm, rtol=1e-4)
    np.testing.assert_allclose(found["l2"], honest.l2, rtol=1e-4)
    np.testing.assert_allclose(found["plain"], honest.norm_plain, rtol=1e-4)
    assert np.array_equal(found["fooled"], honest.norm <= bound * (1 + 1e-5)) and found["fooled"].sum() > 0
    monkeypatch.setattr(measurements, "search", lambda *given: honest if given[5].shrinking else far)
    np.testing.assert_allclose(
        searched(generator, pair[0].fast, codes, 1.0, setting, bound, 0)["distance"], honest.norm, rtol=1e-4
    )


@pytest.mark.slow
def test_the_bounded_search_finds_what_lies_well_within(generator, pair):
    codes = codes_seen_right(generator, pair[0], 8)
    setting = Setting("default", len(codes.z), 2, (1.0,))
    distance = searched(generator, pair[0].fast, codes, 1.0, setting, 0.3, 0)["distance"]
    bound = float(np.median(distance)) * 1.3
    fooled = searched(generator, pair[0].fast, codes, 1.0, setting, bound, 0)["fooled"]
    assert fooled[distance < bound * 0.7].all() and fooled.any()
    assert not searched(generator, pair[0].fast, codes, 1.0, setting, float(distance.min()) * 0.5, 0)["fooled"].any()


@pytest.mark.slow
def test_image_space_sizes_are_of_wrong_images_and_nothing_smaller_is_known(pair, data):
    model, x = pair[0], data.images(0, 12)
    labels = model.fast(x).argmax(1)
    labels[:3] = (labels[:3] + 1) % 10
    found = image_space(model.fast, FASHION_MNIST, x, labels, 0)
    assert (found["image_l2"][:3] == 0).all() and (found["image_linf"][:3] == 0).all()
    assert (found["image_l2"][3:] > 0).all() and np.isfinite(found["image_l2"]).all()
    allowed = [0.0, *linf_grid(FASHION_MNIST), np.inf]
    assert all(np.isclose(allowed, value, rtol=1e-5).any() for value in found["image_linf"])
    moved = np.isfinite(found["image_linf"]) & (found["image_linf"] > 0)
    assert moved.any() and (found["image_linf"][moved] >= found["image_l2"][moved] * 0.8).all()
    grid = linf_grid(FASHION_MNIST)
    assert grid[0] == pytest.approx(0.1 / 32) and grid[-1] == pytest.approx(0.4)


@pytest.mark.slow
def test_a_killed_run_goes_on_with_the_batch_it_was_in(generator, pair, data, tmp_path, short_searches):
    path = tmp_path / "latent.json"
    with pytest.raises(StopError):
        latent_report(
            Request(pair, data, SETTINGS, tmp_path, path, recorder([], "standard generation_paper_0.5 3/6")), generator
        )
    kept = read_report(path)
    assert {row["model"] for row in kept.rows} == {"standard", "pgd-linf"}
    assert {row["setting"] for row in kept.rows} == {"", "default"}
    said = []
    latent_report(Request(pair, data, SETTINGS, tmp_path, path, recorder(said)), generator)
    assert said == [
        f"standard {kind}_paper_{epsilon} {done}/6"
        for epsilon in ("0.5", "1")
        for kind in ("reconstruction", "generation")
        for done in (3, 6)
    ]
    whole = latent_report(Request(pair, data, SETTINGS, tmp_path / "other"), generator)
    assert figures(whole.report.rows) == figures(read_report(path).rows)
    said.clear()
    latent_report(Request(pair, data, SETTINGS, tmp_path / "third", path, recorder(said)), generator)
    assert said == []


@pytest.mark.slow
def test_only_a_network_with_changed_weights_is_measured_again(generator, pair, data, tmp_path, short_searches):
    path = tmp_path / "latent.json"
    settings = dataclasses.replace(SETTINGS, paper_images=0)
    latent_report(Request(pair, data, settings, tmp_path / "a", path), generator)
    card = dataclasses.replace(pair[1].card, sha256="1" * 64)
    said = []
    changed = dataclasses.replace(pair[1], card=card)
    latent_report(Request([changed], data, settings, tmp_path / "b", path, recorder(said)), generator)
    assert said and all(what.startswith("pgd-linf") for what in said)
    assert {row["sha256"] for row in read_report(path).rows if row["model"] == "pgd-linf"} == {"1" * 64}
    assert {row["model"] for row in read_report(path).rows} == {"standard", "pgd-linf"}


@pytest.mark.slow
def test_another_generator_makes_another_report(generator, pair, data, tmp_path, short_searches):
    path = tmp_path / "latent.json"
    settings = dataclasses.replace(SETTINGS, paper_images=0)
    latent_report(Request(pair[:1], data, settings, tmp_path, path), generator)
    other = dataclasses.replace(generator, card=dataclasses.replace(generator.card, sha256="2" * 64))
    said = []
    latent_report(Request(pair[:1], data, settings, tmp_path, path, recorder(said)), other)
    assert said and read_report(path).settings["generator"] == "2" * 64


@pytest.mark.slow
def test_the_command_says_each_metric_and_writes_the_readings(
    generator, autoencoder_folder, pair, data, tmp_path, monkeypatch, short_searches
):
    monkeypatch.setattr(commands_latent, "load_autoencoder", lambda task: load_autoencoder(task, autoencoder_folder))
    command = command_of("latent")
    assert command.settings(None, 0) == LatentSettings() and command.models == ()
    assert command.settings(7, 1).images == 7 and command.settings(7, 1).paper_images == 0
    path = report_path("fashion-mnist", NAME, tmp_path)
    answer = command.run(Request(pair, data, SETTINGS, tmp_path, path, lambda what, done, of: None))
    assert any("LAGS" in line and "not found" in line for line in answer.lines)
    assert any("LRA" in line for line in answer.lines)
    assert read_report(path.with_name("latent-readings.json")).settings["networks"] == ["standard", "pgd-linf"]
    assert Latent.read(report_path("fashion-mnist", "latent", tmp_path)).report.rows == answer.report.rows


def test_impossible_requests_are_refused(generator, pair, data, tmp_path):
    for change in (
        {"images": 0},
        {"bound": 0.0},
        {"eps": 0.0},
        {"paper_eps": (0.0,)},
        {"paper_images": -1},
        {"draws": 0},
    ):
        with pytest.raises(ConfigError):
            LatentSettings(**change)
    with pytest.raises(InputError):
        latent_report(Request([], data, SETTINGS, tmp_path), generator)
    strange = dataclasses.replace(generator, card=dataclasses.replace(generator.card, task="cifar10"))
    with pytest.raises(InputError):
        latent_report(Request(pair, data, SETTINGS, tmp_path), strange)


@pytest.mark.slow
def test_a_network_that_is_certain_is_as_fragile_as_one_that_is_not(generator, pair, data):
    """A thousandfold logits answer the same and are as near to other answers, in image space and in latent space."""
    model, x, codes = pair[0].fast, data.images(0, 12), codes_seen_right(generator, pair[0], 8)
    labels, setting = model(x).argmax(1), Setting("default", len(codes.z), 2, (1.0,))

    class Certain(torch.nn.Module):
        def forward(self, x):
            return 1000.0 * model(x)

    assert torch.equal(Softened(Certain())(x).argmax(1), labels)
    leads = Softened(Certain())(x).topk(2, dim=1).values
    assert (leads[:, 0] - leads[:, 1]).max() <= 10.001
    for one, other in (
        (image_space(model, FASHION_MNIST, x, labels, 0), image_space(Certain(), FASHION_MNIST, x, labels, 0)),
        (
            searched(generator, model, codes, 1.0, setting, 0.3, 0),
            searched(generator, Certain(), codes, 1.0, setting, 0.3, 0),
        ),
    ):
        for name in {"image_l2", "image_linf", "distance"} & one.keys():
            far, near = (np.minimum(each[name], 1.0) for each in (other, one))  # what was not found counts as 1
            assert far.mean() < 1.15 * near.mean() and (far < 1).mean() > 0.8
