"""A calibration on somebody's own pictures: its promise is checked, and no file says what is not so."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import betabinom

from core.anomaly.baselines import UNFITTED
from core.anomaly.calibration import calibration_bytes, calibration_in, read_calibration, write_calibration
from core.anomaly.catalogue import DETECTORS
from core.anomaly.own_normal import ALPHA, FEWEST, NormalPictures, calibrate_on_own, read_normal_pictures
from core.data.incoming import Incoming
from core.data.tasks import task_named
from core.errors import ConfigError, InputError
from core.metrics.intervals import wilson
from core.npz import npz_bytes
from tests.helpers.library_networks import library_model
from tests.helpers.pictures import columns, png

ATTACKED = ("perceptron", "attacked-gradients", "attacked-activations", "attacked-both", "attacked-all")
WITHOUT_LABELS = (
    *ATTACKED, "mahalanobis", "vim", "knn", "mahalanobis-plus", "fdbd", "grood", "nci", "nnguide", "rmd", "react",
    "ash", "scale", "joint",
)  # fmt: skip
TASK = task_named("fashion-mnist")


def pictures(count: int, seed: int = 5, task: str = "fashion-mnist") -> NormalPictures:
    return NormalPictures(columns(count, seed, task).pixels, "crop", False, (), 0)


@pytest.fixture(scope="module")
def own(network):
    return calibrate_on_own(network, pictures(400), "columns")


@pytest.mark.slow
def test_a_quarter_fits_a_quarter_gives_p_values_and_half_is_held_out(own):
    assert (own.settings["fit_images"], own.settings["p_value_images"], own.own.held_out) == (100, 100, 200)
    assert own.own.images == 400 and own.own.name == "columns" and {len(each) for each in own.normals.values()} == {100}


def test_detectors_that_need_labels_are_left_out_and_the_others_are_there(own):
    assert own.detectors == tuple(key for key in DETECTORS if key not in WITHOUT_LABELS)
    assert {*own.own.flagged} == {*own.detectors} and own.baselines is UNFITTED


def test_the_share_flagged_of_those_held_out_is_near_what_is_promised(own):
    """Exchangeable pictures: the count is beta-binomial, which leaves these bounds once in a million detectors."""
    rank = int(ALPHA * 101)
    most = betabinom(200, rank, 101 - rank).isf(1e-6 / len(own.detectors))
    assert most < 60
    for key, flagged in own.own.flagged.items():
        assert flagged <= most, key
        share = own.own.share(key)
        assert (share.low, share.high) == wilson(flagged, 200) and share.low <= flagged / 200 <= share.high
    assert sum(own.own.flagged.values()) > 0


def test_the_counts_are_those_of_pictures_that_nothing_was_fitted_to(network, own):
    """The order is drawn: of pictures in the order of their brightness every part gets some of each."""
    order = torch.randperm(400, generator=torch.Generator().manual_seed(0))
    held_out = pictures(400).pixels[order[200:]].float() / 255
    p_values = own.p_values(own.scores(own.measure(network, held_out)))
    assert {key: int((values <= ALPHA).sum()) for key, values in p_values.items()} == own.own.flagged
    assert order[:100].max() > 350 and order[:100].min() < 50


def test_other_pictures_are_flagged_far_more_often_than_promised(network, own):
    noise = torch.rand(60, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    p_values = own.p_values(own.scores(own.measure(network, noise)))
    assert (p_values["norms-all"] <= ALPHA).mean() > 0.5


def test_it_comes_back_from_a_file_as_it_was(network, own, tmp_path):
    write_calibration(own, tmp_path / "a.npz")
    again = read_calibration(network, tmp_path / "a.npz")
    assert again.digest == own.digest and again.own == own.own and again.detectors == own.detectors


def test_another_networks_file_and_a_damaged_one_are_refused(network, own):
    data = calibration_bytes(own)
    other = replace(network, card=replace(network.card, sha256="b" * 64))
    with pytest.raises(InputError, match="other weights"):
        calibration_in(other, data, "mine.npz")
    middle = len(data) // 2
    for damaged in (data[:200], data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :], b"", b"PK\3\4"):
        with pytest.raises(InputError, match=r"mine\.npz"):
            calibration_in(network, damaged, "mine.npz")


@pytest.mark.parametrize(
    "change",
    [
        {"name": "x" * 61},
        {"name": 3},
        {"images": 10},
        {"images": True},
        {"held_out": 0},
        {"alpha": 2.0},
        {"fitting": "stretch"},
        {"flagged": {"norms": 201}},
        {"flagged": {"vim": 1}},
        {"flagged": ["norms"]},
        {"surprise": 1},
    ],
    ids=str,
)
def test_a_file_that_says_what_can_not_be_is_refused(network, own, change):
    arrays = own.arrays()
    settings = json.loads(str(arrays["settings"]))
    settings["own"] |= change
    with pytest.raises(InputError, match=r"mine\.npz is no calibration"):
        calibration_in(network, npz_bytes(arrays | {"settings": np.array(json.dumps(settings))}), "mine.npz")


def test_a_file_that_claims_detectors_whose_parts_it_lacks_is_refused(network, own):
    normals = next(iter(own.normals.values()))
    for key, words in (("vim", "not fitted"), ("mahalanobis", "not fitted")):
        data = npz_bytes(own.arrays() | {f"normals/{key}": normals})
        with pytest.raises(InputError, match=words):
            calibration_in(network, data, "mine.npz")
    fewer = {name: array for name, array in own.arrays().items() if name != "normals/softmax"}
    with pytest.raises(InputError, match="needs those that it combines"):
        calibration_in(network, npz_bytes(fewer), "mine.npz")
    short = {name: array[:50] if name.startswith("normals/") else array for name, array in own.arrays().items()}
    with pytest.raises(InputError, match="how many normal scores"):
        calibration_in(network, npz_bytes(short), "mine.npz")


@pytest.mark.slow
def test_a_network_without_a_linear_head_lacks_what_needs_its_features():
    made = calibrate_on_own(library_model("squeezenet"), pictures(24, task="cifar10"))
    assert made.detectors == tuple(key for key in DETECTORS if key not in (*WITHOUT_LABELS, "gradnorm"))
    model = library_model("squeezenet")
    assert calibration_in(model, calibration_bytes(made), "a.npz").detectors == made.detectors


def files(count: int) -> list[Incoming]:
    """Pictures as files, each another one."""
    return [Incoming(f"{at}.png", png(one[0].numpy())) for at, one in enumerate(columns(count, 3).pixels)]


def test_pictures_are_read_each_once_and_what_is_no_picture_is_named():
    given = files(FEWEST)
    found = read_normal_pictures(TASK, [*given, given[7], Incoming("a.txt", b"hello")])
    assert len(found.pixels) == FEWEST and found.repeated == 1
    assert torch.equal(found.pixels, columns(FEWEST, 3).pixels)
    (reason,) = found.refused
    assert reason.startswith("a.txt: ")


@pytest.mark.slow
def test_too_few_different_pictures_are_a_sentence():
    given = files(FEWEST - 1)
    with pytest.raises(
        InputError, match=r"at least 200 different pictures .* these are 199 \(1 could not be read, 199"
    ):
        read_normal_pictures(TASK, [*given, *given, Incoming("b.zip", error="damaged")])


def test_it_can_be_stopped_at_every_batch(network):
    seen = []

    def stop(done: int, of: int) -> None:
        seen.append((done, of))
        if len(seen) == 3:
            raise ConfigError("enough")

    with pytest.raises(ConfigError, match="enough"):
        calibrate_on_own(network, pictures(400), on_progress=stop)
    assert [done for done, _ in seen] == [0, 64, 100] and {of for _, of in seen} == {500}
