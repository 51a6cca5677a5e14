"""Uploaded pictures, kept on the server by digest, so that a session holds no pixels."""

from app.state.bounded_store import SERVER, BoundedStore
from core.errors import InputError
from core.images import Picture

MAX_BYTES = 400_000_000
UPLOAD = "upload:"  # an image key with this prefix goes on with the digest of an uploaded picture


class Uploads:
    """The pictures of visitors, in a bounded store."""

    def __init__(self, store: BoundedStore[Picture]) -> None:
        """Pictures kept in `store` until their visitors are gone, or others need the room."""
        self._store = store

    def keep(self, picture: Picture, owner: str = SERVER) -> str:
        """The digest under which a visitor's picture is kept."""
        if self._store.get(picture.digest, owner) is None:
            self._store.put(picture.digest, picture, owner)
        return picture.digest

    def find(self, digest: str, owner: str = SERVER) -> Picture:
        """The picture with this digest.

        Raises:
            InputError: it had to make room for others, or its visitor was away.
        """
        found = self._store.get(digest, owner)
        if found is None:
            raise InputError(
                "This server keeps the latest uploads of those who are here only, and yours is gone: upload it again."
            )
        return found
