"""Files that unpack to far more than they are get a sentence from a process with limits, and the next file is read."""

import io
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.batch import parquet
from core.errors import InputError

MEMORY = 500_000_000


@pytest.fixture
def little_memory(monkeypatch):
    monkeypatch.setattr(parquet, "_MEMORY", MEMORY)
    monkeypatch.setattr(parquet, "_idle", [])
    yield
    parquet._close()


def file_of(values):
    file = io.BytesIO()
    pq.write_table(pa.table({"bytes": values}), file, compression="zstd", store_schema=False, write_statistics=False)
    return file


def one_value_a_thousand_times(size):
    """A dictionary of one value, of which each row names the place."""
    return pa.DictionaryArray.from_arrays(pa.array([0] * 1000, pa.int32()), pa.array([bytes(size)], pa.binary()))


@pytest.mark.parametrize(
    "values",
    [pa.array([bytes(200_000_000)], pa.binary()), one_value_a_thousand_times(60_000_000)],
    ids=["huge", "many"],
)
def test_what_takes_too_much_memory_gets_a_sentence_and_the_next_file_is_read(little_memory, values):
    bomb = file_of(values)
    assert len(bomb.getvalue()) < 1_000_000  # it says nothing of what it takes
    with pytest.raises(InputError, match="takes more memory to read than is given"):
        list(parquet.pictures(bomb, "x", range(1000)))
    assert [one.data for one in parquet.pictures(file_of([b"a"]), "x", range(1))] == [b"a"]


def test_one_large_picture_named_by_every_row_comes_row_by_row():
    """19 GB in a file of some kilobytes; nobody holds more than a few of them."""
    found = parquet.pictures(file_of(one_value_a_thousand_times(19_000_000)), "x", range(40, 60))
    assert [len(one.data) for one in found] == [19_000_000] * 20


def test_a_process_is_kept_for_the_next_file_but_not_after_a_failure(little_memory):
    first = file_of([b"a", b"b", b"c"])
    assert parquet.count_rows(first) == 3
    (kept,) = parquet._idle
    assert [one.path for one in parquet.pictures(first, "x", range(1, 3))] == ["x/1", "x/2"] and parquet._idle == [kept]
    next(reading := parquet.pictures(first, "x", range(3)))
    reading.close()
    assert parquet._idle == [] and kept.process.poll() is not None


def test_a_process_that_ends_is_said_to_have(little_memory):
    parquet.count_rows(file_of([b"a"]))
    parquet._idle[0].process.kill()
    with pytest.raises(InputError, match="ended the program"):
        parquet.count_rows(file_of([b"a"]))


def test_more_rows_than_can_be_listed_are_refused(little_memory):
    many = pa.DictionaryArray.from_arrays(pa.array([0], pa.int32()).take(pa.array([0] * 10_000_001)), [b"a"])
    with pytest.raises(InputError, match="10,000,001 rows; at most 10,000,000"):
        parquet.count_rows(file_of(many))


def test_a_store_that_fails_says_so_in_its_own_words(little_memory):
    class Failing(io.BytesIO):
        def read(self, size=-1):
            raise OSError("the bucket is gone")

    with pytest.raises(OSError, match="bucket is gone"):
        parquet.count_rows(Failing(os.urandom(1000)))


def test_a_name_as_long_as_a_file_is_none(little_memory):
    file = io.BytesIO()
    pq.write_table(pa.table({"bytes": [b"a", b"b"], "path": ["n" * 1001, "n" * 1000]}), file)
    assert [one.path for one in parquet.pictures(file, "x", range(2))] == ["x/0", f"x/{'n' * 1000}"]
