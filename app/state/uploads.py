"""Uploaded pictures, kept on the server by digest, so that a session holds no pixels."""

from dataclasses import dataclass

from app.state.bounded_store import SERVER, BoundedStore
from core.errors import InputError
from core.images import Picture

MAX_BYTES = 400_000_000
MAX_FILES_BYTES = 2_000_000
UPLOAD = "upload:"  # an image key with this prefix goes on with the digest of an uploaded picture


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file as its visitor brought it: what others may not know, though they bring the same picture."""

    digest: str
    name: str


class Uploads:
    """The pictures of visitors, in bounded stores."""

    def __init__(self, store: BoundedStore[Picture], files: BoundedStore[UploadedFile] | None = None) -> None:
        """Pictures kept in `store` until their visitors are gone, or others need the room; `files` says whose."""
        self._store = store
        self._files: BoundedStore[UploadedFile] = BoundedStore(MAX_FILES_BYTES) if files is None else files

    def keep(self, picture: Picture, owner: str = SERVER, name: str = "") -> str:
        """The digest under which a visitor's picture is kept."""
        if self._store.get(picture.digest, owner) is None:
            self._store.put(picture.digest, picture, owner)
        for key in ((owner, picture.digest), (owner, "")):
            self._files.put(key, UploadedFile(picture.digest, name), owner)
        return picture.digest

    def kept(self, digest: str, owner: str = SERVER) -> bool:
        """Whether the picture with this digest is still there; it is the owner's, too, if it is."""
        return self._store.get(digest, owner) is not None

    def name(self, digest: str, owner: str = SERVER) -> str:
        """What the visitor's file of this digest was called; empty where nobody knows."""
        found = self._files.get((owner, digest), owner)
        return found.name if found else ""

    def latest(self, owner: str = SERVER) -> str:
        """The digest of the visitor's latest picture that is still kept; empty where there is none."""
        found = self._files.get((owner, ""), owner)
        return found.digest if found and self._store.get(found.digest, owner) is not None else ""

    def find(self, digest: str, owner: str = SERVER) -> Picture:
        """The picture with this digest.

        Raises:
            InputError: it had to make room for others, or its visitor was away.
        """
        found = self._store.get(digest, owner)
        if found is None:
            raise InputError(
                "This server keeps the latest uploads only, for an hour after their visitor left, and yours is gone: "
                "upload it again."
            )
        return found
