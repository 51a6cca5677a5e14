"""What the Latent page gives away: arrays that say what was seen, and a sheet with every frame in its place."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from app.latent import results, search
from app.latent.choice import AXES
from app.latent.files import explorer_npz, films_png, fooled_npz
from app.latent.position import LatentPosition, resolve
from app.latent.search import FRAMES, way_there
from app.latent.search_films import amplification, headline
from app.state import autoencoders
from app.state import zoo as state_zoo
from app.ui.downloads import CELL, GAP, HEAD
from core.data.tasks import task_named
from core.latent.search import Search
from tests.helpers.synthetic.latent import LATENT, write_autoencoders

TASK = task_named("fashion-mnist")
MODELS = ["standard", "pgd-l2"]


@pytest.fixture
def position(zoo, tmp_path, monkeypatch):
    """Some position in the latent space of a tiny generator, sliders moved, with two networks."""
    monkeypatch.setenv("ROBUSTSCOPE_GENERATORS", str(write_autoencoders(tmp_path, (TASK.key,))))
    sha256 = autoencoders.autoencoder(TASK.key).card.sha256
    code = autoencoders.sample_code(TASK.key, 3)
    at = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.5)
    return resolve(LatentPosition(TASK.key, sha256, code, 2, 5, 1, 5, at), MODELS)


@pytest.fixture
def fooled(position, monkeypatch):
    """A search for each of two networks, short ones."""
    monkeypatch.setattr(search, "SEARCH", Search(steps=5, restarts=1))
    said = []
    found = search.fool(position, 0.0, lambda done, of: said.append((done, of)), lambda: False)
    assert said == [(1, 2), (2, 2)]
    return found


def test_each_network_is_asked_about_its_own_answer_on_the_picture_that_is_drawn(position, fooled):
    x = torch.tensor(results.row_at(position).x)
    for one in fooled:
        assert np.allclose(one.film.x[0], x[0], atol=1e-5) and one.label == position.place.label
        assert one.answers[0] == int(state_zoo.model(TASK.key, one.model).fast(x).argmax()) == int(one.found.labels[0])
        assert one.right == (one.answers[0] == position.place.label)
        assert (one.answers[-1] != one.answers[0]) == bool(one.found.found[0])


def test_the_way_goes_straight_from_the_centre_to_the_code_found(fooled):
    for one in fooled:
        codes = way_there(one.found)
        assert codes.shape == (FRAMES, LATENT)
        assert torch.equal(codes[0], torch.from_numpy(one.found.z_decayed[0]))
        assert torch.equal(codes[-1], torch.from_numpy(one.found.z_adv[0]))
        assert torch.allclose(
            codes[1:] - codes[:-1], (codes[-1] - codes[0]).expand(FRAMES - 1, -1) / (FRAMES - 1), atol=1e-5
        )


def test_the_explorers_arrays_hold_picture_code_and_all_ribbons(position):
    with np.load(io.BytesIO(explorer_npz(position)), allow_pickle=False) as kept:
        settings = json.loads(str(kept["settings"]))
        assert (
            settings["sliders"] == list(AXES)
            and settings["models"] == MODELS
            and settings["code"] == position.place.code
        )
        assert not np.allclose(kept["z"], kept["z_start"]) and kept["probs"].shape == (2, 10)
        for axis in AXES:
            assert kept[f"probs__{axis}"].shape == (2, len(kept[f"positions__{axis}"]), 10)
        middle = int(np.flatnonzero(kept["positions__d1"] == 1.0)[0])  # where its slider stands
        assert np.allclose(kept["x__d1"][middle], kept["x"], atol=1e-5)


def test_the_searches_arrays_say_what_was_found(fooled):
    with np.load(io.BytesIO(fooled_npz(fooled)), allow_pickle=False) as kept:
        settings = json.loads(str(kept["settings"]))
        for one in fooled:
            assert np.array_equal(kept[f"z_adv__{one.model}"], one.found.z_adv)
            assert kept[f"probs_film__{one.model}"].shape == (2, FRAMES, 10)
            assert settings["models"][one.model]["norm"] == pytest.approx(float(one.found.norm[0]))
        assert settings["label"] == 2 and settings["steps"] == 5 and settings["eps"] == 0.0


def test_the_sheet_has_each_frame_in_its_place(fooled):
    sheet = np.asarray(Image.open(io.BytesIO(films_png(TASK, fooled))))
    row = (sheet.shape[0] - HEAD) // len(fooled)
    for number, one in enumerate(fooled):
        for index in (0, FRAMES - 1):
            top, left = number * row + GAP + HEAD, GAP + index * (CELL + GAP)
            middle = sheet[top + CELL // 2, left + CELL // 2, 0]
            assert abs(int(middle) - 255 * float(one.film.x[index, 0, 14, 14])) <= 1


def test_a_network_that_was_wrong_before_is_not_called_fooled(fooled):
    for one in fooled:
        title, verdict = headline(TASK, one)
        assert (verdict == "wrong before") == (not one.right)
        assert ("→" in title) == bool(one.found.found[0])
    assert amplification(fooled) >= 1


@pytest.mark.parametrize(("before", "after", "fools"), [(2, 5, True), (2, 2, False), (4, 5, False), (4, 2, False)])
def test_a_picture_fools_another_network_only_if_that_was_right_before(fooled, before, after, fools):
    one = fooled[0]
    probs = np.zeros_like(one.film.probs)
    probs[1, :, before] = 1
    probs[1, -1] = np.eye(10)[after]
    assert replace(one, film=replace(one.film, probs=probs)).fools(1) is fools
