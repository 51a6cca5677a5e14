"""Files from anywhere: each comes once or with a reason, within limits, and nothing leaves an archive."""

import io
import os
import zipfile

import pytest

from core.data import incoming as module
from core.data.incoming import from_zip, incoming
from core.errors import ConfigError


def zipped(entries, compression=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return out.getvalue()


def read(path, data=None, **kwargs):
    if data is not None:
        path.write_bytes(data)
    return {each.path.removeprefix(str(path.parent) + "/"): each for each in incoming([path], **kwargs)}


def test_a_list_of_contents_that_is_too_long_is_not_read(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "MAX_LIST", 5_000)
    data = zipped([(f"{index}.png", b"x" * 9_000) for index in range(70)])
    long = zipped([(f"{index}.png", b"x") for index in range(200)])
    assert len([each for each in read(tmp_path / "a.zip", data).values() if not each.error]) == 70
    (only,) = read(tmp_path / "b.zip", long).values()
    assert "list of contents" in only.error and not only.data


def test_a_folder_comes_in_order_with_what_lies_deeper_and_without_hidden_files(tmp_path):
    folder = tmp_path / "in"
    for name in ("b.png", "a.png", ".DS_Store", "deep/c.png", ".git/d.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    (folder / "z.zip").write_bytes(zipped([("x.png", b"x"), ("sub/y.png", b"y"), ("__MACOSX/._x.png", b"?")]))
    found = list(incoming([folder]))
    names = [os.path.relpath(each.path, folder) for each in found]
    assert names == ["a.png", "b.png", "z.zip/x.png", "z.zip/sub/y.png", "deep/c.png"]
    assert [each.data for each in found] == [b"a.png", b"b.png", b"x", b"y", b"deep/c.png"]
    assert not any(each.error for each in found)
    left = list(incoming([folder], skip={found[0].path, found[2].path}))
    assert [each.path for each in left] == [each.path for i, each in enumerate(found) if i not in (0, 2)]


def test_names_that_lead_out_and_archives_within_come_with_a_reason_and_the_rest_is_read(tmp_path):
    inner = zipped([("a.png", b"a")])
    entries = [("../up.png", b"1"), ("/root.png", b"2"), ("..\\win.png", b"3"), ("C:\\x.png", b"4")]
    data = zipped([*entries, ("inner.zip", inner), ("picture.png", inner), ("t.gz", b"\x1f\x8b.."), ("good.png", b"g")])
    found = read(tmp_path / "a.zip", data)
    reasons = [each.error for each in found.values()]
    assert sum("leads out" in reason for reason in reasons) == 4
    assert sum("inside an archive" in reason for reason in reasons) == 3
    assert [each.data for each in found.values() if not each.error] == [b"g"]
    assert os.listdir(tmp_path) == ["a.zip"]


def test_a_zip_over_a_limit_is_one_error(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_ENTRIES", 5)
    (only,) = read(tmp_path / "many.zip", zipped([(f"{i}.png", b"") for i in range(6)])).values()
    assert "6 entries" in only.error
    monkeypatch.setattr(module, "MAX_UNPACKED", 10**6)
    bomb = zipped([(f"{i}.png", b"\0" * 300_000) for i in range(4)], zipfile.ZIP_DEFLATED)
    (only,) = read(tmp_path / "bomb.zip", bomb).values()
    assert len(bomb) < 10_000 and "unpacks" in only.error
    monkeypatch.setattr(module, "MAX_ZIP_BYTES", 100)
    (only,) = read(tmp_path / "large.zip", zipped([("a.png", b"\1" * 200)])).values()
    assert "larger than" in only.error
    monkeypatch.undo()
    with pytest.warns(UserWarning, match="Duplicate"):
        twice = zipped([("a.png", b"1"), ("a.png", b"2")])
    (only,) = read(tmp_path / "twice.zip", twice).values()
    assert "one name" in only.error


def test_a_file_that_is_larger_than_it_says_is_not_read_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 1000)
    data = zipped([("a.png", b"\0" * 5000), ("b.png", b"b")], zipfile.ZIP_DEFLATED)
    found = read(tmp_path / "a.zip", data)
    assert "more than" in found["a.zip/a.png"].error and found["a.zip/b.png"].data == b"b"
    lying = data.replace((5000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert lying != data
    found = read(tmp_path / "lying.zip", lying)
    assert found["lying.zip/a.png"].error and len(found["lying.zip/a.png"].data) == 0
    assert "more than" in read(tmp_path / "c.png", b"\0" * 1001)["c.png"].error


def test_damaged_zips_come_with_a_reason(tmp_path):
    data = zipped([("a.png", b"hello" * 50), ("b.png", b"b")])
    (only,) = read(tmp_path / "cut.zip", data[:120]).values()
    assert "damaged" in only.error
    found = read(tmp_path / "flipped.zip", data.replace(b"hello", b"jello", 1))
    assert "damaged" in found["flipped.zip/a.png"].error and found["flipped.zip/b.png"].data == b"b"
    locked = bytearray(data)
    for head, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(head) + offset] |= 1
    assert "encrypted" in read(tmp_path / "locked.zip", bytes(locked))["locked.zip/a.png"].error


def test_what_can_not_be_opened_comes_with_a_reason(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    os.mkfifo(folder / "pipe.png")
    (folder / "dangling.png").symlink_to(folder / "nowhere")
    (folder / "a.rar").write_bytes(b"Rar!....")
    (folder / "b.png").write_bytes(b"b")
    found = {os.path.basename(each.path): each for each in incoming([folder])}
    assert "no file" in found["pipe.png"].error and "could not be read" in found["dangling.png"].error
    assert "only ZIP" in found["a.rar"].error and found["b.png"].data == b"b"


def test_a_zip_in_memory_is_read_alike():
    data = zipped([("a.png", b"a"), ("b.png", b"b")])
    found = list(from_zip(io.BytesIO(data), "upload.zip", skip={"upload.zip/a.png"}))
    assert [(each.path, each.data) for each in found] == [("upload.zip/b.png", b"b")]


def test_a_path_that_is_not_there_is_refused(tmp_path):
    for paths in ([], [tmp_path / "missing"]):
        with pytest.raises(ConfigError):
            list(incoming(paths))
