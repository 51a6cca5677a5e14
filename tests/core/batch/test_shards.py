"""What lies in folders, ZIPs, Parquet files and object stores: all of it, in order, cut anyhow, and reasons."""

import io
import zipfile
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.batch.reading import batches, read
from core.batch.shards import digest, plan
from core.data.incoming import MAX_ENTRIES, Incoming, incoming
from core.errors import ConfigError


def all_of(inputs, size=4):
    """Path and bytes of everything under `inputs`, and the shards."""
    shards = plan(list(map(str, inputs)), size)
    return [(one.path, one.data or one.error) for shard in shards for one in read(shard)], shards


def parquet(file, column, rows, group=3, **more):
    """A Parquet file with a column of pictures."""
    pq.write_table(pa.table({"label": range(len(rows)), column: rows, **more}), file, row_group_size=group)


@pytest.fixture
def folder(tmp_path):
    """Nine files, one in a folder of its own, and a ZIP of three between them."""
    root = tmp_path / "in"
    (root / "deeper").mkdir(parents=True)
    for name in ("a", "b", "c", "d", "e", "n", "o", "p", "deeper/z"):
        (root / f"{name}.png").write_bytes(name.encode())
    with zipfile.ZipFile(root / "m.zip", "w") as archive:
        for name in "xyz":
            archive.writestr(f"{name}.png", name)
    (root / ".hidden").write_bytes(b"x")
    return root


@pytest.mark.parametrize("size", [1, 4, 100])
def test_shards_hold_what_lies_there_in_its_order_however_they_are_cut(folder, size):
    found, shards = all_of([folder, folder / "a.png"], size)
    assert found == [(one.path, one.data) for one in incoming([folder, folder / "a.png"])]
    assert len(found) == 13 == sum(shard.pictures for shard in shards)
    assert [shard.number for shard in shards] == list(range(len(shards)))
    assert max(shard.pictures for shard in shards) <= size


def test_a_zip_of_more_files_than_an_upload_may_have_is_read_whole_in_shards(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        for number in range(MAX_ENTRIES + 300):
            archive.writestr(f"{number}.png", str(number))
    found, shards = all_of([tmp_path], 200)
    assert [data for _, data in found] == [str(number).encode() for number in range(MAX_ENTRIES + 300)]
    assert [shard.pictures for shard in shards] == [200] * 11 + [100]
    monkeypatch.setattr("core.batch.shards.LONGEST_LIST", 10_000)
    monkeypatch.setattr("core.data.incoming.LONGEST_LIST", 10_000)
    ((_, reason),), _ = all_of([tmp_path], 200)
    assert "list of contents is longer" in reason


def test_the_list_is_known_by_its_names_and_by_its_cuts(folder):
    first = digest(plan([str(folder)], 4))
    assert first == digest(plan([str(folder)], 4)) != digest(plan([str(folder)], 5))
    (folder / "q.png").write_bytes(b"q")
    assert digest(plan([str(folder)], 4)) != first


def test_the_folder_of_the_results_is_left_out(folder):
    shards = plan([str(folder)], 100, folder / "deeper")
    assert [Path(piece.location).name for piece in shards[0].pieces][-2:] == ["o.png", "p.png"]


@pytest.mark.parametrize("size", [2, 4, 100])
def test_rows_of_parquet_come_once_each_across_its_row_groups(tmp_path, size):
    parquet(tmp_path / "a.parquet", "bytes", [bytes([65 + at]) for at in range(8)])
    parquet(tmp_path / "b.parquet", "image", [{"bytes": b"x", "path": "x.png"}, {"bytes": None, "path": "y.png"}])
    parquet(tmp_path / "c.parquet", "image", [b"1", b"2"], path=["one.png", "two.png"])
    found, _ = all_of([tmp_path], size)
    assert [(path.removeprefix(f"{tmp_path}/"), data) for path, data in found] == [
        *((f"a.parquet/{at}", bytes([65 + at])) for at in range(8)),
        ("b.parquet/x.png", b"x"),
        ("b.parquet/y.png", "The row holds no picture."),
        ("c.parquet/one.png", b"1"),
        ("c.parquet/two.png", b"2"),
    ]


def test_what_is_broken_is_a_row_with_its_reason(tmp_path, monkeypatch):
    monkeypatch.setattr("core.data.incoming.MAX_BYTES", 1_000_000)
    (tmp_path / "a.parquet").write_bytes(b"PAR1 no")
    parquet(tmp_path / "b.parquet", "text", ["x"])
    parquet(tmp_path / "c.parquet", "bytes", pa.array([], pa.binary()))
    parquet(tmp_path / "d.parquet", "bytes", [b"PK\x03\x04zip", b"x" * 1_000_001])
    (tmp_path / "e.zip").write_bytes(b"PK\x03\x04 no")
    (tmp_path / "f.png").write_bytes(b"f")
    found, shards = all_of([tmp_path])
    (tmp_path / "f.png").unlink()
    found += [(one.path, one.error) for one in read(shards[-1])][-1:]
    reasons = [data for _, data in found]
    assert len(found) == 8 and reasons[6] == b"f"
    for reason, words in zip(reasons, ("ArrowInvalid", "no column of bytes", "no rows"), strict=False):
        assert words in reason
    assert "archive inside" in reasons[3] and "more than 1 MB" in reasons[4] and "damaged" in reasons[5]
    assert "No such file" in reasons[7]


def test_an_object_store_is_read_as_a_folder_is(folder):
    system = fsspec.filesystem("memory")
    for path in folder.rglob("*"):
        if path.is_file():
            system.pipe(f"/pictures/{path.relative_to(folder)}", path.read_bytes())
    buffer = io.BytesIO()
    pq.write_table(pa.table({"bytes": [b"r0", b"r1"]}), buffer)
    system.pipe("/pictures/rows.parquet", buffer.getvalue())
    found, _ = all_of(["memory://pictures"], 2)
    assert sorted(data for _, data in found) == sorted([*b"a b c d e n o p x y z deeper/z r0 r1".split()])
    assert [path for path, _ in found][-3:] == [
        "memory:///pictures/p.png", "memory:///pictures/rows.parquet/0", "memory:///pictures/rows.parquet/1",
    ]  # fmt: skip
    assert all_of([f"file://{folder}/b.png"])[0] == [(f"file://{folder}/b.png", b"b")]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("/nowhere/at/all", "does not exist"),
        ("memory://nowhere", "does not exist"),
        ("unheard-of://x", "unheard-of"),
        ("s3://bucket/x", "s3fs"),
    ],
)
def test_what_can_not_be_begun_is_refused_with_a_sentence(given, words):
    with pytest.raises(ConfigError, match=words):
        plan([given])


def test_batches_are_bounded_in_bytes_too(monkeypatch):
    monkeypatch.setattr("core.batch.reading._BYTES", 5)
    sizes = [len(each) for each in batches([Incoming(str(at), b"xxx") for at in range(7)], 3)]
    assert sizes == [2, 2, 2, 1]
