"""One process at a time trains in a folder; it is free again when that process ends, however it ends."""

import signal
import subprocess
import sys
import time

import pytest

from core.errors import InputError
from core.progress import StoppedError
from core.training.jobs.lock import locked

HOLDER = """
import sys, time
from pathlib import Path
from core.training.jobs.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_a_folder_that_another_process_trains_in_is_refused(tmp_path, holder):
    with pytest.raises(InputError, match="still trains"), locked(tmp_path, patience=0.3):
        raise AssertionError("both train")


def test_a_killed_process_leaves_the_folder_free_and_who_waits_gets_it(tmp_path, holder):
    began = time.monotonic()
    holder.send_signal(signal.SIGKILL)
    with locked(tmp_path, patience=20):
        assert time.monotonic() - began < 15


def test_who_waits_can_be_stopped(tmp_path, holder):
    with pytest.raises(StoppedError), locked(tmp_path, patience=60, should_stop=lambda: True):
        raise AssertionError("went on")


def test_one_after_the_other_is_fine(tmp_path):
    for _ in range(2):
        with locked(tmp_path, patience=0):
            pass
