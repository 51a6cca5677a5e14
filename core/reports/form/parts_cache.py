"""Parts of a long report, each in a file of its own, so that a killed run loses at most the part it was in."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.npz import read_npz, write_npz
from core.reports.form.provenance import code


class PartsCache:
    """Files of arrays by name, good only for the settings and the subject that they were made with."""

    def __init__(self, folder: Path | None, settings: Mapping[str, Any]) -> None:
        """Use `folder` (created when first written to) for what is made with `settings`, plain values; None for none.

        What uncommitted code made lies apart, so that it can't get into a report that names a commit.
        """
        apart = " uncommitted" if code().uncommitted else ""
        self.folder = folder and folder / _digest(json.dumps(settings, sort_keys=True) + apart)

    def get(self, name: str, subject: str, make: Callable[[], Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
        """The arrays that `make` gives and, as `seconds`, the time it took; from the file where there is one.

        Args:
            name: of the part, unique in the folder but for the subject.
            subject: what the part was made of beside the settings, such as the checksum of a network's weights.
            make: makes the arrays.

        Raises:
            InputError: the folder can't be written, or the file is damaged.
        """
        if self.has(name, subject):
            return read_npz(self._path(name, subject))
        began = time.perf_counter()
        arrays = make()
        return self.keep(name, subject, arrays, time.perf_counter() - began)

    def has(self, name: str, subject: str) -> bool:
        """Whether there is a file of the part."""
        return self.folder is not None and self._path(name, subject).exists()

    def keep(
        self, name: str, subject: str, arrays: Mapping[str, NDArray[Any]], seconds: float
    ) -> dict[str, NDArray[Any]]:
        """The arrays with their `seconds`, in the part's file from now on.

        Raises:
            InputError: the folder can't be written.
        """
        whole = {**arrays, "seconds": np.array(seconds)}
        if self.folder is not None:
            write_npz(whole, self._path(name, subject))
        return whole

    def _path(self, name: str, subject: str) -> Path:
        assert self.folder is not None
        return self.folder / f"{name}-{_digest(subject)}.npz"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
