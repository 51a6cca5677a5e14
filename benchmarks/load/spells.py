"""What goes wrong with a machine while servers run on it: drawn in an order, begun, and over again."""

import os
import random
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load.damage import HARMS, ROOT, copy_project
from benchmarks.load.server import environment_in

FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
DISK_MB, HOME_MB = 64, 16
JUMPS = (-7200, 1800, 86400)  # seconds that the clock goes wrong by
KILLED, DISK, HOME, SCRATCH, ASSETS, CLOCK = TITLES = (
    "killed", "full disk", "home that can't be written", "no temporary folder", "assets", "clock",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Spell:
    """A time in which something is wrong.

    Attributes:
        title: one of `TITLES`.
        detail: which assets, or by how many seconds the clock is wrong.
        start: seconds after the visitors began.
        seconds: how long.
        kill: whether a server is killed in it and started again.
    """

    title: str
    detail: str
    start: float
    seconds: float
    kill: bool


def drawn(seed: int, minutes: float, seconds: float, rest: float, titles: Sequence[str] = TITLES) -> list[Spell]:
    """Spells of so many seconds with rests between, one at the end: each title comes once before any comes again."""
    draw, found, start, left = random.Random(seed), [], rest, []
    assets = [title for title in HARMS if title.endswith((" missing", " damaged"))]
    while start + seconds + rest <= 60 * minutes:
        left = left or draw.sample(titles, len(titles))
        title = left.pop(0)
        detail = {ASSETS: draw.choice(assets), CLOCK: f"{draw.choice(JUMPS):+d} s"}.get(title, "")
        kill = title in (KILLED, ASSETS) or draw.random() < 0.5
        found.append(Spell(title, detail, start, seconds, kill))
        start += seconds + rest
    return found


class Machine:
    """What servers stand on, in one folder: each part of it can be taken away, and given back."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, FAKETIME.exists()
        self.disk, self.home, self.scratch, self.root = (folder / name for name in ("disk", "home", "tmp", "project"))
        self._time, self._filler = folder / "time", self.disk / "filler"
        for made in (self.disk, self.home, self.scratch, self.root):
            made.mkdir()
        self._time.write_text("+0")
        copy_project(self.root)

    def mount(self) -> None:
        """File systems of their own for the disk and the home."""
        for where, size in ((self.disk, DISK_MB), (self.home, HOME_MB)):
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}m", "none", where], check=True)

    def environment(self) -> dict[str, str]:
        """Of its servers."""
        faked = {
            "LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(self._time), "FAKETIME_CACHE_DURATION": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }  # fmt: skip
        return {
            "HOME": str(self.home), "TMPDIR": str(self.scratch), "PYTHONPATH": str(self.root),
            "PYTHONDONTWRITEBYTECODE": "",  # a server that starts again has not to compile all of it
            "ROBUSTSCOPE_UPLOADS": str(self.disk / "uploads"),  # as a server is killed, another has its pictures
            **environment_in(self.disk), **(faked if self.clock else {}),
        }  # fmt: skip

    def harm(self, spell: Spell) -> None:
        """Begin it."""
        if spell.title == DISK:
            with suppress(OSError), self._filler.open("wb", buffering=0) as file:
                while file.write(bytes(4096)):
                    pass
        elif spell.title == HOME:
            self._mounted_again("ro")
        elif spell.title == SCRATCH:
            shutil.rmtree(self.scratch)
        elif spell.title == ASSETS:
            HARMS[spell.detail].apply(self.root)
        elif spell.title == CLOCK:
            self._time.write_text(spell.detail.removesuffix(" s"))

    def heal(self, spell: Spell) -> None:
        """All is as it was before."""
        if spell.title == DISK:
            self._filler.unlink()
        elif spell.title == HOME:
            self._mounted_again("rw")
        elif spell.title == SCRATCH:
            self.scratch.mkdir(exist_ok=True)  # a server may have made it anew
        elif spell.title == ASSETS:
            shutil.copytree(ROOT / "assets", self.root / "assets", copy_function=_put, dirs_exist_ok=True)
        elif spell.title == CLOCK:
            self._time.write_text("+0")

    def _mounted_again(self, how: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{how}", self.home], check=True)


def _put(source: str, target: str) -> None:
    """A file in the place of another, which somebody may be reading: that one is whole until this one is."""
    shutil.copyfile(source, f"{target}.new")
    os.replace(f"{target}.new", target)
