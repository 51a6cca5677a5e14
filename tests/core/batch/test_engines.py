"""Engines: the same bytes whoever does a shard, and nothing is lost where a process is killed."""

import socket
import sys
from importlib.util import find_spec
from multiprocessing import Pipe
from types import SimpleNamespace

import pytest

from core.batch import local, on_ray
from core.batch.engine import ENGINES
from core.batch.job import Job
from core.batch.local import ATTEMPTS, LocalEngine
from core.batch.shards import plan
from core.errors import ConfigError, InputError
from tests.helpers.batch_work import FATAL, IMPOSSIBLE, count_job


@pytest.fixture
def shards(tmp_path):
    """Eight, of three pictures each; the fourth kills a process once, where the job says so."""
    (tmp_path / "in").mkdir()
    for at in range(24):
        (tmp_path / "in" / f"{at:02d}.png").write_bytes(FATAL if at == 10 else b"x" * at)
    return plan([str(tmp_path / "in")], 3)


def by_number(answers):
    found = {each.number: each for each in answers}
    assert len(found) == 8
    return found


@pytest.mark.slow
def test_processes_give_what_one_gives_though_one_of_them_is_killed(shards, tmp_path):
    marker, taken = tmp_path / "killed", []
    job = count_job(marker=str(marker))
    watched = (taken.append(shard) or shard for shard in shards)
    answers = LocalEngine(2).answers(job, watched)
    first = next(answers)
    assert len(taken) <= 3  # shards in hand are bounded
    several = by_number([first, *answers])
    assert marker.exists()
    assert several == by_number(LocalEngine(1).answers(job, shards))


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed: pip install -r requirements-extras.txt")
def test_ray_gives_what_one_process_gives_though_one_of_its_own_is_killed(shards, tmp_path, ray_home):
    job = count_job(marker=str(tmp_path / "killed"))
    with ENGINES["ray"](None, 2) as engine:
        assert engine.processes == 2
        several = by_number(engine.answers(job, shards))
        (tmp_path / "in/20.png").write_bytes(IMPOSSIBLE)
        with pytest.raises(ConfigError, match="can't be done"):
            list(engine.answers(job, shards))
    assert (tmp_path / "killed").exists()
    (tmp_path / "in/20.png").write_bytes(b"x" * 20)
    assert several == by_number(LocalEngine(1).answers(job, shards))


class Doomed:
    """A worker whose process ends whatever it is given."""

    begun = 0

    def __init__(self, job, shard):
        Doomed.begun += 1
        self.pipe, theirs = Pipe()
        theirs.close()
        self.process, self.shard = SimpleNamespace(exitcode=-9), shard

    def end(self):
        self.pipe.close()


def test_a_shard_that_ends_every_process_is_given_up_with_a_sentence(shards, monkeypatch):
    monkeypatch.setattr(local, "_Worker", Doomed)
    with pytest.raises(InputError, match=rf"shard 0 ended {ATTEMPTS} processes.*00\.png"):
        list(LocalEngine(2).answers(count_job(), shards[:1]))
    assert Doomed.begun == ATTEMPTS


def test_a_process_with_other_code_does_nothing(shards):
    job = count_job()
    with pytest.raises(ConfigError, match="another version"):
        Job(job.work, job.networks, "0" * 64).answer(shards[0])


@pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed: pip install -r requirements-extras.txt")
@pytest.mark.parametrize("form", ["localhost:{}", "ray://localhost:{}", "[::1]:{}"])
def test_a_cluster_where_nobody_answers_is_told_before_ray_tries_for_minutes(form, monkeypatch):
    monkeypatch.setattr(on_ray, "_connect", None)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = form.format(free.getsockname()[1])  # bound, and nobody listens
        with pytest.raises(ConfigError, match=r"no Ray cluster answers at .*:\d+: "), ENGINES["ray"](address, None):
            pass


def test_impossible_engines_are_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    for name, address, processes, words in (
        ("ray", None, None, r"requirements-extras\.txt"),
        ("ray", "ray://there:10001", 2, "its own processes"),
        ("local", "ray://there:10001", None, "engine ray"),
        ("local", None, 0, "at least 1"),
    ):
        with pytest.raises(ConfigError, match=words), ENGINES[name](address, processes):
            pass
