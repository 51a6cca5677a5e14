"""The process that trains: it learns, tells, obeys, survives kills, and leaves no half-written weights."""

import itertools
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.data.datasets import load
from core.data.tasks import FASHION_MNIST
from core.devices import CPU
from core.errors import CoreError, DataMissingError, InputError
from core.models.zoo import load_weights, load_zoo_model
from core.training.jobs import monitor, worker
from core.training.jobs.lock import locked
from core.training.jobs.messages import Ended, Point, Ready, Step, TrainingRequest, decode
from core.training.jobs.monitor import PICTURES, measure, sample
from core.training.jobs.worker import Control, work
from core.training.loop import train
from tests.helpers.forked_training import ForkedTraining
from tests.helpers.networks import TINY_GREY
from tests.helpers.other_device import other_device

ROOT = Path(__file__).resolve().parents[4]
ORDER = TrainingRequest("fashion-mnist", "standard", "own-tiny", 384, 4)
SHORT = TrainingRequest("fashion-mnist", "standard", "own-tiny", 256, 1)
LONG = TrainingRequest("fashion-mnist", "standard", "own-tiny", 256, 5)


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def tiny_network(monkeypatch):
    """Orders train a network of few channels, in tests of what becomes of it."""
    plan = TrainingRequest.plan
    monkeypatch.setattr(TrainingRequest, "plan", lambda order: replace(plan(order), network=TINY_GREY))


def start(folder: Path, out: Path, order: TrainingRequest = LONG) -> ForkedTraining:
    write_order(folder, order)
    return ForkedTraining(folder, out)


def write_order(folder: Path, order: TrainingRequest) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "order.json").write_text(order.to_json())


@pytest.mark.slow
def test_an_order_becomes_a_model_with_its_card_and_a_growing_record(fashion_root, tmp_path, monkeypatch):
    monkeypatch.setattr(monitor, "SAMPLE", 30)
    plan, small = TrainingRequest.plan, replace(TINY_GREY, widths=(8, 16))
    monkeypatch.setattr(TrainingRequest, "plan", lambda order: replace(plan(order), network=small))
    told = []
    end = work(ORDER, tmp_path / "job", tmp_path / "out", Control(), told.append)
    assert end == Ended("finished")
    ready, *rest = told
    points = [event for event in rest if isinstance(event, Point)]
    assert isinstance(ready, Ready) and ready.pictures.shape == (PICTURES, 1, 28, 28) and ready.images == 30
    assert len({*ready.labels.tolist()}) == PICTURES
    ats = [point.at for point in points]
    assert ats == sorted(ats) and ats[0] == pytest.approx(1 / 6) and ats[-1] == 4.0 and 20 <= len(ats) <= 26
    assert points[-1].loss < points[0].loss and points[-1].clean > points[0].clean + 0.3
    assert points[0].maps.shape == (PICTURES, 28, 28) and not np.array_equal(points[0].maps, points[-1].maps)
    steps = [event for event in rest if isinstance(event, Step)]
    assert all(step.left >= 0 for step in steps) and steps[-1].left < steps[0].left
    assert all(one.at < other.at for one, other in itertools.pairwise(steps))
    model = load_zoo_model("fashion-mnist", "own-tiny", tmp_path / "out")
    assert model.card.figures[0]["clean"] > 0.3 and {row["norm"] for row in model.card.figures} == {"linf", "l2"}
    assert model.card.settings["images"] == 384 and "first 384" in model.card.note
    assert not list((tmp_path / "job").glob("checkpoint*"))
    last = measure(model.plain, sample(FASHION_MNIST, load(FASHION_MNIST, "val")), 4.0, 0.0)
    np.testing.assert_array_equal(last.maps, points[-1].maps)  # what is watched is what ships


@pytest.mark.slow
def test_a_recipe_with_a_teacher_finds_it_in_the_folder(fashion_root, tiny_network, tmp_path):
    work(SHORT, tmp_path / "job", tmp_path / "out", Control(), lambda event: None)
    order = TrainingRequest("fashion-mnist", "sat-strong-robust", "own-pupil", 256, 1, teacher="own-tiny")
    with pytest.raises(CoreError, match=r"teacher\.json"):
        work(order, tmp_path / "second", tmp_path / "out", Control(), lambda event: None)
    for suffix in ("json", "safetensors"):
        source = tmp_path / "out" / "fashion-mnist" / f"own-tiny.{suffix}"
        (tmp_path / "second" / f"teacher.{suffix}").parent.mkdir(exist_ok=True)
        (tmp_path / "second" / f"teacher.{suffix}").write_bytes(source.read_bytes())
    assert work(order, tmp_path / "second", tmp_path / "out", Control(), lambda event: None) == Ended("finished")


@pytest.mark.slow
def test_a_training_that_a_gpu_has_no_memory_for_is_done_on_the_cpu(fashion_root, tmp_path, monkeypatch, tiny_network):
    devices = []

    def crowded(*given):
        devices.append(given[6])
        if given[6] != CPU:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return train(*given)

    monkeypatch.setattr(worker, "train", crowded)
    monkeypatch.setattr(monitor, "SAMPLE", 10)
    with other_device() as device:
        monkeypatch.setattr(worker, "choose_device", lambda: device)
        assert work(SHORT, tmp_path / "run", tmp_path / "out", Control(), lambda event: None) == Ended("finished")
    assert devices == [device, CPU]
    card = load_weights(tmp_path / "out/fashion-mnist/own-tiny.safetensors").card
    assert "was full; the work was done on the CPU" in card.note and card.training["device"] == "cpu"


def test_without_the_data_set_it_says_how_to_get_it(tmp_path):
    with pytest.raises(DataMissingError, match="robustscope data fetch fashion-mnist"):
        work(ORDER, tmp_path, tmp_path / "out", Control(), lambda event: None)


@pytest.mark.slow
@pytest.mark.parametrize("blocked", ["weights", "card"])
def test_an_unwritable_folder_is_said_and_leaves_no_half_written_model(fashion_root, tiny_network, tmp_path, blocked):
    out = tmp_path / "out" / "fashion-mnist"
    if blocked == "weights":
        (tmp_path / "out").write_text("a file where a folder should be")
    else:
        (out / "own-tiny.json").mkdir(parents=True)  # the card can't replace a folder
    with pytest.raises(InputError, match="could not be written"):
        work(SHORT, tmp_path / "job", tmp_path / "out", Control(), lambda event: None)
    assert not [path for path in tmp_path.rglob("own-tiny*") if path.is_file()]
    assert (tmp_path / "job" / "checkpoint.pt").exists()  # so that nothing has to be learned again


@pytest.mark.slow
def test_a_full_disk_is_a_sentence_and_leaves_nothing(fashion_root, tiny_network, tmp_path, monkeypatch):
    def full(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError, match="No space left on device"):
        work(SHORT, tmp_path / "job", tmp_path / "out", Control(), lambda event: None)
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


@pytest.mark.slow
def test_it_stops_with_its_starter_is_killed_and_ends_with_the_weights_of_an_undisturbed_run(
    fashion_root, tiny_network, tmp_path, monkeypatch
):
    first = start(tmp_path / "job", tmp_path / "out")
    next(event for event in map(decode, first.stdout) if isinstance(event, Point) and event.at > 1)
    first.stdin.close()  # whoever started it is gone
    assert [event for event in map(decode, first.stdout) if isinstance(event, Ended)] == [Ended("stopped")]
    assert first.wait(30) == 0
    second = start(tmp_path / "job", tmp_path / "out")
    ready = decode(second.stdout.readline())
    assert ready.epochs >= 1
    next(event for event in map(decode, second.stdout) if isinstance(event, Point) and event.at > ready.epochs + 1)
    second.kill()
    assert second.wait(30) == -signal.SIGKILL and not (tmp_path / "out").exists()
    third = start(tmp_path / "job", tmp_path / "out")
    events = [decode(line) for line in third.stdout]
    assert events[0].epochs > ready.epochs and events[-1] == Ended("finished") and third.wait(30) == 0
    monkeypatch.setattr(monitor, "SAMPLE", 10)
    work(LONG, tmp_path / "whole", tmp_path / "other", Control(), lambda event: None)
    disturbed, whole = (load_weights(tmp_path / out / "fashion-mnist/own-tiny.safetensors") for out in ("out", "other"))
    assert disturbed.card.sha256 == whole.card.sha256


@pytest.mark.slow
def test_a_second_process_does_nothing_in_a_folder_until_the_first_has_left_it(tmp_path):
    """It would fail at once on this order, if it read it; it is stopped while it waits."""
    (tmp_path / "job").mkdir()
    with locked(tmp_path / "job"):
        process = start(tmp_path / "job", tmp_path / "out", TrainingRequest("fashion-mnist", "standard", "own-x", 3, 1))
        process.stdin.close()
        assert [*map(decode, process.stdout)] == [Ended("stopped")] and process.wait(60) == 0


@pytest.mark.slow
def test_a_refusal_is_told_in_one_line_with_its_exit_code(fashion_root, tmp_path):
    write_order(tmp_path / "job", TrainingRequest("fashion-mnist", "standard", "own-tiny", 3, 1))
    command = [sys.executable, "-m", "core.training.jobs.worker", str(tmp_path / "job"), str(tmp_path / "out")]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)
    (end,) = [decode(line) for line in process.communicate(timeout=60)[0].splitlines()]
    assert end.how == "failed" and "images" in end.sentence and process.returncode == 1


def test_paused_means_that_no_step_is_taken_and_the_clock_stands():
    control = Control()
    control.hear("pause")
    answers = []
    asked = threading.Thread(target=lambda: answers.append(control.should_stop()))
    asked.start()
    asked.join(0.3)
    assert asked.is_alive() and not answers
    control.hear("go")
    asked.join(5)
    assert answers == [False] and 0.25 < control.held() < 5


def test_a_paused_run_can_be_stopped_and_other_words_mean_nothing():
    control = Control()
    control.listen(iter(["pause\n", "nonsense\n", ""]))  # the end of the words means stop
    assert control.should_stop()
    other = Control()
    other.hear("nonsense")
    assert not other.should_stop()
