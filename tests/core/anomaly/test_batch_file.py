"""Scores of files: rows are what the screen says, a killed run goes on without loss or repeats, and reasons."""

import hashlib
import os
import zipfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from core.anomaly import batch_file as module
from core.anomaly.batch_file import Scoring, score_files
from core.anomaly.batch_parts import SCHEMA
from core.errors import ConfigError, InputError
from core.images import decode, fit
from tests.helpers.pictures import columns, png

ASKED = ("norms-all", "msp")


@pytest.fixture
def folder(tmp_path):
    """23 pictures, three of them in a ZIP with a nested one, a text, an empty file and a cut one."""
    root = tmp_path / "in"
    root.mkdir()
    files = [png(each[0].numpy()) for each in columns(23, 5).pixels]
    for index, data in enumerate(files[:20]):
        (root / f"{index:02d}.png").write_bytes(data)
    with zipfile.ZipFile(root / "some.zip", "w") as archive:
        for index, data in enumerate(files[20:]):
            archive.writestr(f"{index}.png", data)
        archive.writestr("nested.zip", (b"PK\x03\x04" + b"\0" * 30))
        archive.writestr("broken.png", files[0][:60])
    (root / "text.png").write_text("hello")
    (root / "empty.png").write_bytes(b"")
    return root


def table(path: Path) -> list[dict]:
    return pq.read_table(path).to_pylist()


def test_rows_are_what_the_screen_says(network, screen, folder, tmp_path):
    out = tmp_path / "scores.parquet"
    tally = score_files(network, screen, [folder], out, Scoring(ASKED, batch=7))
    assert pq.read_schema(out).equals(SCHEMA)
    rows = table(out)
    good = [row for row in rows if row["error"] is None]
    bad = {os.path.relpath(row["path"], folder): row for row in rows if row["error"] is not None}
    assert (tally.scored, tally.errors) == (23, 4) and len(good) == 2 * 23
    assert set(bad) == {"text.png", "empty.png", "some.zip/nested.zip", "some.zip/broken.png"}
    assert all(row["detector"] is row["score"] is row["p_value"] is None for row in bad.values())
    assert "not an image" in bad["text.png"]["error"] and "archive" in bad["some.zip/nested.zip"]["error"]
    assert bad["text.png"]["sha256"] == hashlib.sha256(b"hello").hexdigest()
    x = torch.cat([fit(decode((folder / f"{i:02d}.png").read_bytes()).pixels, (1, 28, 28)) for i in range(20)])
    scores = screen.scores(screen.measure(network, x))
    for key in ASKED:
        mine = [row for row in good if row["detector"] == key]
        np.testing.assert_allclose([row["score"] for row in mine[:20]], scores[key], rtol=1e-3)
        expected = screen.p_values({key: np.array([row["score"] for row in mine])})[key]
        np.testing.assert_array_equal([row["p_value"] for row in mine], expected)
        assert tally.flagged[key] == (expected <= 0.05).sum()
        assert tally.share(key) == tally.flagged[key] / 23
    assert {row["model"] for row in rows} == {"standard"}
    assert sorted(os.listdir(tmp_path)) == ["in", "scores.parquet"]


class KillError(BaseException):
    """Stands for a kill: nothing catches it."""


@pytest.mark.slow
@pytest.mark.parametrize("at", [1, 2, 4, 5])
def test_a_killed_run_goes_on_without_loss_or_repeats(network, screen, folder, tmp_path, monkeypatch, at):
    whole, out = tmp_path / "whole.parquet", tmp_path / "out.parquet"
    score_files(network, screen, [folder], whole, Scoring(ASKED, batch=5))
    original, calls = module._rows, []

    def rows(*args):
        calls.append(len(args[3]))
        if len(calls) == at:
            raise KillError
        return original(*args)

    monkeypatch.setattr(module, "_rows", rows)
    with pytest.raises(KillError):
        score_files(network, screen, [folder], out, Scoring(ASKED, batch=5))
    assert not out.exists()
    score_files(network, screen, [folder], out, Scoring(ASKED, batch=5))
    assert sum(calls) == 27 + calls[at - 1]  # only what was in hand is done again
    key = [(row["path"], row["detector"]) for row in table(out)]
    assert key == [(row["path"], row["detector"]) for row in table(whole)] and len(set(key)) == len(key)
    assert not (tmp_path / "out.parquet.parts").exists()


def test_a_kill_while_the_table_is_put_together_loses_nothing(network, screen, folder, tmp_path, monkeypatch):
    out = tmp_path / "out.parquet"
    out.write_bytes(b"an older table")

    def killed(*args):
        raise KillError

    with monkeypatch.context() as patch:
        patch.setattr(module, "count_rows", killed)
        with pytest.raises(KillError):
            score_files(network, screen, [folder], out, Scoring(ASKED))
    assert out.read_bytes() == b"an older table"
    assert score_files(network, screen, [folder], out, Scoring(ASKED)).scored == 23
    assert len(table(out)) == 2 * 23 + 4


def test_parts_of_other_settings_are_not_mixed_in(network, screen, folder, tmp_path, monkeypatch):
    out = tmp_path / "out.parquet"

    def killed(*args):
        raise KillError

    with monkeypatch.context() as patch:
        patch.setattr(module.TableParts, "join", killed)
        with pytest.raises(KillError):
            score_files(network, screen, [folder], out, Scoring(ASKED))
    for other in (Scoring(("msp",)), Scoring(ASKED, "letterbox")):
        with pytest.raises(ConfigError, match="other settings"):
            score_files(network, screen, [folder], out, other)
    part = next((tmp_path / "out.parquet.parts").glob("*.parquet"))
    part.write_bytes(part.read_bytes()[:50])
    with pytest.raises(InputError, match="damaged"):
        score_files(network, screen, [folder], out, Scoring(ASKED))
    part.unlink()
    assert score_files(network, screen, [folder], out, Scoring(ASKED)).scored == 23


def test_a_part_that_was_removed_is_not_replaced_by_overwriting_another(network, screen, folder, tmp_path, monkeypatch):
    out = tmp_path / "out.parquet"
    with monkeypatch.context() as patch:
        patch.setattr(module.TableParts, "join", lambda *args: (_ for _ in ()).throw(KillError()))
        with pytest.raises(KillError):
            score_files(network, screen, [folder], out, Scoring(ASKED, batch=5))
    (tmp_path / "out.parquet.parts" / "00000001.parquet").unlink()
    assert score_files(network, screen, [folder], out, Scoring(ASKED, batch=5)).scored == 23


@pytest.mark.slow
def test_a_path_given_twice_is_scored_once_and_the_table_itself_never(network, screen, folder):
    out = folder / "scores.parquet"
    tally = score_files(network, screen, [folder, folder / "03.png"], out, Scoring(("msp",), batch=4))
    assert (tally.scored, tally.errors) == (23, 4)
    assert score_files(network, screen, [folder], out, Scoring(("msp",), batch=4)).errors == 4


@pytest.mark.slow
def test_one_image_without_a_score_does_not_cost_the_others_theirs(network, screen, folder, tmp_path, monkeypatch):
    original, odd = type(screen).measure, (folder / "04.png").read_bytes()
    poison = fit(decode(odd).pixels, (1, 28, 28))

    def measure(self, model, x, chunk=64):
        if any(torch.equal(each, poison[0]) for each in x):
            raise InputError("the network's answers to these images are not finite numbers")
        return original(self, model, x, chunk)

    monkeypatch.setattr(type(screen), "measure", measure)
    tally = score_files(network, screen, [folder], tmp_path / "out.parquet", Scoring(("msp",)))
    rows = {os.path.relpath(row["path"], folder): row for row in table(tmp_path / "out.parquet")}
    assert tally.scored == 22 and "finite" in rows["04.png"]["error"] and rows["05.png"]["score"] is not None


def test_files_that_wait_are_bounded_in_bytes_too(network, screen, folder, tmp_path, monkeypatch):
    original, calls = module._rows, []
    monkeypatch.setattr(module, "_rows", lambda *args: calls.append(len(args[3])) or original(*args))
    monkeypatch.setattr(module, "_BATCH_BYTES", 3 * len((folder / "00.png").read_bytes()))
    assert score_files(network, screen, [folder], tmp_path / "out.parquet", Scoring(("msp",))).scored == 23
    assert max(calls) <= 6 and sum(calls) == 27


def test_names_that_are_no_utf8_are_kept_as_escapes(network, screen, tmp_path, monkeypatch):
    folder = tmp_path / "in"
    folder.mkdir()
    name = os.fsencode(folder) + b"/a\xff.png"
    with open(name, "wb") as file:
        file.write(png(columns(1, 5).pixels[0, 0].numpy()))
    with monkeypatch.context() as patch:
        patch.setattr(module.TableParts, "join", lambda *args: (_ for _ in ()).throw(KillError()))
        with pytest.raises(KillError):
            score_files(network, screen, [folder], tmp_path / "out.parquet", Scoring(("msp",)))
    score_files(network, screen, [folder], tmp_path / "out.parquet", Scoring(("msp",)))
    assert [row["path"] for row in table(tmp_path / "out.parquet")] == [f"{folder}/a\\xff.png"]  # once


def test_impossible_settings_are_refused(network, screen, tmp_path):
    for wrong in ({"detectors": ()}, {"fitting": "stretch"}, {"alpha": 0.0}, {"batch": 0}):
        with pytest.raises(ConfigError):
            Scoring(**{"detectors": ASKED} | wrong)
    with pytest.raises(ConfigError, match="magic"):
        score_files(network, screen, [tmp_path], tmp_path / "out.parquet", Scoring(("magic",)))
    with pytest.raises(ConfigError, match="does not exist"):
        score_files(network, screen, [tmp_path / "x"], tmp_path / "out.parquet", Scoring(ASKED))


def test_a_file_whose_name_begins_like_the_table_is_scored(network, screen, folder):
    """`--out pics/scores` passed over `pics/scores_cat.png` without a word."""
    (folder / "scores_cat.png").write_bytes((folder / "00.png").read_bytes())
    out = folder / "scores"
    score_files(network, screen, [folder], out, Scoring(("msp",)))
    assert "scores_cat.png" in {os.path.basename(row["path"]) for row in table(out)}


def test_a_folder_of_the_same_name_that_is_not_ours_is_left_alone(network, screen, folder, tmp_path):
    theirs = tmp_path / "out.parquet.parts"
    theirs.mkdir()
    for name, content in (("novel.txt", "a year of work"), ("settings.json", '{"colour": 1}')):
        (theirs / name).write_text(content)
        with pytest.raises(ConfigError, match="not a folder of ours"):
            score_files(network, screen, [folder], tmp_path / "out.parquet", Scoring(("msp",)))
        assert (theirs / name).read_text() == content and not (tmp_path / "out.parquet").exists()


def test_what_others_put_among_our_parts_stays(network, screen, folder, tmp_path, monkeypatch):
    out = tmp_path / "out.parquet"
    with monkeypatch.context() as patch:
        patch.setattr(module.TableParts, "join", lambda *args: (_ for _ in ()).throw(KillError()))
        with pytest.raises(KillError):
            score_files(network, screen, [folder], out, Scoring(("msp",)))
    (tmp_path / "out.parquet.parts" / "note.txt").write_text("mine")
    assert score_files(network, screen, [folder], out, Scoring(("msp",))).scored == 23
    assert os.listdir(tmp_path / "out.parquet.parts") == ["note.txt"]


def test_a_refusal_leaves_nothing_behind_and_does_not_block_the_corrected_call(network, screen, folder, tmp_path):
    out = tmp_path / "out.parquet"
    with pytest.raises(ConfigError, match="does not exist"):
        score_files(network, screen, [folder, tmp_path / "typo"], out, Scoring(ASKED))
    with pytest.raises(ConfigError, match="is a folder"):
        score_files(network, screen, [folder], folder, Scoring(ASKED))
    assert os.listdir(tmp_path) == ["in"]
    assert score_files(network, screen, [folder], out, Scoring(("msp",))).scored == 23
    assert sorted(os.listdir(tmp_path)) == ["in", "out.parquet"]


def test_stop_is_asked_after_every_file(network, screen, folder, tmp_path, monkeypatch):
    reads = []
    monkeypatch.setattr(module, "decode", lambda data: reads.append(1) or decode(data))

    def stop(done):
        if done == 3:
            raise KillError

    with pytest.raises(KillError):
        score_files(network, screen, [folder], tmp_path / "out.parquet", Scoring(("msp",)), stop)
    assert len(reads) == 3 and os.listdir(tmp_path) == ["in"]
