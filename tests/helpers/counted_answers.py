"""What the page Models says of counted answers, held against what its program counts."""

import json
from typing import Any

from streamlit.testing.v1 import AppTest

from tests.helpers.pages import bodies, value


def holds_the_answers(at: AppTest, made: dict[str, Any]) -> None:
    """Shares, those by class, confusions and calibration are the same on the page and in what its program made."""
    lines = "".join(bodies(at, "data-counted")).split("<p ")[1:]
    shown = {value(line, "data-counted"): (value(line, "data-clean"), value(line, "data-attacked")) for line in lines}
    hits = {cell: sum(share.hits for share in shares) for cell, shares in made["shares"].items()}
    assert shown == {key: (str(hits[key, "clean"]), str(hits[key, "attacked"])) for key in made["answers"]}
    parts = [part for body in bodies(at, "data-ece") for part in body.split("<div") if "data-ece" in part]
    errors = {f"{key}-{under}": f"{found.ece:.4f}" for (key, under), found in made["sure"].items()}
    assert errors == {value(part, "data-ece"): value(part, "data-value") for part in parts}
    charts = [json.loads(chart.proto.spec)["data"] for chart in at.get("plotly_chart")]
    counts = [trace["customdata"] for chart in charts for trace in chart if trace["type"] == "heatmap"]
    assert len(counts) == len(made["answers"])
    points = [point for chart in charts for trace in chart for point in trace.get("customdata", ())]
    for shares in made["shares"].values():
        for share in shares:
            assert not share.n or any(point[1:] == [share.hits, share.n] for point in points)
