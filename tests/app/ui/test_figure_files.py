"""The files of a chart hold what it shows: series by name, error bars, heat maps cell by cell."""

import csv
import io
import json

import numpy as np
import plotly.graph_objects as go
import pytest

from app.ui.charts import saving
from app.ui.figure_files import figure_csv, figure_npz


@pytest.fixture
def figure() -> go.Figure:
    made = go.Figure()
    made.add_scatter(x=[0, 1], y=[2.5, 3.5], name="One", error_y={"array": [0.1, 0.2], "arrayminus": [0.3, 0.4]})
    made.add_scatter(x=[5], y=[6], hoverinfo="skip")  # decorates
    made.add_vline(x=0.5)
    made.add_heatmap(x=["a", "b"], y=["c", "d"], z=[[1, 2], [3, 4]], name="Cells")
    return made


def test_a_row_a_point_with_its_bars_and_a_row_a_cell(figure):
    rows = list(csv.DictReader(io.StringIO(figure_csv(figure).decode())))
    assert [row["series"] for row in rows] == ["One"] * 2 + ["Cells"] * 4 + ["line"] * 2
    assert (rows[1]["y"], rows[1]["y_high"], rows[1]["y_low"], rows[1]["z"]) == ("3.5", "0.2", "0.4", "")
    assert [(row["y"], row["x"], row["z"]) for row in rows[2:6]] == [
        ("c", "a", "1"), ("c", "b", "2"), ("d", "a", "3"), ("d", "b", "4"),
    ]  # fmt: skip
    assert [row["x"] for row in rows[6:]] == ["0.5", "0.5"]


def test_arrays_come_without_pickles_under_their_series_names(figure):
    with np.load(io.BytesIO(figure_npz(figure, "says")), allow_pickle=False) as found:
        assert found["0_one__y"].tolist() == [2.5, 3.5] and found["1_cells__z"].shape == (2, 2)
        assert found["1_cells__x"].tolist() == ["a", "b"]
        assert json.loads(str(found["settings"])) == {"says": "says", "series": ["One", "Cells", "line"]}


def test_a_saved_chart_has_three_hundred_dots_an_inch_at_its_size_on_the_screen():
    assert saving("name")["toImageButtonOptions"]["scale"] * 96 == 300
