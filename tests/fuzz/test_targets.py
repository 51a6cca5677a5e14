"""Every reader that is fuzzed takes its seeds, and whatever it once stumbled over, within its errors and limits."""

import random
import struct

import pytest

from core.errors import ConfigError, InputError
from tests.helpers.fuzz.catalogue import TARGETS
from tests.helpers.fuzz.mutation import mutated
from tests.helpers.fuzz.pictures import mended_png
from tests.helpers.fuzz.recorder import Recorder
from tests.helpers.fuzz.target import Target
from tests.helpers.fuzz.worker import KEPT

MANY = {"tiff", "link", "calibration"}
"""Readers with many seeds, or slow ones, of which some are enough here."""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("key", TARGETS)
def test_a_reader_takes_its_seeds_and_what_it_once_stumbled_over(key, tmp_path):
    seeds, kept = list(TARGETS[key].seeds()), [path.read_bytes() for path in sorted((KEPT / key).glob("*"))]
    recorder = Recorder(TARGETS[key], tmp_path)
    for data in (*(seeds[::9] if key in MANY else seeds), *kept):
        recorder(data)
    assert recorder.tally.inputs and not recorder.tally.faults
    assert recorder.tally.seconds < 2.0 and recorder.tally.memory < 600


def test_kept_files_are_those_of_readers_and_small():
    assert {path.name for path in KEPT.iterdir()} <= {*TARGETS}
    assert sum(path.stat().st_size for path in KEPT.rglob("*") if path.is_file()) < 50_000


def test_what_is_no_sentence_is_a_fault_counted_by_its_kind_with_its_first_input_kept(tmp_path):
    errors = iter([InputError("no"), KeyError("a"), KeyError("b"), ConfigError("no"), MemoryError(), SystemExit(1)])

    def fail(data: bytes) -> None:
        raise next(errors)

    recorder = Recorder(Target("any", "Anything", list, fail), tmp_path)
    for number in range(6):
        recorder(bytes([number]))
    assert recorder.tally.inputs == 6 and sum(recorder.tally.faults.values()) == 4
    assert {kind.split()[0] for kind in recorder.tally.faults} == {"KeyError", "MemoryError", "SystemExit"}
    assert {path.read_bytes() for path in tmp_path.glob("fault-*")} >= {b"\1", b"\4", b"\5"}


def test_a_reader_with_a_process_of_its_own_may_run_out_of_memory(tmp_path):
    def fail(data: bytes) -> None:
        raise MemoryError

    recorder = Recorder(Target("any", "Anything", list, fail, apart=len), tmp_path)
    recorder(b"")
    assert not recorder.tally.faults


def test_a_png_that_was_changed_gets_checksums_that_fit():
    (whole, *_) = TARGETS["png"].seeds()
    changed = bytearray(whole)
    changed[16:20] = struct.pack(">I", 999)  # the width
    assert mended_png(whole) == whole and mended_png(bytes(changed))[16:20] == struct.pack(">I", 999)
    with pytest.raises(InputError, match="truncated or damaged"):
        TARGETS["png"].call(mended_png(bytes(changed)))


def test_changes_at_random_are_the_same_for_a_seed_and_differ_from_what_they_were_made_of():
    seeds = [b"first of all", b"{}"]
    made = [mutated(seeds, random.Random(number), 20) for number in range(200)]
    assert made == [mutated(seeds, random.Random(number), 20) for number in range(200)]
    assert all(len(data) <= 20 for data in made) and len({*made} - {*seeds}) > 120
