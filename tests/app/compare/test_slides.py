"""What Compare shows to a room and gives away, without an engine: nothing that the page withholds, nothing made up."""

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from app.compare import files
from app.compare.choice import CompareChoice
from app.compare.slides import slides
from core.data.tasks import CIFAR10
from core.explanations.attack_result import AttackResult
from core.explanations.prediction import Prediction

X = np.full((3, 32, 32), 0.5, np.float32)


def probs(label: int) -> np.ndarray:
    return np.float32(np.eye(10)[label] * 0.9 + 0.01)


@pytest.fixture
def looks() -> list[Prediction]:
    """One network that has gradients, and one that has none."""
    return [
        Prediction("cifar10", "standard", X, probs(3), 3, np.ones_like(X)),
        Prediction("cifar10", "pgd-linf", X, probs(5), 5, None),
    ]


@pytest.fixture
def attacked() -> list[AttackResult]:
    """One answer changes and one stays."""
    return [
        AttackResult(
            task="cifar10", model=key, settings={}, x=X, x_adv=X + 0.01, probs=probs(3), probs_adv=probs(after),
            l2=0.5, rmse=0.01,
        )
        for key, after in (("standard", 4), ("pgd-linf", 3))
    ]  # fmt: skip


def test_a_withheld_answer_is_on_no_slide_of_the_picture(looks, attacked):
    seen, _ = slides(CIFAR10, looks, attacked, CompareChoice(), {"standard": "odd"}, "8/255")
    first, second = (panel.faces[0] for panel in seen.panels)
    assert (first.answer, first.bars, first.over) == ("no answer", (), "")
    assert second.answer == CIFAR10.class_names[5] and second.over == ""  # no gradients, so no map


def test_the_attack_blinks_between_clean_and_attacked(looks, attacked):
    _, attack = slides(CIFAR10, looks, attacked, CompareChoice(), {}, "8/255")
    assert [[face.name for face in panel.faces] for panel in attack.panels] == [["clean", "attacked"]] * 2
    assert [panel.faces[1].verdict for panel in attack.panels] == ["changed", "kept"]
    assert "8/255" in attack.title and attack.over == "change × 50"  # the largest change fills half the range


def test_files_hold_both_answers_and_every_array(looks, attacked):
    rows = list(csv.DictReader(io.StringIO(files.answers_csv(CIFAR10, attacked).decode())))
    assert len(rows) == 20 and [row["class"] for row in rows if row["answer_attacked"] == "True"] == ["deer", "cat"]
    with np.load(io.BytesIO(files.arrays_npz(CIFAR10, looks, attacked)), allow_pickle=False) as found:
        assert found["delta__standard"] == pytest.approx(np.full_like(X, 0.01), abs=1e-6)
        assert "attributions__standard" in found and "attributions__pgd-linf" not in found
    sheet = Image.open(io.BytesIO(files.attack_png(CIFAR10, attacked, "8/255")))
    assert sheet.info["dpi"] == pytest.approx((300, 300), abs=0.1)


def test_maps_are_given_on_the_scale_that_the_page_shows(looks):
    """The second map is a quarter of the first: alike on scales of their own, paler on a shared one."""
    pair = [looks[0], replace(looks[0], model="pgd-linf", attributions=looks[0].attributions / 4)]
    shown = {}
    for scale in ("own", "shared"):
        png = files.maps_png(CIFAR10, pair, CompareChoice("alone", scale), 3.0)
        sheet = Image.open(io.BytesIO(png))
        shown[scale] = [sheet.getpixel((x, sheet.height // 2)) for x in (sheet.width // 4, 3 * sheet.width // 4)]
        assert sheet.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    first, second = shown["own"]
    assert first == second == shown["shared"][0] != shown["shared"][1]
