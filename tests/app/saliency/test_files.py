"""What the Saliency page gives away can be read back, and holds what was shown."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from app.saliency.colouring import map_pixels, scales
from app.saliency.files import CELL, grid_npz, grid_png, measures_csv, report_html
from app.ui.downloads import DPI
from core.metrics.box import Box
from core.models.zoo import load_zoo_model
from core.saliency.grid import saliency_grid
from tests.helpers.saliency import PART

KEYS = ("standard", "pgd-linf")
METHODS = ("gradient", "grad-cam")
VIEW = replace(PART, methods=METHODS, rows="methods", scale="method", colours="signed", over=0)


@pytest.fixture(scope="module")
def found(tiny_zoo):
    x = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    models = [load_zoo_model("cifar10", key, tiny_zoo) for key in KEYS]
    made = {(one.model, one.method): one for one in saliency_grid(models, x, METHODS)}
    lost = replace(
        made["pgd-linf", "grad-cam"], problem="no map <here>", attributions=np.zeros((3, 32, 32), np.float32)
    )
    return made | {("pgd-linf", "grad-cam"): lost}


def test_the_npz_holds_the_maps_and_says_why_one_is_not_there(found):
    with np.load(io.BytesIO(grid_npz(found, KEYS, METHODS)), allow_pickle=False) as kept:
        settings = json.loads(str(kept["settings"]))
        for (model, method), one in found.items():
            name = f"attributions__{model}__{method}"
            assert name not in kept if one.problem else np.array_equal(kept[name], one.attributions)
        assert np.array_equal(kept["x"], found["standard", "gradient"].x)
    assert settings["problems"] == {"pgd-linf__grad-cam": "no map <here>"}
    assert settings["targets"]["standard"] == list(found["standard", "gradient"].target) and settings["of"] == "top"


def test_the_png_outlines_the_box_that_is_pointed_at_on_the_picture_and_every_map_and_changes_nothing_else(found):
    box, step = Box(8, 4, 16, 12), CELL // 32
    plain, outlined = (np.asarray(Image.open(io.BytesIO(grid_png(found, KEYS, VIEW, "", one)))) for one in (None, box))
    changed = (plain != outlined).any(-1)
    height, width = box.height * step, box.width * step
    frame = height * width - (height - 12) * (width - 12)  # six pixels wide, inside of the box
    assert 0.9 * 4 * frame < changed.sum() <= 4 * frame  # a line may have the colour that it covers


@pytest.mark.slow
@pytest.mark.parametrize("rows", ["methods", "networks"])
@pytest.mark.parametrize(("scale", "colours", "over"), [("method", "signed", 0), ("own", "strength", 50)])
def test_the_png_shows_every_map_in_sharp_squares_at_300_dpi(found, rows, scale, colours, over):
    view = replace(VIEW, rows=rows, scale=scale, colours=colours, over=over)
    image = Image.open(io.BytesIO(grid_png(found, KEYS, view, "Saliency")))
    assert [round(one) for one in image.info["dpi"]] == [DPI, DPI]
    sheet = np.asarray(image)
    for cell, one in found.items():
        if one.problem:
            continue
        block = map_pixels(one, scales(found, scale)[cell], colours, over).repeat(CELL // 32, 0).repeat(CELL // 32, 1)
        assert places(sheet, block) == 1, cell


def places(sheet: np.ndarray, block: np.ndarray) -> int:
    """How often a block of pixels stands in a picture."""
    found, size = 0, len(block)
    for left in range(sheet.shape[1] - size + 1):
        rows = np.flatnonzero((sheet[: -size + 1 or None, left : left + 8] == block[0, :8]).all((1, 2)))
        found += sum(np.array_equal(sheet[row : row + size, left : left + size], block) for row in rows)
    return found


def test_the_csv_has_a_line_for_each_measure_of_each_map(found):
    scores = {(("standard", "gradient"), "sparsity"): 0.25, (("standard", "grad-cam"), "deletion"): "it broke"}
    rows = list(csv.DictReader(io.StringIO(measures_csv(found, scores).decode())))
    assert len(rows) == len(found) + 2
    (sparse,) = [row for row in rows if row["measure"] == "sparsity"]
    assert (sparse["model"], sparse["method"], float(sparse["value"])) == ("standard", "gradient", 0.25)
    (broken,) = [row for row in rows if row["measure"] == "deletion"]
    assert (broken["value"], broken["problem"], broken["better"]) == ("", "it broke", "lower")


def test_the_report_needs_nothing_else_and_is_safe_with_any_text(found):
    page = report_html(
        found, KEYS, VIEW, {(("standard", "gradient"), "sparsity"): 0.25}, "<script>", "http://here/?a=1&b=2"
    ).decode()
    assert "<script>" not in page and "&lt;script&gt;" in page and "no map &lt;here&gt;" in page
    assert page.count('src="data:image/png;base64,') == page.count("src=") == 4 and "<link" not in page
    assert "0.250" in page and "Gini" in page and "a=1&amp;b=2" in page
