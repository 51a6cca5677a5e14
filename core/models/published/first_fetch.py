"""Checksums of files that nobody published one for: the first fetch is trusted, later ones must be the same."""

import json

from core.checksums import read_checked, write_checked
from core.data.tasks.own import user_folder
from core.errors import InputError

MAX_BYTES = 1_000_000


def first_checksum(name: str) -> str:
    """The SHA-256 of the file of this published network as it was first fetched here; "" where it never was.

    Raises:
        InputError: the file of checksums is damaged.
    """
    return _noted().get(name, "")


def note_checksum(name: str, sha256: str) -> None:
    """Note what a first fetch gave; what is noted stays.

    Raises:
        InputError: the file of checksums is damaged, or can't be written.
    """
    noted = _noted()
    if name not in noted:
        write_checked(user_folder() / "fetched.json", json.dumps(noted | {name: sha256}, indent=1).encode())


def _noted() -> dict[str, str]:
    path = user_folder() / "fetched.json"
    if not path.exists():
        return {}
    try:
        found = json.loads(read_checked(path, MAX_BYTES))
    except ValueError as error:
        raise InputError(f"{path.name} is damaged") from error
    return {str(name): str(value) for name, value in found.items()}
