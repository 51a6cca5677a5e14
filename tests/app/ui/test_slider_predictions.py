"""Ribbons: where answers turn, as shares of the way and in words."""

import numpy as np
import pytest

from app.ui.slider_predictions import ClassColours, ribbon_html, runs, spans
from core.data.tasks import task_named
from core.latent.strips import DecodedRow

TASK = task_named("fashion-mnist")


def strip(answers: list[list[int]], low: float = -4.0, high: float = 4.0) -> DecodedRow:
    """A strip with these answers of each network; pictures are grey."""
    predicted = np.array(answers)
    count = predicted.shape[1]
    flat = np.zeros(count, np.float32)
    return DecodedRow(
        np.eye(10, dtype=np.float32)[predicted], np.linspace(low, high, count, dtype=np.float32),
        flat.astype(np.int64), np.zeros((count, 2), np.float32), np.full((count, 1, 4, 4), 0.5, np.float32), flat, flat,
    )  # fmt: skip


def test_runs_of_the_same_answer():
    assert list(runs(np.array([2, 2, 5, 2]))) == [(2, 0, 2), (5, 2, 3), (2, 3, 4)]
    assert list(runs(np.array([7]))) == [(7, 0, 1)]


def test_an_answer_turns_halfway_between_two_places():
    assert spans(strip([[1, 1, 1, 3, 3]]), 0) == [(1, 0.0, pytest.approx(0.625)), (3, pytest.approx(0.625), 1.0)]
    assert spans(strip([[1, 1], [4, 4]]), 1) == [(4, 0.0, 1.0)]


def test_a_ribbon_says_in_words_and_widths_where_each_network_turns():
    body = ribbon_html(
        TASK, strip([[6, 6, 6, 4, 4], [6, 6, 6, 6, 6]]), ["standard", "pgd-l2"], "d1", 2.0, ClassColours(TASK)
    )
    assert 'aria-label="Standard: shirt from −4 to 1, coat from 1 to 4"' in body
    assert 'aria-label="Robust, L2: shirt from −4 to 4"' in body
    assert "flex-basis: 62.500%" in body and "flex-basis: 37.500%" in body and "left: 75.00%" in body
    assert body.count("data:image/png") == 2 and "<figcaption>−4</figcaption>" in body


def test_a_name_is_written_only_where_it_fits():
    wide, thin = ribbon_html(TASK, strip([[9] * 33]), ["standard"], "d1", 0, ClassColours(TASK)), None
    thin = ribbon_html(TASK, strip([[9] + [0] * 32]), ["standard"], "d1", 0, ClassColours(TASK))
    whole = ">ankle\N{NO-BREAK SPACE}boot</b>"  # a half of it would be another name
    assert whole in wide and whole not in thin and 'data-class="ankle boot"' in thin
