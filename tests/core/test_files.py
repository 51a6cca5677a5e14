"""Files are written whole or not at all, also where another process removes the folder meanwhile."""

import os
import shutil

import pytest

from core.errors import InputError
from core.files import write_atomically


def test_a_folder_that_is_removed_at_that_moment_is_made_once_more(tmp_path, monkeypatch):
    path, move, moved = tmp_path / "runs" / "part", os.replace, []

    def removed_before(one, other):
        moved.append(one)
        if len(moved) == 1:
            shutil.rmtree(path.parent)
        move(one, other)

    monkeypatch.setattr(os, "replace", removed_before)
    write_atomically(path, b"whole")
    assert path.read_bytes() == b"whole" and len(moved) == 2


def test_a_folder_that_is_removed_each_time_is_a_sentence(tmp_path, monkeypatch):
    def removed(one, other):
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(os, "replace", removed)
    with pytest.raises(InputError, match="part could not be written: No such file or directory"):
        write_atomically(tmp_path / "part", b"whole")
    assert not list(tmp_path.iterdir())
