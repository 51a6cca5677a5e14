"""The commands `calibrate` and `score`: what they write, and their exit codes."""

import csv
import json
import zipfile
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from core.anomaly import calibration
from core.anomaly.calibration import calibration_path, read_calibration, write_calibration
from core.cli.main import main
from core.models.zoo import load_zoo_model
from tests.helpers.pictures import columns, png


@pytest.fixture
def own(shipped, fashion_root, monkeypatch, tmp_path):
    """The tiny zoo, and a folder for calibration, in place of what ships."""
    folder = tmp_path / "calibration"
    monkeypatch.setattr(
        calibration, "calibration_path", lambda task, key, where=folder: calibration_path(task, key, where)
    )
    return shipped, folder


MADE: dict[str, bytes] = {}


@pytest.fixture
def calibrated(own):
    """The tiny `standard`, calibrated on 60 images; its weights are the same for every test, so this is done once."""
    path = calibration_path("fashion-mnist", "standard", own[1])
    if not MADE:
        command = ["calibrate", "--task", "fashion-mnist", "--models", "standard", "--images", "60"]
        assert main([*command, "--out", str(own[1])]) == 0
        MADE["standard"] = path.read_bytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(MADE["standard"])
    return own


@pytest.fixture
def folder(tmp_path):
    """Six grey pictures, a text and a ZIP with a traversal name."""
    root = tmp_path / "in"
    root.mkdir()
    for index in range(6):
        Image.fromarray(np.full((28, 28), 40 * index, np.uint8)).save(root / f"{index}.png")
    (root / "a.txt").write_text("hello")
    with zipfile.ZipFile(root / "b.zip", "w") as archive:
        archive.writestr("../../up.png", b"x")
    return root


def score(folder, out, *more):
    return main(["score", str(folder), "--task", "fashion-mnist", "--model", "standard", "--out", str(out), *more])


@pytest.mark.slow
def test_calibrate_writes_a_screen_and_keeps_what_is_there(calibrated, capsys):
    zoo_folder, folder = calibrated
    path = calibration_path("fashion-mnist", "standard", folder)
    model = load_zoo_model("fashion-mnist", "standard", zoo_folder)
    assert read_calibration(model, path).settings["p_value_images"] == 30
    before = path.stat().st_mtime_ns
    command = ["calibrate", "--task", "fashion-mnist", "--models", "standard", "--images", "60", "--out", str(folder)]
    capsys.readouterr()
    assert main([*command, "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert told["bytes"] == path.stat().st_size and told["kept"] and path.stat().st_mtime_ns == before
    path.write_bytes(b"damaged")
    assert main(command) == 0
    assert "fitted" in capsys.readouterr().out and read_calibration(model, path)


@pytest.mark.slow
def test_calibrate_adds_the_detectors_that_a_file_lacks(calibrated, capsys):
    zoo_folder, folder = calibrated
    path = calibration_path("fashion-mnist", "standard", folder)
    model = load_zoo_model("fashion-mnist", "standard", zoo_folder)
    whole = read_calibration(model, path)
    older = whole.of([key for key in whole.detectors if key not in ("gen", "joint")])
    write_calibration(replace(older, normals={key: whole.normals[key] for key in older.fitted}), path)
    command = ["calibrate", "--task", "fashion-mnist", "--models", "standard", "--images", "60", "--out", str(folder)]
    assert main(command) == 0 and " added " in capsys.readouterr().out
    assert read_calibration(model, path).detectors == whole.detectors
    assert main(command) == 0 and " kept " in capsys.readouterr().out


def test_calibrate_refuses_to_overwrite_what_ships_with_fewer_images(capsys):
    assert main(["calibrate", "--task", "fashion-mnist", "--images", "5"]) == 2
    assert "--out" in capsys.readouterr().err


def test_calibrate_without_data_says_where_to_put_it(capsys):
    assert main(["calibrate", "--task", "cifar10"]) == 1
    assert "cifar-10-batches-py" in capsys.readouterr().err


def test_score_writes_the_table_and_lists_what_could_not_be_read(calibrated, folder, tmp_path, capsys):
    capsys.readouterr()
    out = tmp_path / "scores.parquet"
    assert score(folder, out, "--detector", "norms,msp", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["scored"], told["errors"]) == (6, 2)
    rows = pq.read_table(out).to_pylist()
    assert len(rows) == 2 * 6 + 2
    for key, count in told["flagged"].items():
        assert sum(row["detector"] == key and row["p_value"] <= 0.05 for row in rows) == count
    assert score(folder, out) == 0
    assert "2 not" in capsys.readouterr().out


@pytest.mark.slow
def test_more_flagged_than_allowed_is_exit_code_3(calibrated, folder, tmp_path):
    out = tmp_path / "scores.parquet"
    assert score(folder, out, "--alpha", "0.999", "--fail-above", "0") == 3  # all p-values are at most that but 1
    assert score(folder, out, "--alpha", "1/100", "--fail-above", "0") == 0  # 30 images promise nothing at this rate
    assert pq.read_table(out).num_rows == 8


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        (("--detector", "magic"), 2, "norms-all"),
        (("--fail-above", "1"), 2, "fail-above"),
        (("--alpha", "0"), 2, "alpha"),
        (("--calibration", "nowhere.npz"), 2, "robustscope calibrate"),
    ],
)
def test_impossible_requests_are_refused(calibrated, folder, tmp_path, capsys, more, code, words):
    assert score(folder, tmp_path / "scores.parquet", *more) == code
    assert words in capsys.readouterr().err


def test_a_folder_without_a_picture_fails(calibrated, tmp_path, capsys):
    (tmp_path / "none").mkdir()
    assert score(tmp_path / "none", tmp_path / "scores.parquet") == 1
    assert "nothing" in capsys.readouterr().err


def test_a_table_called_csv_is_csv_and_holds_no_formula(calibrated, tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    Image.new("L", (28, 28), 90).save(tmp_path / "in" / "a.png")
    Image.new("L", (28, 28), 90).save(tmp_path / "in" / "=2+5.png")
    monkeypatch.chdir(tmp_path / "in")
    paths = ["=2+5.png", "a.png"]
    asked = ["score", *paths, "--task", "fashion-mnist", "--model", "standard", "--detector", "norms,msp"]
    assert main([*asked, "--out", str(tmp_path / "t.csv")]) == 0
    assert main([*asked, "--out", str(tmp_path / "t.parquet")]) == 0
    with (tmp_path / "t.csv").open(newline="") as file:
        written = list(csv.DictReader(file))
    rows = pq.read_table(tmp_path / "t.parquet").to_pylist()
    assert [float(row["score"]) for row in written] == [row["score"] for row in rows]
    assert [row["path"] for row in written] == ["'=2+5.png", "'=2+5.png", "a.png", "a.png"]


def test_the_same_detector_twice_counts_once(calibrated, folder, tmp_path):
    out = tmp_path / "t.parquet"
    assert score(folder, out, "--detector", "norms,norms, norms") == 0
    assert pq.read_table(out).num_rows == 6 + 2


def test_a_folder_as_the_table_is_refused_before_the_work(tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        score(tmp_path, tmp_path)
    assert left.value.code == 2 and "must name a file" in capsys.readouterr().err


def test_a_refused_command_leaves_nothing_and_does_not_block_the_corrected_one(calibrated, folder, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    out = tmp_path / "out" / "t.parquet"
    assert score(tmp_path / "nowhere", out) == 2
    assert score(folder, out, "--detector", "magic") == 2
    assert list(out.parent.iterdir()) == []
    assert score(folder, out) == 0
    assert [path.name for path in out.parent.iterdir()] == ["t.parquet"]


@pytest.mark.slow
def test_pictures_whose_names_begin_like_the_table_are_scored_too(calibrated, folder):
    (folder / "0.png").rename(folder / "scores_cat.png")
    assert score(folder, folder / "scores") == 0
    assert str(folder / "scores_cat.png") in pq.read_table(folder / "scores").column("path").to_pylist()


def test_a_folder_of_somebodys_own_is_not_removed(calibrated, folder, tmp_path, capsys):
    mine = tmp_path / "t.parquet.parts"
    mine.mkdir()
    (mine / "holiday.png").write_bytes(b"x")
    assert score(folder, tmp_path / "t.parquet") == 2
    assert "t.parquet.parts" in capsys.readouterr().err and (mine / "holiday.png").exists()


@pytest.fixture
def normal_zip(tmp_path):
    """200 different pictures in a ZIP."""
    path = tmp_path / "normal.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for index, one in enumerate(columns(200, 4).pixels):
            archive.writestr(f"in/{index}.png", png(one[0].numpy()))
    return path


@pytest.mark.slow
def test_calibrate_on_own_pictures_checks_its_promise_and_score_uses_it(
    own, normal_zip, folder, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("ROBUSTSCOPE_USER", str(tmp_path / "user"))
    command = ["calibrate", "--data", str(normal_zip), "--model", "standard", "--normal", "grey columns"]
    assert main([*command, "--task", "fashion-mnist"]) == 0
    said = capsys.readouterr().out
    assert '200 pictures "grey columns"; 50 fit, 50 give p-values, 100 were held out' in said
    path = tmp_path / "user" / "calibration" / "fashion-mnist" / "standard.npz"
    screen = read_calibration(load_zoo_model("fashion-mnist", "standard", own[0]), path)
    flagged = screen.own.flagged["norms-all"]
    assert f"norms-all        {flagged:4} {flagged / 100:6.1%} (" in said and screen.own.name == "grey columns"
    assert score(folder, tmp_path / "scores.parquet", "--json") == 0  # nothing else is calibrated
    assert json.loads(capsys.readouterr().out)["scored"] == 6


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("--data", "nowhere", "--model", "standard", "--task", "fashion-mnist"), "does not exist"),
        (("--data", "nowhere", "--model", "unheard-of"), "there is no network unheard-of"),
        (("--data", "nowhere", "--model", "standard"), "name one by --task"),
        (("--data", "nowhere", "--task", "fashion-mnist"), "go together"),
        (("--data", "nowhere", "--model", "standard", "--fitting", "stretch"), "fitting must be"),
        ((), "name a task"),
    ],
)
def test_impossible_calibrations_are_refused(given, words, capsys):
    assert main(["calibrate", *given]) == 2
    assert words in capsys.readouterr().err


def test_too_few_normal_pictures_are_refused_with_a_sentence(own, folder, capsys):
    given = ["calibrate", "--data", str(folder), "--model", "standard", "--task", "fashion-mnist"]
    assert main(given) == 1
    assert "at least 200 different pictures that are normal; these are 6" in capsys.readouterr().err


def test_a_dataset_holds_the_rows_of_the_table_and_says_what_it_costs(calibrated, folder, tmp_path, capsys):
    out, dataset = tmp_path / "t.parquet", tmp_path / "many"
    assert score(folder, out, "--detector", "norms,msp") == 0
    asked = ["score", str(folder), "--task", "fashion-mnist", "--model", "standard", "--dataset", str(dataset)]
    asked += ["--processes", "1", "--shard", "3", "--detector"]
    capsys.readouterr()
    assert main([*asked, "norms,msp"]) == 0
    said = capsys.readouterr().out
    assert "8 pictures in 3 shards, 0 done; 1 network" in said and "measured on the first 8" in said
    assert "standard: 6 files scored, 2 not" in said
    table, rows = pq.read_table(out).to_pylist(), pq.read_table(dataset).to_pylist()
    assert [row["path"] for row in rows] == [row["path"] for row in table]
    for name in ("score", "p_value"):
        pairs = [(one[name], other[name]) for one, other in zip(rows, table, strict=True) if one[name] is not None]
        assert len(pairs) == 12
        np.testing.assert_allclose(*zip(*pairs, strict=True), rtol=1e-5)  # batches are cut elsewhere
    assert main([*asked, "norms,msp", "--json"]) == 0  # all is done
    assert json.loads(capsys.readouterr().out)["standard"]["scored"] == 6
    assert main([*asked, "msp"]) == 2
    assert "detectors was ['norms', 'msp'] and is ['msp'] now" in capsys.readouterr().err


@pytest.mark.parametrize("more", [("--engine", "local"), ("--shard", "5"), ("--model", "standard,pgd-linf")])
def test_what_goes_with_a_dataset_is_refused_for_a_table(calibrated, folder, tmp_path, capsys, more):
    assert score(folder, tmp_path / "t.parquet", *more) == 2
    assert "--dataset FOLDER" in capsys.readouterr().err
