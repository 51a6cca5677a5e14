"""Uploaded pictures, kept on the server by digest, so that a session holds no pixels."""

from collections import OrderedDict
from threading import Lock

from core.errors import InputError
from core.images import Picture

MAX_BYTES = 400_000_000
UPLOAD = "upload:"  # an image key with this prefix goes on with the digest of an uploaded picture


class Uploads:
    """The pictures used last, up to `limit` bytes of pixels; safe under many threads."""

    def __init__(self, limit: int = MAX_BYTES) -> None:
        self._limit = limit
        self._size = 0
        self._kept: OrderedDict[str, Picture] = OrderedDict()
        self._lock = Lock()

    def keep(self, picture: Picture) -> str:
        """The digest under which `picture` is kept; those unused for longest make room, the newest always stays."""
        with self._lock:
            known = self._kept.pop(picture.digest, None)
            self._kept[picture.digest] = picture
            self._size += 0 if known else picture.pixels.nbytes
            while self._size > self._limit and len(self._kept) > 1:
                _, oldest = self._kept.popitem(last=False)
                self._size -= oldest.pixels.nbytes
        return picture.digest

    def find(self, digest: str) -> Picture:
        """The picture with this digest.

        Raises:
            InputError: it had to make room for others.
        """
        with self._lock:
            if digest not in self._kept:
                raise InputError(
                    "This server keeps the latest uploads only, and yours had to make room: upload it again."
                )
            self._kept.move_to_end(digest)
            return self._kept[digest]

    def __len__(self) -> int:
        """How many pictures are kept."""
        return len(self._kept)
