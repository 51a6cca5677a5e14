"""Files of ours as tests change them: read and written with the checksum that readers ask for."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.checksums import read_checked, with_checksum, write_checked

LIMIT = 10**8


def read_json(path: Path) -> dict[str, Any]:
    """The fields of a file, without its checksum."""
    return dict(json.loads(read_checked(path, LIMIT)))


def write_json(path: Path, fields: Mapping[str, Any], **options: Any) -> None:
    """Write fields with a checksum that fits."""
    write_checked(path, json.dumps(_unsigned(fields), **options).encode())


def json_bytes(fields: Mapping[str, Any]) -> bytes:
    """Fields as JSON with a checksum that fits."""
    return with_checksum(json.dumps(_unsigned(fields)).encode())


def _unsigned(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name != "checksum"}
