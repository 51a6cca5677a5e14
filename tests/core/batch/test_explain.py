"""Explanations of many pictures: rows are what the engine says of each, maps come back, and one failure is one row."""

import io

import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image

from core.batch.explain import ExplainWork, map_png
from core.batch.job import pack
from core.data.incoming import Incoming
from core.errors import ConfigError, InputError
from core.saliency.catalogue import attribute
from core.saliency.measures.catalogue import run_measure
from core.saliency.measures.measure import Case
from core.saliency.method import AttributionRequest
from tests.helpers.pictures import columns, png

METHODS, MEASURES = ("gradient", "smooth-grad"), ("sparsity", "deletion")


@pytest.fixture
def networks(zoo_folder):
    """Two networks, packed and taken up."""
    work = ExplainWork(METHODS)
    return [work.taken_up(pack("fashion-mnist", key, zoo_folder)) for key in ("standard", "pgd-linf")]


@pytest.fixture
def pictures():
    """Three pictures, and a text in the second place."""
    found = [Incoming(f"{at}.png", png(one[0].numpy())) for at, one in enumerate(columns(3, 5).pixels)]
    return [found[0], Incoming("text.png", b"hello"), *found[1:]]


def test_rows_are_what_methods_and_measures_say_of_each_picture(networks, pictures):
    work = ExplainWork(METHODS, MEASURES, seed=3)
    rows = work.made_of(networks, pictures, "").rows
    table = pa.Table.from_pylist(rows, work.schema).to_pylist()
    bad = [row for row in table if row["error"] is not None]
    assert len(table) == 3 * 2 * 2 + 2 and [row["model"] for row in bad] == ["standard", "pgd-linf"]
    assert all(row["path"] == "text.png" and row["method"] is row["map"] is row["sparsity"] is None for row in bad)
    x = columns(3, 5).images()
    for model in networks:
        with torch.no_grad():
            probs = model.fast(x).softmax(1)
        for method in METHODS:
            ask = AttributionRequest(model.fast, x, probs.argmax(1), torch.Generator().manual_seed(3))
            attributions = attribute(method, ask)
            mine = [row for row in table if (row["model"], row["method"]) == (model.card.key, method)]
            assert [row["path"] for row in mine] == ["0.png", "1.png", "2.png"]
            assert [row["answer"] for row in mine] == [model.task.class_names[at] for at in probs.argmax(1)]
            np.testing.assert_array_equal([row["probability"] for row in mine], probs.max(1).values.double())
            maps = np.array([row["map"] for row in mine], np.float32).reshape(3, mine[0]["height"], mine[0]["width"])
            np.testing.assert_array_equal(maps, attributions.sum(1))
            for key in MEASURES:
                expected = run_measure(key, Case(method, ask, attributions, 3))
                np.testing.assert_array_equal([row[key] for row in mine], expected)


def test_a_picture_of_a_map_is_grey_where_it_is_zero_and_rows_name_it(networks, pictures):
    heatmap = np.array([[-2.0, 0.0, 1.0]], np.float32)
    assert np.asarray(Image.open(io.BytesIO(map_png(heatmap, True)))).tolist() == [[0, 128, 191]]
    assert np.asarray(Image.open(io.BytesIO(map_png(-heatmap[:, :2], False)))).tolist() == [[255, 0]]
    made = ExplainWork(("gradient",), (), png=True).made_of(networks, pictures, "_maps/000002/00016")
    named = [row["png"] for row in made.rows if row.get("error") is None]
    assert (
        sorted(named) == sorted(made.pngs)
        and named[1] == "_maps/000002/00016-000-pgd-linf-gradient.png"
        and len(named) == 6
    )


def test_one_picture_without_a_map_does_not_cost_the_others_theirs(networks, pictures, monkeypatch):
    odd = columns(3, 5).images()[1]

    def failing(method, ask):
        if any(torch.equal(each, odd) for each in ask.x):
            raise InputError("not finite")
        return attribute(method, ask)

    monkeypatch.setattr("core.batch.explain.attribute", failing)
    rows = ExplainWork(("gradient",), ("sparsity",), png=True).made_of(networks[:1], pictures, "").rows
    assert [row.get("error") for row in rows][2:] == ["not finite", None] and rows[3]["sparsity"] > 0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (((),), "at least one method"),
        ((("magic",),), "method must be"),
        ((METHODS, ("magic",)), "measure must be"),
        ((METHODS, ("pointing-game",)), "pointing-game"),
        ((METHODS, ("linearised-robustness",)), "picture's map alone"),
    ],
)
def test_impossible_work_is_refused(settings, words):
    with pytest.raises(ConfigError, match=words):
        ExplainWork(*settings)
