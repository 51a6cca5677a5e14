"""Many pictures that a visitor brings at once: files and ZIPs."""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import Any, Protocol

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from app.state import pictures, session, visitors
from app.ui.picture_picker import FILE_TYPES
from core.data.incoming import MAX_ENTRIES, MAX_ZIP_BYTES, ZIP_DAMAGE, Incoming, from_file, open_zip
from core.data.walk import entries


class BroughtFile(Protocol):
    """A file as Streamlit's uploader gives it."""

    @property
    def file_id(self) -> str:
        """What no other file is called."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def size(self) -> int:
        """Its bytes."""

    def getvalue(self) -> bytes:
        """What is in it."""


@dataclass(frozen=True, slots=True)
class SampleFile:
    """A file that the server brings itself."""

    file_id: str
    name: str
    data: bytes

    @property
    def size(self) -> int:
        """Its bytes."""
        return len(self.data)

    def getvalue(self) -> bytes:
        """What is in it."""
        return self.data


def uploads(key: str, most: int = MAX_ENTRIES, label: str = "Pictures, or ZIPs of pictures") -> list[UploadedFile]:
    """The files that a visitor brings, by the widget of this key."""
    return st.file_uploader(
        label, [*FILE_TYPES, "zip"], accept_multiple_files=True,
        max_upload_size=MAX_ZIP_BYTES // 1_000_000, key=key,
        help=f"Up to {most:,} pictures, forgotten minutes after you have left; one that you open alone an hour after.",
    )  # fmt: skip


def incoming(files: Sequence[BroughtFile]) -> Iterator[Incoming]:
    """Every picture of the files, in their order."""
    for file in files:
        yield from from_file(io.BytesIO(file.getvalue()), file.name, file.size)


def count_files(files: Sequence[BroughtFile], most: int = MAX_ENTRIES) -> int:
    """About how many pictures there are, for a bar: what a ZIP says of itself counts."""
    total = 0
    for file in files:
        try:
            with open_zip(io.BytesIO(file.getvalue())) as archive:
                total += len(entries(archive))
        except ZIP_DAMAGE:
            total += 1
    return min(total, most)


def choose(files: Sequence[BroughtFile], place: int, more: Mapping[str, Any] = MappingProxyType({})) -> bool:
    """Make one of the files, by its place among all, the picture that pages are about; whether it could be.

    Args:
        files: of the visitor's.
        place: of the picture in them.
        more: fields of the choice that change with it.
    """
    found = next(islice(incoming(files), place, None), None)
    if found is None or found.error:
        return False
    visitors.name_visitor()  # before it is kept: it is theirs by name, not their tab's
    session.set_fields({"image": pictures.keep_upload(found.data, found.path), **more})
    return True
