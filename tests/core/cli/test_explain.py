"""The commands `explain` and `natural`: what they write, and what they say."""

import json

import pyarrow.parquet as pq
import pytest

from core.cli.batch import clock
from core.cli.main import main
from tests.helpers.pictures import columns, png


def explain(folder, out, *more):
    asked = ["explain", str(folder), "--task", "fashion-mnist", "--model", "standard,pgd-linf", "--dataset", str(out)]
    return main([*asked, "--processes", "1", "--measure", "sparsity", *more])


def test_explain_and_natural_write_rows_and_pictures_of_maps(shipped, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    for at, one in enumerate(columns(3, 5).pixels):
        (tmp_path / "in" / f"{at}.png").write_bytes(png(one[0].numpy()))
    (tmp_path / "in/text.png").write_text("hello")
    assert explain(tmp_path / "in", tmp_path / "out", "--png", "--shard", "2", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"explained": 3, "errors": 1, "dataset": str(tmp_path / "out")}
    rows = pq.read_table(tmp_path / "out").to_pylist()
    assert len(rows) == 8 and sum(row["error"] is not None for row in rows) == 2
    assert all((tmp_path / "out" / row["png"]).exists() for row in rows if row["error"] is None)
    assert explain(tmp_path / "in", tmp_path / "out") == 2
    assert "png was True and is False now" in capsys.readouterr().err
    natural = ["natural", str(tmp_path / "in"), "--task", "fashion-mnist", "--model", "standard"]
    assert main([*natural, "--amounts", "2", "--dataset", str(tmp_path / "changed"), "--processes", "1"]) == 0
    assert "3 pictures changed, 1 not" in capsys.readouterr().out
    assert {"rotation", "jpeg"} < set(pq.read_table(tmp_path / "changed")["change"].to_pylist())
    assert main([*natural, "--change", "hue", "--dataset", str(tmp_path / "hue"), "--processes", "1"]) == 2
    assert "colour" in capsys.readouterr().err
    (tmp_path / "none").mkdir()
    assert explain(tmp_path / "none", tmp_path / "other") == 2
    assert f"nothing to read in {tmp_path / 'none'}" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["explain", "natural", "score"])
def test_a_network_that_is_not_there_is_named(command, shipped, tmp_path, capsys):
    (tmp_path / "a.png").write_bytes(png(columns(1, 5).pixels[0, 0].numpy()))
    asked = [command, str(tmp_path / "a.png"), "--task", "fashion-mnist", "--model", "standard,nosuch", "--dataset"]
    assert main([*asked, str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "no network nosuch" in said and "robustscope models --task fashion-mnist" in said


def test_times_are_said_in_the_units_that_they_are_thought_in():
    assert [clock(each) for each in (0.2, 59.1, 61, 3600, 90_061)] == [
        "1 s",
        "1 min 0 s",
        "1 min 1 s",
        "1 h 0 min",
        "25 h 1 min",
    ]
