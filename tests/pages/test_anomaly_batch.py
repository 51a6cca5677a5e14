"""The page Anomaly with many files: a table with reasons, filters and downloads, in bounds."""

import io
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app.anomaly import batch, batch_table
from core.anomaly.catalogue import DEFAULT
from tests.helpers.anomaly_page import judged, normal
from tests.helpers.pages import checked, finished, presented, pressed, query, run_program
from tests.helpers.pictures import png

PAGE = "pages/anomaly"
pytestmark = pytest.mark.usefixtures("calibrations")
TWO = {"models": "standard,pgd-l2"}


def archive(path) -> bytes:
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("in/normal.png", normal(4))
        out.writestr("broken.png", normal(4)[:80])
        out.writestr("nested.zip", b"PK\x03\x04" + b"\0" * 30)
        out.writestr("../out.png", normal(4))
    return path.read_bytes()


def score(at: AppTest) -> AppTest:
    checked(at.button(key="anomaly.many.start").click().run())
    return finished(at)


@pytest.mark.slow
def test_many_files_become_a_table_with_reasons_filters_and_downloads(visit, tmp_path, monkeypatch):
    kept = []
    monkeypatch.setattr(
        batch_table,
        "downloads",
        lambda name, *files: kept.extend((f"{name}.{suffix}", make()) for _, suffix, make in files),
    )
    noise = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    at = visit(**TWO, view="many")
    assert not any(button.key == "anomaly.many.start" for button in at.button)
    files = [("a.png", normal(1), "image/png"), ("noise.png", png(noise), "image/png")]
    checked(at.file_uploader[0].set_value([*files, ("some.zip", archive(tmp_path / "z.zip"), "application/zip")]).run())
    assert any("3 files" in item.value for item in at.markdown)
    score(at)
    (table,) = [one.value for one in at.dataframe]
    assert len(table) == 6 and table["File"].iloc[0] == "noise.png" and table["Standard"].iloc[0] == "odd"
    odd = dict(zip(table["File"], table["Standard"], strict=True))
    assert odd["a.png"] == odd["some.zip/in/normal.png"] == "not flagged"
    why = dict(zip(table["File"], table["Why not"], strict=True))
    assert "archive" in why["some.zip/nested.zip"] and "leads out" in why["some.zip/../out.png"]
    assert "damaged" in why["some.zip/broken.png"] and why["a.png"] == ""
    assert [item.value for item in at.metric][:2] == ["1 of 3", "1 of 3"] and at.metric[2].value == "3"
    (tmp_path / "your-pictures").mkdir()
    for name, data, _ in files:
        (tmp_path / "your-pictures" / name).write_bytes(data)
    monkeypatch.chdir(tmp_path)
    made = run_program(at, "score_many(")["found"]
    share = {
        Path(name).name: 100 * share for name, share in zip(made.paths, made.p_values["standard"][DEFAULT], strict=True)
    }
    shown = dict(zip(table["File"], table["Standard: share"], strict=True))
    assert all(shown[name] == pytest.approx(share[name]) for name in ("a.png", "noise.png"))
    stored = pq.read_table(io.BytesIO(dict(kept)["scores-cifar10.parquet"])).to_pylist()
    assert {row["model"] for row in stored} == {"standard", "pgd-l2"} and sum(
        row["error"] is not None for row in stored
    ) == 6
    assert dict(kept)["scores-cifar10.csv"].startswith(b'"path","sha256","model","detector","score","p_value","error"')
    checked(at.segmented_control(key="anomaly.keep").set_value("unread").run())
    assert len(at.dataframe[0].value) == 3
    checked(at.segmented_control(key="anomaly.keep").set_value("all").run())
    checked(at.text_input(key="anomaly.like").set_value("NORMAL").run())
    assert list(at.dataframe[0].value["File"]) == ["some.zip/in/normal.png"] and not at.error
    counts, one = presented(pressed(at, "presenter.button"))["slides"]  # as filtered
    assert [panel["faces"][0]["answer"] for panel in counts["panels"]] == ["1 of 3", "1 of 3"]
    assert one["title"] == "some.zip/in/normal.png" and one["panels"][0]["faces"][0]["verdict"] == "not flagged"


@pytest.mark.slow
def test_a_row_of_the_table_opens_its_picture_alone(visit, tmp_path, monkeypatch):
    at = visit(models="standard", view="many")
    checked(at.file_uploader[0].set_value([("z.zip", archive(tmp_path / "z.zip"), "application/zip")]).run())
    score(at)
    shown = st.dataframe

    def picked(*args, **kwargs):
        shown(*args, **kwargs)
        return SimpleNamespace(selection=SimpleNamespace(rows=[0]))

    monkeypatch.setattr(st, "dataframe", picked)
    checked(at.run())
    p_value = at.dataframe[0].value["Standard: share"].iloc[0]
    checked(at.button(key="anomaly.look").click().run())
    assert query(at)["view"] == "one" and query(at)["image"] == "upload" and not at.error
    assert any("Your picture z.zip" in item.value for item in at.caption)  # its visitor alone knows the name
    assert judged(at)["standard"][0] * 100 == pytest.approx(p_value, abs=0.01)


def test_many_at_once_are_bounded_with_a_sentence(visit, monkeypatch):
    monkeypatch.setattr(batch, "MAX_ENTRIES", 2)
    monkeypatch.setattr(batch_table, "MAX_ENTRIES", 2)
    at = visit(models="standard", view="many")
    checked(at.file_uploader[0].set_value([(f"{i}.png", normal(i), "image/png") for i in range(4)]).run())
    score(at)
    assert len(at.dataframe[0].value) == 2 and any("more than 2; the others" in item.value for item in at.caption)


@pytest.mark.slow
def test_an_archive_of_ten_thousand_entries_is_refused_with_a_sentence(visit, tmp_path):
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as out:
        for index in range(10_000):
            out.writestr(f"{index}.png", b"")
    at = visit(models="standard", view="many")
    checked(at.file_uploader[0].set_value([("many.zip", path.read_bytes(), "application/zip")]).run())
    score(at)
    (why,) = at.dataframe[0].value["Why not"]
    assert "10,000 entries" in why and not at.error


def test_no_network_can_score_where_none_is_calibrated(visit):
    at = visit(models="pgd-linf", view="many")
    checked(at.file_uploader[0].set_value([("a.png", normal(1), "image/png")]).run())
    assert any("is not calibrated here" in item.value for item in at.markdown)
    assert not any(button.key == "anomaly.many.start" for button in at.button)


@pytest.mark.slow
def test_the_sample_is_scored_at_one_click_and_its_files_can_be_looked_at_alone(visit):
    at = visit(models="standard", view="many")
    offer = at.button(key="anomaly.sample.try")
    assert "generated pictures and 4 photographs" in offer.label  # no data set here
    at = finished(checked(offer.click().run()))
    table = at.dataframe[0].value
    wanted = int(offer.label.split()[1]) + 4
    assert len(table) == wanted and {name.split("/")[1] for name in table["File"]} == {"generated", "photographs"}
    checked(at.button(key="anomaly.sample.close").click().run())
    assert not at.dataframe and at.button(key="anomaly.sample.try")
