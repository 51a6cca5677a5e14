"""What the Adversarial page gives away can be read back: arrays, settings, and a picture of the expected size."""

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from app.adversarial.files import explanations_npz, grid_png, paths_npz
from app.ui.downloads import CELL, GAP
from core.explanations.attack_path import path
from core.explanations.class_explanations import explain
from core.models.zoo import load_zoo_model

KEYS = ("standard", "pgd-linf")


@pytest.fixture(scope="module")
def found(tiny_zoo):
    x = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    return [explain(load_zoo_model("cifar10", key, tiny_zoo), x, 0.05) for key in KEYS]


def test_the_npz_holds_every_array_and_the_settings(found):
    with np.load(io.BytesIO(explanations_npz(found)), allow_pickle=False) as kept:
        settings = json.loads(str(kept["settings"]))
        for one in found:
            for name in ("x_adv", "delta", "x_away", "probs", "probs_adv", "probs_shown", "probs_away"):
                assert np.array_equal(kept[f"{name}__{one.model}"], getattr(one, name)), name
        assert np.array_equal(kept["x"], found[0].x)
    assert settings["rho"] == 0.05 and settings["models"] == [*KEYS] and settings["class_names"][5] == "dog"


def test_the_path_can_be_taken_away_too(tiny_zoo, found):
    x = torch.from_numpy(found[0].x)[None]
    ways = [path(load_zoo_model("cifar10", key, tiny_zoo), x, 3, 0.05) for key in KEYS]
    with np.load(io.BytesIO(paths_npz(ways)), allow_pickle=False) as kept:
        assert np.array_equal(kept["frames__pgd-linf"], ways[1].frames)
        assert kept["loss__standard"].shape == (36,)
        settings = json.loads(str(kept["settings"]))
    assert settings["targets"] == dict.fromkeys(KEYS, 3) and settings["away"] is False


def test_the_grid_shows_the_pictures_enlarged_to_squares_and_cut_to_the_range(found):
    sheet = np.asarray(Image.open(io.BytesIO(grid_png(found, ["It draws.", ""]))))
    assert sheet.shape[1] == 11 * (CELL + GAP) + GAP
    for number, one in enumerate(found):
        top = number * (sheet.shape[0] - 40) // 2
        for column, x in ((0, one.x), (6, one.x_adv[5])):
            levels = np.rint(x.clip(0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)
            block = levels.repeat(CELL // 32, 0).repeat(CELL // 32, 1)
            left = GAP + column * (CELL + GAP)
            rows = [row for row in range(top, top + 80) if np.array_equal(sheet[row, left : left + CELL], block[0])]
            assert rows and np.array_equal(sheet[rows[0] : rows[0] + CELL, left : left + CELL], block)
