"""The charts of counted answers say what was counted."""

import numpy as np

from app.models import answer_figures
from core.metrics.confusion import class_shares

COUNTS = np.array([[8, 2], [3, 0]])


def test_a_cell_holds_its_count_and_an_empty_one_nothing():
    heat, texts = answer_figures.confusions(["cat", "dog"], COUNTS, "#123456", "#000000").data
    np.testing.assert_allclose(heat.z, [[80, 20], [100, 0]])
    cells = {(row, column): text for row, column, text in zip(texts.y, texts.x, texts.text, strict=True)}
    assert cells == {("cat", "cat"): "8", ("cat", "dog"): "2", ("dog", "cat"): "3"}
    assert list(texts.textfont.color) == ["#FFFFFF", "#000000", "#FFFFFF"]


def test_a_class_without_images_has_no_point():
    shares = class_shares(np.array([[8, 2, 0], [3, 0, 0], [0, 0, 0]]))
    figure = answer_figures.by_class(["cat", "dog", "cow"], {"standard": (shares, shares)}, "#000000")
    assert [list(trace.x) for trace in figure.data] == [[80, 0]] * 2
    clean, attacked = figure.data
    assert (np.array(attacked.y) > np.array(clean.y)).all()
