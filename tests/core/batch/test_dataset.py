"""The folder of results: goes on after a kill, is the same as without one, and is mixed with nothing."""

import json

import pyarrow.parquet as pq
import pytest

from core.batch import run as module
from core.batch.dataset import JOURNAL, MANIFEST, Dataset
from core.batch.local import LocalEngine
from core.batch.run import measure_cost, remaining, run_batch
from core.batch.shards import plan
from core.errors import ConfigError, InputError
from tests.helpers.batch_work import IMPOSSIBLE, CountWork, count_job

STATED = {"work": "count", "size": (2, 3)}


@pytest.fixture
def shards(tmp_path):
    """Five, of two pictures each."""
    (tmp_path / "in").mkdir()
    for at in range(10):
        (tmp_path / "in" / f"{at}.png").write_bytes(b"x" * at)
    return plan([str(tmp_path / "in")], 2)


def run(shards, folder, stated=STATED, on_shard=lambda shard, done: None):
    dataset = Dataset(folder, stated)
    run_batch(count_job(), shards, LocalEngine(1), dataset, on_shard)
    return dataset


class KillError(BaseException):
    """Stands for a kill: nothing catches it."""


def killed_after(count):
    """A listener that kills at the `count`-th shard."""
    seen = []

    def on_shard(shard, done):
        seen.append(shard)
        if len(seen) == count:
            raise KillError

    return on_shard


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != JOURNAL}


def test_rows_are_in_the_order_of_the_pictures_and_readers_pass_over_the_rest(shards, tmp_path):
    dataset = run(shards, tmp_path / "out")
    table = pq.read_table(tmp_path / "out")
    assert table["bytes"].to_pylist() == list(range(10))
    assert [each for part in dataset.tables(["bytes"]) for each in part["bytes"].to_pylist()] == list(range(10))
    manifest = json.loads((tmp_path / "out" / MANIFEST).read_text())
    assert manifest["finished"] and manifest["pictures"] == 10 and len(manifest["shards"]) == 5
    assert (tmp_path / "out/_maps/000003/00000-1.png").read_bytes() == b"png"


@pytest.mark.parametrize("at", [1, 3, 5])
def test_a_killed_run_goes_on_and_ends_as_one_that_was_not(shards, tmp_path, at):
    run(shards, tmp_path / "whole")
    with pytest.raises(KillError):
        run(shards, tmp_path / "out", on_shard=killed_after(at))
    with (tmp_path / "out" / JOURNAL).open("a") as journal:
        journal.write('{"number": 4, "sha')  # half a line
    left = remaining(shards, Dataset(tmp_path / "out", STATED))
    assert [shard.number for shard in left] == list(range(at, 5))
    run(shards, tmp_path / "out")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    assert len(Dataset(tmp_path / "out", STATED).done) == 5


def test_a_file_that_was_damaged_or_removed_is_made_again(shards, tmp_path):
    run(shards, tmp_path / "out")
    before = contents(tmp_path / "out")
    (tmp_path / "out/part-000001.parquet").write_bytes(b"PAR1")
    (tmp_path / "out/part-000003.parquet").unlink()
    made = []
    run(shards, tmp_path / "out", on_shard=lambda shard, done: made.append(shard.number))
    assert made == [1, 3] and contents(tmp_path / "out") == before


def test_other_settings_and_other_folders_are_refused_by_name(shards, tmp_path):
    run(shards, tmp_path / "out")
    for other, words in (({**STATED, "work": "score"}, "work was count and is score"), ({"work": "count"}, "size was")):
        with pytest.raises(ConfigError, match=words):
            Dataset(tmp_path / "out", other)
    with pytest.raises(ConfigError, match="other files"):
        Dataset(tmp_path / "in", STATED)
    manifest = tmp_path / "out" / MANIFEST
    manifest.write_bytes(manifest.read_bytes().replace(b"count", b"coumt"))
    with pytest.raises(InputError, match="damaged"):
        Dataset(tmp_path / "out", STATED)


def test_the_cost_is_that_of_the_pictures_to_come(shards, monkeypatch):
    ticks = iter((0.0, 2.0))
    monkeypatch.setattr(module.time, "perf_counter", lambda: next(ticks))
    cost = measure_cost(count_job(), shards[1:], 5)
    assert (cost.pictures, cost.measured, cost.core_seconds, cost.seconds(4)) == (8, 5, 3.2, 0.8)


def test_the_cost_is_measured_after_the_first_picture_that_can_be_read(shards, tmp_path, monkeypatch):
    (tmp_path / "in/0.png").write_bytes(b"Rar! no picture")
    done, made_of = [], CountWork.made_of
    monkeypatch.setattr(
        CountWork, "made_of", lambda self, n, p, place: done.append(len(p)) or made_of(self, n, p, place)
    )
    assert measure_cost(count_job(), shards, 5).measured == 5
    assert done == [1, 1, 5]


def test_an_impossible_job_says_so_before_anything_is_written(shards, tmp_path):
    (tmp_path / "in/0.png").write_bytes(IMPOSSIBLE)
    with pytest.raises(ConfigError, match="can't be done"):
        run(shards, tmp_path / "out")
    assert not (tmp_path / "out").exists()
