"""What counted answers give away says what was counted."""

import csv
import io

import numpy as np
import pytest
from PIL import Image

from app.models import answer_files
from core.data.tasks import task_named
from core.explanations.labelled_answers import LabelledAnswers
from core.metrics.calibration import reliability, tempered

TASK = task_named("fashion-mnist")
SETTINGS = {"images": 30, "steps": 20, "norm": "linf", "epsilon": 0.1, "seed": 0}


@pytest.fixture
def found():
    """Thirty images of three classes; clean all are right, attacked all are taken for the first."""
    labels = np.arange(30) % 3
    clean, attacked = (np.eye(10, dtype=np.float32)[answers] * 3 for answers in (labels, np.zeros(30, int)))
    return {"standard": LabelledAnswers("standard", SETTINGS, labels, clean, attacked, np.zeros(0, bool))}


def rows(data):
    return [*csv.DictReader(io.StringIO(data.decode()))]


def test_a_row_for_each_class_clean_and_attacked(found):
    made = rows(answer_files.classes_csv(TASK, found))
    assert len(made) == 20 and {row["images"] for row in made} == {"clean", "attacked"}
    assert [row["share"] for row in made[:4]] == ["1.0", "1.0", "1.0", ""]
    assert [row["hits"] for row in made[10:13]] == ["10", "0", "0"] and made[11]["class"] == TASK.class_names[1]


def test_reliability_is_that_of_the_temperature(found):
    made = rows(answer_files.reliability_csv(found, 2.0))
    one = found["standard"]
    assert float(made[0]["ece"]) == pytest.approx(reliability(tempered(one.logits, 2.0), one.labels).ece)
    assert sum(int(row["n"]) for row in made if row["images"] == "attacked") == 30


def test_the_sheet_is_as_wide_as_its_networks_and_the_arrays_are_all_there(found):
    sheet = Image.open(io.BytesIO(answer_files.confusions_png(TASK, found, "attacked")))
    assert sheet.width > 10 * answer_files.SIDE and round(sheet.info["dpi"][0]) == 300
    arrays = np.load(io.BytesIO(answer_files.answers_npz(TASK, found)))
    np.testing.assert_array_equal(arrays["logits_adv__standard"], found["standard"].logits_adv)
    assert {"labels", "settings"} < set(arrays.files)
