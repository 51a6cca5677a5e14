"""A view worth showing: a page, what stands there, and the sentence that says what was found; kept in a file."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.checksums import read_checked, write_checked
from core.data.galleries import ASSETS
from core.errors import InputError

MAX_BYTES = 100_000
VIEWS = ASSETS / "views.json"


@dataclass(frozen=True, slots=True)
class View:
    """One view.

    Attributes:
        key: of the rule that chose it.
        page: where it is, as in the address.
        query: the query parameters of its link.
        sentence: what is seen there, with the figures that the rule found.
        networks: checksums of the networks that it rests on, by key; of other weights it says nothing.
    """

    key: str
    page: str
    query: Mapping[str, str]
    sentence: str
    networks: Mapping[str, str]

    @property
    def task(self) -> str:
        """The task's key."""
        return self.query["task"]

    @property
    def picture(self) -> str:
        """The picture's key in the gallery."""
        return self.query["image"]


@dataclass(frozen=True, slots=True)
class Views:
    """The views chosen, and the command that chose them."""

    command: str
    views: tuple[View, ...]


def write_views(made: Views, path: Path = VIEWS) -> None:
    """Write the views in one move.

    Raises:
        InputError: the folder can't be written.
    """
    write_checked(path, (json.dumps(asdict(made), indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode())


def read_views(path: Path = VIEWS) -> Views:
    """The views that ship; none where there is no file.

    Raises:
        InputError: the file is damaged.
    """
    if not path.exists():
        return Views("", ())
    data = read_checked(path, MAX_BYTES)
    try:
        fields: dict[str, Any] = json.loads(data)
        found: Sequence[Mapping[str, Any]] = fields["views"]
        return Views(str(fields["command"]), tuple(View(**one) for one in found))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{path.name} holds no views: {error}") from error
