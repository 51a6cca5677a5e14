"""What came of inputs: how many were tried, what was raised that should not be, what took most."""

import hashlib
import json
import resource
import time
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.helpers.fuzz.target import Target

MOST_SECONDS = 2.0  # of a processor
MOST_MEMORY = 600.0  # MB beyond what the process took before
_KINDS = 20  # of faults of which an input is kept
_WRITTEN = 1.0  # seconds between two states on the disk, for a process that is ended can't write one
OURS = ("core", "app", "tests")


@dataclass
class Tally:
    """What came of the inputs so far.

    Attributes:
        inputs: how many were tried.
        faults: by kind of fault how often it came.
        seconds: of a processor that the slowest took.
        memory: MB that the process grew by at most.
        ended: how often an input ended the process.
    """

    inputs: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    memory: float = 0.0
    ended: int = 0

    def joined(self, other: "Tally") -> "Tally":
        """Both."""
        faults = {
            kind: self.faults.get(kind, 0) + other.faults.get(kind, 0) for kind in {**self.faults, **other.faults}
        }
        return Tally(
            self.inputs + other.inputs,
            faults,
            max(self.seconds, other.seconds),
            max(self.memory, other.memory),
            self.ended + other.ended,
        )


class Recorder:
    """Calls a target and keeps a tally; never raises."""

    def __init__(self, target: Target, folder: Path) -> None:
        self.target = target
        self.folder = folder
        self.tally = Tally()
        self._before = _peak()
        self._next = 0.0

    def __call__(self, data: bytes) -> None:
        began = time.process_time()
        try:
            self.target.call(data)
        except self.target.allowed:
            pass
        except BaseException as error:  # a panic of a library in Rust is no Exception
            if isinstance(error, KeyboardInterrupt):
                raise
            self._fault(kind_of(error), str(error)[:200], data)
        took, peak = time.process_time() - began, _peak() - self._before
        self.tally.inputs += 1
        if took > max(self.tally.seconds, MOST_SECONDS):
            self._keep("slow", data)
        if peak > max(self.tally.memory, MOST_MEMORY):
            self._keep("large", data)
        self.tally.seconds, self.tally.memory = max(took, self.tally.seconds), max(peak, self.tally.memory)
        if time.monotonic() > self._next:
            self.write()

    def write(self) -> None:
        """Put the tally where the runner finds it."""
        self._next = time.monotonic() + _WRITTEN
        (self.folder / "tally.json").write_text(json.dumps(asdict(self.tally)), encoding="utf-8")

    def _fault(self, kind: str, said: str, data: bytes) -> None:
        seen = self.tally.faults.get(kind, 0)
        self.tally.faults[kind] = seen + 1
        if not seen and len(self.tally.faults) <= _KINDS:
            self._keep("fault", data)
            (self.folder / "faults.txt").open("a", encoding="utf-8").write(f"{name_of(data)}: {kind}: {said}\n")

    def _keep(self, why: str, data: bytes) -> None:
        (self.folder / f"{why}-{name_of(data)}").write_bytes(data)


def name_of(data: bytes) -> str:
    """What a kept input is called."""
    return hashlib.sha256(data).hexdigest()[:12]


def kind_of(error: BaseException) -> str:
    """The error's class and the last line of ours that it came through."""
    frames = traceback.extract_tb(error.__traceback__)
    root = Path(__file__).parents[3]
    ours = [frame for frame in frames if any(str(root / part) in frame.filename for part in OURS)]
    frame = (ours or frames)[-1]
    return f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"


def _peak() -> float:
    """MB that this process ever had at once."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
