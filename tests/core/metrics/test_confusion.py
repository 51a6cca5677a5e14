"""A confusion matrix counts by true class and answer, and each class's share has Wilson's interval."""

import numpy as np
import pytest

from core.errors import InputError
from core.metrics.confusion import class_shares, confusion_matrix
from core.metrics.intervals import wilson

LABELS, ANSWERS = np.array([0, 0, 0, 1, 2]), np.array([0, 1, 1, 1, 0])


def test_rows_are_true_classes_and_columns_answers():
    counts = confusion_matrix(LABELS, ANSWERS, 4)
    assert counts.tolist() == [[1, 2, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]


def test_a_class_has_its_share_and_one_without_images_has_none():
    first, second, third, fourth = class_shares(
        confusion_matrix(np.array([0, 0, 0, 1, 2]), np.array([0, 1, 1, 1, 0]), 4)
    )
    assert (first.hits, first.n, first.low, first.high) == (1, 3, *wilson(1, 3))
    assert second.value == 1.0 and third.value == 0.0 and third.high < 1
    assert np.isnan(fourth.value) and (fourth.low, fourth.high) == (0.0, 1.0)


@pytest.mark.parametrize(("labels", "answers"), [([0, 1], [0]), ([0, 3], [0, 1]), ([0, 1], [0, -1])])
def test_classes_that_are_not_there_are_refused(labels, answers):
    with pytest.raises(InputError, match="from 0 to 2"):
        confusion_matrix(np.array(labels), np.array(answers), 3)
