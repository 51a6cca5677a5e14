"""The page Anomaly: where a picture lies among others in networks' own features, and its neighbours there."""

import json
from html import escape
from types import SimpleNamespace

import numpy as np
import pytest

from app.anomaly import embedding
from app.state import session
from tests.helpers.pages import bodies, checked, finished, query, run_program, value

PAGE = "pages/anomaly"
pytestmark = [pytest.mark.usefixtures("calibrations"), pytest.mark.slow]


def titles(body: str) -> list[str]:
    """What stands below each of the nearest pictures."""
    return [part.split("<")[0] for part in body.split("<figcaption>")[1:]]


def named(made: dict) -> list[str]:
    """The same of a program's result for the standard network: a gallery picture by its title."""
    items = made["pictures"].items if "pictures" in made else {}
    names = [made["names"][place] for place in made["near"]["standard"]]
    return [escape(items[name].title) if name in items else name for name in names]


def test_each_network_has_a_map_and_an_attack_that_moves_the_picture(visit):
    at = finished(finished(visit(models="standard,pgd-l2", open="map")))  # features, then attacks
    maps = bodies(at, "data-embedding")
    assert [value(body, "data-embedding") for body in maps] == ["standard", "pgd-l2"] and not at.error
    assert all(float(value(body, "data-step")) > 0 for body in maps)
    pulls = run_program(at, "principal_plane(")["pulls"]
    steps = {key: float(np.linalg.norm(pull.features_adv - pull.features)) for key, pull in pulls.items()}
    assert {value(body, "data-embedding"): value(body, "data-step") for body in maps} == {
        key: f"{step:.4f}" for key, step in steps.items()
    }
    charts = [json.loads(one.proto.spec)["data"] for one in at.get("plotly_chart")]
    traces = [{trace["name"]: trace for trace in chart if "name" in trace} for chart in charts]
    found = [named for named in traces if "gallery" in named]
    assert len(found) == 2 and all(
        one["attacked"]["customdata"][1::3] == one["gallery"]["customdata"]
        and all(" → " in told for told in one["attacked"]["hovertext"])
        for one in found
    )


def test_a_click_opens_the_picture_and_one_beside_a_dot_does_nothing(monkeypatch):
    chosen: list[tuple[str, str]] = []
    monkeypatch.setattr(session, "set_field", lambda field, key: chosen.append((field, key)))
    for points in ([{"customdata": ["photo:coffee"]}], [], [{"customdata": None}], [{}]):
        state = {"embedding-standard": {"selection": {"points": points}}}
        monkeypatch.setattr(embedding, "st", SimpleNamespace(session_state=state))
        embedding.open_clicked("standard")
    assert chosen == [("image", "photo:coffee")]


def test_neighbours_in_features_are_the_gallerys_without_the_data(visit):
    at = finished(visit(models="standard", open="nearest", near="features"))
    (near,) = bodies(at, 'data-near="')
    assert near.count("<figure>") == 6 and not at.error
    assert titles(near) == named(run_program(at, "pooled_features("))
    checked(at.segmented_control(key="anomaly.near").set_value("profile").run())
    assert not bodies(at, 'data-near="') and query(at)["near"] == "profile"
    assert titles(bodies(at, "data-nearest")[0]) == named(run_program(at, "found.nearest("))


def test_neighbours_in_features_are_calibration_pictures_where_the_data_is(visit, fashion_root):
    at = finished(visit(task="fashion-mnist", models="standard", open="nearest", near="features"))
    (near,) = bodies(at, 'data-near="')
    assert titles(near) == named(run_program(at, "pooled_features("))
    assert near.count("<figure>") == 6 and any("no network was trained on" in body for body in bodies(at, "rs-guide"))
