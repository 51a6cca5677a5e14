"""A sample to try a detector on: test images and odd ones where the data set is, what ships elsewhere."""

import io
import zipfile

import numpy as np
import pytest

from core.data import sample
from core.data.galleries import gallery
from core.data.tasks import FASHION_MNIST, TASKS
from core.images import decode
from tests.helpers.data_sets import write_fashion


def names(task, root) -> list[str]:
    return [name for name, _ in sample.sample(gallery(task, root), root)]


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.key)
def test_without_a_data_set_it_is_what_ships_and_called_so(task, tmp_path):
    found = names(task, tmp_path)
    folders = {name.split("/")[0] for name in found}
    assert folders <= {"generated", "photographs"} and len(set(found)) == len(found) >= 4
    counts = [sum(name.startswith(folder) for name in found) for folder in ("generated", "photographs")]
    assert sample.in_words(gallery(task, tmp_path)) == f"{counts[0]} generated pictures and {counts[1]} photographs"


def test_with_the_data_set_it_is_its_first_test_images_and_ten_that_are_none(tmp_path):
    root = write_fashion(tmp_path)
    found = dict(sample.sample(gallery(FASHION_MNIST, root), root))
    odd = [name for name in found if name.startswith("odd/")]
    normal = [name for name in found if name.startswith("normal/")]
    here = gallery(FASHION_MNIST, root)
    tests = [key for key in here.items if key.startswith("test:")][: sample.NORMAL]
    assert len(odd) == sample.ODD and len(normal) == len(tests) == len(found) - len(odd)
    for name, key in zip(normal, tests, strict=True):
        np.testing.assert_array_equal(decode(found[name]).pixels, here.picture(key).pixels)
    assert not any("resized" in name or "known" in name for name in odd)  # controls are no anomalies


@pytest.mark.slow
def test_the_archive_is_the_same_at_each_call_and_holds_the_sample(tmp_path):
    here = gallery(FASHION_MNIST, tmp_path)
    first = sample.sample_zip(here, tmp_path)
    assert first == sample.sample_zip(here, tmp_path)
    assert zipfile.ZipFile(io.BytesIO(first)).namelist() == names(FASHION_MNIST, tmp_path)
