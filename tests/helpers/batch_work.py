"""Work of a job that costs nothing, for tests of shards and engines; it can kill the process that does it, once."""

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from core.batch.job import Job, Made, PackedNetwork, code_digest
from core.data.incoming import Incoming
from core.errors import ConfigError

FATAL, IMPOSSIBLE = b"kill whoever reads this", b"no network can do this"


@dataclass(frozen=True, slots=True)
class CountWork:
    """Says how many bytes each picture has.

    Attributes:
        marker: a file that is made when a process is killed by `FATAL`; once it is there, none is.
        times: what counts are multiplied by.
    """

    marker: str = ""
    times: int = 1
    batch: int = 3
    schema = pa.schema([("path", pa.string()), ("bytes", pa.int64()), ("error", pa.string())])

    def stated(self) -> dict[str, Any]:
        """What decides the rows."""
        return {"work": "count", "times": self.times}

    def taken_up(self, packed: PackedNetwork) -> str:
        """Its key."""
        return packed.key

    def made_of(self, networks: Sequence[str], pictures: Sequence[Incoming], place: str) -> Made:
        """A row for each picture."""
        for one in pictures:
            if one.data == IMPOSSIBLE:
                raise ConfigError("this can't be done")
            if one.data == FATAL and self.marker and not Path(self.marker).exists():
                Path(self.marker).touch()
                os.kill(os.getpid(), signal.SIGKILL)
        return Made(
            [{"path": one.path, "bytes": self.times * len(one.data), "error": one.error or None} for one in pictures],
            {f"{place}-{at}.png": b"png" for at, one in enumerate(pictures) if one.path.endswith("7.png")},
        )


def count_job(**settings: Any) -> Job:
    """A job that counts, by a network that is none."""
    return Job(CountWork(**settings), (PackedNetwork("none", b"", b""),), code_digest())
