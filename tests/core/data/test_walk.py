"""Folders and ZIPs as people's systems make them: the same files are seen in both, and by every command."""

import io
import os
import zipfile

import numpy as np
import pytest
from PIL import Image

from core.data import datasets
from core.data.incoming import from_zip, incoming
from core.data.tasks import CIFAR10, FASHION_MNIST
from core.data.walk import is_helper, is_picture
from core.errors import InputError


def picture(level: int = 0, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), level, np.uint8)).save(out, kind)
    return out.getvalue()


SEEN = ["cat/a.png", "cat/b.jfif", "cat/c.jpg_large", "cat/d", "cat/deep/e.JPE", "cat/folder.png/f.png"]
HELPERS = [
    "__MACOSX/cat/._a.png", ".DS_Store", "cat/._a.png", "cat/Thumbs.db", "cat/THUMBS.DB", "cat/desktop.ini",
    "cat/Icon\r", "@eaDir/cat/a.png", "cat/@eaDir/a.png", ".ipynb_checkpoints/a.png", "cat/.ipynb_checkpoints/b.png",
    ".git/a.png", "cat/~$a.png", "$RECYCLE.BIN/a.png", "System Volume Information/a.png", "#recycle/a.png",
]  # fmt: skip


@pytest.fixture
def tree(tmp_path):
    """The same entries as a folder and as a ZIP."""
    folder, out = tmp_path / "in", io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in [*SEEN, *HELPERS]:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(picture())
            archive.writestr(name, picture())
    return folder, out.getvalue()


def test_helpers_are_passed_over_alike_in_folders_and_in_zips(tree):
    folder, data = tree
    assert sorted(os.path.relpath(each.path, folder) for each in incoming([folder])) == SEEN
    assert sorted(each.path.removeprefix("z/") for each in from_zip(io.BytesIO(data), "z")) == SEEN
    assert not is_helper("..") and is_helper(".x") and not is_helper("thumbs.png")


def test_evaluation_sees_the_files_that_scoring_sees(tree):
    folder, _ = tree
    found = datasets.labelled_files(CIFAR10, folder)
    assert sorted(path.relative_to(folder).as_posix() for path, _ in found) == SEEN
    assert datasets.load_folder(CIFAR10, folder).labels.tolist() == [3] * len(SEEN)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WebP", "BMP", "TIFF", "GIF"])
def test_a_file_without_a_suffix_is_known_by_its_first_bytes(tmp_path, kind):
    path = tmp_path / "scan"
    path.write_bytes(picture(kind=kind))
    assert is_picture(path)
    path.write_bytes(b"a note")
    assert not is_picture(path)


@pytest.mark.parametrize("name", ["Ankle boot", "ankle_boot", "ANKLE-BOOT", "AnkleBoot", "ankle  boot"])
def test_a_class_folder_is_known_however_it_is_spelled(tmp_path, name):
    for folder in (name, "t_shirt_TOP"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.png").write_bytes(picture())
    assert datasets.load_folder(FASHION_MNIST, tmp_path).labels.tolist() == [0, 9]


def test_what_can_not_be_read_is_named_and_nothing_hangs(tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "a.png").write_bytes(picture())
    (tmp_path / "cat" / "gone").symlink_to(tmp_path / "nowhere")  # says nothing of being a picture
    os.mkfifo(tmp_path / "cat" / "pipe")
    assert len(datasets.load_folder(CIFAR10, tmp_path)) == 1
    (tmp_path / "cat" / "gone.png").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"gone\.png.*could not be read"):
        datasets.load_folder(CIFAR10, tmp_path)
    (tmp_path / "cat" / "gone.png").unlink()
    os.mkfifo(tmp_path / "cat" / "pipe.png")
    with pytest.raises(InputError, match="no file"):
        datasets.load_folder(CIFAR10, tmp_path)


def test_an_entry_without_a_name_is_one_error_and_the_others_are_read():
    out, bare = io.BytesIO(), zipfile.ZipInfo("xx")
    bare.filename = ""
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.png", picture())
        archive.writestr(bare, b"?")
    data = out.getvalue()
    good, bad = from_zip(io.BytesIO(data), "z")
    assert good.path == "z/a.png" and not good.error and "without a name" in bad.error
    assert [each.path for each in from_zip(io.BytesIO(data), "z", skip={"z/", "z/a.png"})] == []


def test_a_link_in_a_zip_is_not_taken_for_its_target():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        link = zipfile.ZipInfo("a.png")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    (only,) = from_zip(io.BytesIO(out.getvalue()), "z")
    assert "link" in only.error and not only.data


def test_long_and_odd_names_stay_on_one_line(tmp_path):
    (tmp_path / ("unicorn\n" + "x" * 200)).mkdir()
    with pytest.raises(InputError) as caught:
        datasets.load_folder(CIFAR10, tmp_path)
    assert "\n" not in str(caught.value) and "unicorn\\x0a" in str(caught.value) and len(str(caught.value)) < 400
