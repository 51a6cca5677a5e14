"""What lies in a folder or a ZIP, without what people's systems put beside their files."""

import os
import stat
import unicodedata
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from core.decoding.headers import HEAD, looks_like_picture
from core.errors import InputError
from core.files import read_limited
from core.text import shorten

PICTURE_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".pjpeg", ".pjp", ".webp", ".bmp", ".dib", ".tif", ".tiff"}
    | {".dcm", ".dicom", ".heic", ".heif"}
    | {".gif", ".apng", ".jpg_large", ".jpg-large", ".jpg_orig", ".png_large"}  # what browsers and networks save
)
# macOS, Windows, NAS boxes, Linux and Python, in lower case; names that begin with a dot besides
_HELPERS = frozenset(
    {"__macosx", "icon\r", "network trash folder", "temporary items", "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db"}
    | {"desktop.ini", "$recycle.bin", "system volume information", "@eadir", "#recycle", "#snapshot", "lost+found"}
    | {"__pycache__"}
)


def is_helper(name: str) -> bool:
    """Whether a file or folder of this name (one part of a path) is hidden, or a system's own."""
    hidden = name.startswith(".") and name.strip(".") != ""  # ".." leads out, and is somebody's to refuse
    return hidden or name.startswith("~$") or name.casefold() in _HELPERS


def files(folder: Path) -> Iterator[Path]:
    """The files of a folder by name, then those of its folders; helpers and links to folders are passed over.

    What is no file to read (a pipe, a link to nothing, a folder that can't be listed) comes as well, so that whoever
    reads can say so.
    """
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(each for each in folders if not is_helper(each))
        yield from (Path(where, each) for each in sorted(names) if not is_helper(each))
        yield from (Path(where, each) for each in folders if not os.access(Path(where, each), os.R_OK | os.X_OK))


def entries(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The files of a ZIP in its order, without helpers and what lies in their folders.

    An entry without a name is among them: `ZipInfo.is_dir` fails on it.
    """
    return [
        entry
        for entry in archive.infolist()
        if not entry.filename.endswith(("/", "\\"))
        and not any(is_helper(part) for part in PurePosixPath(entry.filename.replace("\\", "/")).parts)
    ]


def is_picture(path: Path) -> bool:
    """Whether a file says that it is a picture: by its suffix, or where that says nothing by its first bytes."""
    if path.suffix.lower() in PICTURE_SUFFIXES:
        return True
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return False
        with path.open("rb") as file:
            return looks_like_picture(file.read(HEAD))
    except OSError:
        return False


def read_picture(path: Path, limit: int) -> bytes:
    """The bytes of a picture file of at most `limit` bytes.

    Raises:
        InputError: it can't be read, is no file, or is larger.
    """
    if path.exists() and not path.is_file():
        raise InputError(f"{shorten(path)} is no file")
    return read_limited(path, limit)


def class_folders(folder: Path, names: tuple[str, ...]) -> list[tuple[Path, int]]:
    """The subfolders that are classes, with their labels, in the order of labels and then of their names.

    Case, spaces and the signs ``-``, ``_``, ``/`` and ``.`` do not count: "Ankle boot", "ankle_boot" and "ANKLE-BOOT"
    are one class.

    Raises:
        InputError: no such folder, or a subfolder that is no class.
    """
    if not folder.is_dir():
        raise InputError(f"{shorten(folder)} is not a folder")
    labels = {spelled(name): label for label, name in enumerate(names)}
    subfolders = sorted(path for path in folder.iterdir() if path.is_dir() and not is_helper(path.name))
    for path in subfolders:
        if spelled(path.name) not in labels:
            raise InputError(
                f"{shorten(folder)}: the folder '{shorten(path.name)}' is no class; the classes are {', '.join(names)}"
            )
    return sorted(((path, labels[spelled(path.name)]) for path in subfolders), key=lambda each: (each[1], each[0]))


def spelled(name: str) -> str:
    """A class name without what people and systems write differently."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    return "".join(sign for sign in plain if sign not in " -_/.\u00a0")
