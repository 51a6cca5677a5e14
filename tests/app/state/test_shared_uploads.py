"""Pictures of visitors where several servers find them: theirs alone, for a while, within bounds."""

import errno
import os
import time
from pathlib import Path

import fsspec
import pytest

from app.state import pictures, shared_uploads
from app.state.shared_uploads import ABANDONED, KEPT, SharedFile, SharedUploads
from core.errors import InputError
from tests.helpers.pages import picture

ME, OTHER = "a" * 32, "b" * 32
FILE = SharedFile("cat.png", b"\x89PNG and more\nlines")
DIGESTS = ["1" * 32, "2" * 32, "3" * 32]


@pytest.fixture(params=["folder", "memory"])
def url(request, tmp_path):
    yield str(tmp_path / "uploads") if request.param == "folder" else "memory://uploads"
    fsspec.filesystem("memory").store.clear()


def test_another_server_finds_what_was_put_and_nobody_else_does(url):
    SharedUploads(url).put(ME, DIGESTS[0], FILE)
    other = SharedUploads(url)
    assert other.get(ME, DIGESTS[0]) == FILE and other.latest(ME) == DIGESTS[0]
    assert other.get(OTHER, DIGESTS[0]) is None and other.latest(OTHER) == ""


@pytest.mark.parametrize("owner", ["", "../" + "a" * 29, "session-1", "A" * 32])
def test_who_has_no_name_leaves_nothing_there(url, owner):
    shared = SharedUploads(url)
    shared.put(owner, DIGESTS[0], FILE)
    shared.put(ME, "../../" + "1" * 30, FILE)
    assert shared.get(owner, DIGESTS[0]) is None and shared.latest(owner) == "" and not list(shared._entries())


def test_the_oldest_go_where_one_visitor_or_all_have_too_much(tmp_path, monkeypatch):
    shared = SharedUploads(str(tmp_path))
    size = len(FILE.data) + len(b'{"name": "cat.png"}\n')
    monkeypatch.setattr(shared_uploads, "MOST_OWN_BYTES", 2 * size)
    now = time.time()
    for age, digest in zip((30, 20, 10), DIGESTS, strict=True):
        shared.put(ME, digest, FILE)
        os.utime(tmp_path / ME / digest, (now - age, now - age))
    assert [shared.get(ME, digest) is not None for digest in DIGESTS] == [False, True, True]
    shared.put(OTHER, DIGESTS[0], FILE)
    shared.tidy(most=2 * size)
    assert shared.get(ME, DIGESTS[1]) is None and shared.get(ME, DIGESTS[2]) == shared.get(OTHER, DIGESTS[0]) == FILE


def test_what_nobody_used_for_long_is_deleted_and_use_is_noted(tmp_path):
    long_ago = time.time() - 2 * KEPT
    for use in (False, True):
        SharedUploads(str(tmp_path)).put(ME, DIGESTS[0], FILE)
        os.utime(tmp_path / ME / DIGESTS[0], (long_ago, long_ago))
        server = SharedUploads(str(tmp_path))
        if use:
            server.note_use(ME, DIGESTS[0])
        server.tidy()
        assert (server.get(ME, DIGESTS[0]) == FILE) == use


def test_half_files_of_killed_servers_are_tidied_after_a_day_and_nothing_else_is(tmp_path, monkeypatch):
    shared = SharedUploads(str(tmp_path))
    moved = []
    with monkeypatch.context() as killed:  # as it wrote: its half file stays
        killed.setattr(shared._files, "mv", lambda scratch, _: moved.append(scratch))
        shared.put(ME, DIGESTS[0], FILE)
    (half,) = map(Path, moved)
    young = half.with_name(f".{DIGESTS[1]}.7.8")
    others = [half.with_name(".keep"), half.with_name("notes.txt"), tmp_path / half.name, half.with_name(f".{ME}.part")]
    for path in (young, *others):
        path.write_bytes(b"x")
    for path in (half, *others):
        os.utime(path, (time.time() - ABANDONED - 60,) * 2)
    os.utime(young, (time.time() - ABANDONED + 60,) * 2)
    SharedUploads(str(tmp_path)).tidy()
    assert not half.exists() and young.exists() and all(path.exists() for path in others)


def test_a_store_that_is_not_there_costs_nobody_a_page(tmp_path, caplog):
    (tmp_path / "file").write_text("no folder")
    shared = SharedUploads(str(tmp_path / "file"))
    shared.put(ME, DIGESTS[0], FILE)
    assert shared.get(ME, DIGESTS[0]) is None and shared.latest(ME) == ""
    shared.tidy()
    assert "could not be shared" in caplog.text


def test_a_full_disk_is_one_line_in_the_log_and_leaves_no_half_file(tmp_path, caplog, monkeypatch):
    shared = SharedUploads(str(tmp_path))

    def half(path: str, data: bytes) -> None:
        Path(path).write_bytes(data[:3])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shared._files, "pipe_file", half)
    shared.put(ME, DIGESTS[0], FILE)
    assert "No space left on device" in caplog.text and "Traceback" not in caplog.text
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_picture_comes_back_on_a_server_that_never_saw_it(tmp_path, monkeypatch, fresh_caches):
    monkeypatch.setenv("ROBUSTSCOPE_UPLOADS", str(tmp_path / "shared"))
    monkeypatch.setattr(pictures, "owner", lambda: ME)
    image = pictures.keep_upload(picture(), "noise.png")
    pictures.uploads()._store.forget(ME)  # as on another server
    pictures.uploads()._files.forget(ME)
    assert pictures.latest_upload() == image
    shown = pictures.model_input("cifar10", image, "crop", False)
    assert shown.title == "Your picture noise.png" and "memory" not in shown.source
    monkeypatch.setattr(pictures, "owner", lambda: OTHER)
    pictures.uploads()._store.forget(ME)
    with pytest.raises(InputError, match="upload it again"):
        pictures.model_input("cifar10", image, "crop", False)
