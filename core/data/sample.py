"""A handful of pictures to try a detector on: normal and odd ones where a data set is, or else what ships."""

import io
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from core.data.galleries import Gallery
from core.data.outliers import OUTLIERS, load_outliers
from core.data.tasks import Task
from core.errors import DataMissingError
from core.images import to_png

NORMAL, ODD = 40, 10
_MOMENT = (1980, 1, 1, 0, 0, 0)  # the same archive whenever it is made


def sample(found: Gallery, root: Path | None = None) -> Iterator[tuple[str, bytes]]:
    """Names and PNG files: up to `NORMAL` test images of a gallery, and `ODD` pictures of its task's sets of outliers.

    Where the data set is missing, the generated pictures that ship and the photographs. The folder in a name says
    which a picture is.
    """
    tests = found.tests is not None
    kinds = (
        {"test": ("normal", NORMAL)} if tests else {"generated": ("generated", NORMAL), "photo": ("photographs", ODD)}
    )
    for kind, (folder, most) in kinds.items():
        for key in islice((key for key in found.items if key.startswith(f"{kind}:")), most):
            name = found.items[key].title.replace("/", "-").replace(" ", "-")
            yield f"{folder}/{name}.png", to_png(found.picture(key).pixels)
    if tests:
        yield from islice(_odd(found.task, root), ODD)


def _odd(task: Task, root: Path | None) -> Iterator[tuple[str, bytes]]:
    """Pictures of the sets of outliers on this machine: the first of each set, then the second of each, and so on."""
    sets = {}
    for each in OUTLIERS.get(task.key, ()):
        if each.kind != "control":  # those are no anomalies
            with suppress(DataMissingError):
                sets[each.key] = load_outliers(task, each.key, ODD, root).pixels
    for number in range(ODD):
        for key, pixels in sets.items():
            if number < len(pixels):
                yield f"odd/{key}-{number}.png", to_png(pixels[number].float() / 255)


def in_words(found: Gallery) -> str:
    """What `sample` gives, without making it."""
    if found.tests is not None:
        odd = f" and {ODD} odd ones" if found.task.key in OUTLIERS else ""
        return f"{min(NORMAL, len(found.tests.labels))} test pictures{odd}"
    counts = [sum(key.startswith(f"{kind}:") for key in found.items) for kind in ("generated", "photo")]
    return f"{min(NORMAL, counts[0])} generated pictures and {min(ODD, counts[1])} photographs"


def sample_zip(found: Gallery, root: Path | None = None) -> bytes:
    """The sample as one archive, the same bytes at each call."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in sample(found, root):
            archive.writestr(zipfile.ZipInfo(name, _MOMENT), data)
    return out.getvalue()
