"""Fuzz the readers of untrusted bytes, each in a process of its own, and print what came of it: `make fuzz`."""

import argparse
import json
import shutil
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

from core.errors import CoreError
from tests.helpers.fuzz.catalogue import TARGETS
from tests.helpers.fuzz.recorder import MOST_MEMORY, MOST_SECONDS, Tally, kind_of
from tests.helpers.fuzz.target import Target

FOLDER = Path("build/fuzz")
_RESTARTS = 50
_WITHOUT = "atheris is not installed: files are changed at random, and nothing watches which branches they take."


def main() -> int:
    """0 where nothing was found, else 1."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="for all readers together, beside their start")
    parser.add_argument("--only", default="", help=f"keys of readers, joined by commas: {', '.join(TARGETS)}")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--unwatched", action="store_true", help="change files at random alone")
    given = parser.parse_args()
    keys = given.only.split(",") if given.only else list(TARGETS)
    watched = not given.unwatched and find_spec("atheris") is not None
    if not watched:
        print(_WITHOUT)
    print(f"| {'read':<36} | inputs | faults | ended | slowest, s of a processor | largest, MB more |")
    print("|---|---|---|---|---|---|")
    good = True
    for key in keys:
        tally = fuzz(TARGETS[key], given.seconds / len(keys), given.seed, watched)
        good &= not tally.faults and tally.seconds <= MOST_SECONDS and tally.memory <= MOST_MEMORY
        print(
            f"| {TARGETS[key].title:<36} | {tally.inputs:,} | {sum(tally.faults.values()):,} | {tally.ended} | "
            f"{tally.seconds:.2f} | {tally.memory:.0f} |",
            flush=True,
        )
        for kind, count in tally.faults.items():
            print(f"    {count:,} x {kind}")
    print("Nothing was found." if good else f"What was found lies in {FOLDER}/.")
    return 0 if good else 1


def fuzz(target: Target, seconds: float, seed: int, watched: bool) -> Tally:
    """What came of a target in so many seconds; a process that an input ended is begun again."""
    folder = FOLDER / target.key
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    total, until = Tally(), time.monotonic() + seconds
    for start in range(_RESTARTS):
        left = until - time.monotonic()
        if left <= 0:
            break
        (folder / "tally.json").unlink(missing_ok=True)
        code = _process(target, folder, left, seed + start, watched)
        if (folder / "tally.json").exists():
            total = total.joined(Tally(**json.loads((folder / "tally.json").read_text(encoding="utf-8"))))
        if code:
            total = total.joined(_ended(target, folder, code))
    return total


def _process(target: Target, folder: Path, seconds: float, seed: int, watched: bool) -> int:
    command = [sys.executable, "-m", "tests.helpers.fuzz.worker", target.call.__module__, target.key]
    rest = [str(folder), str(seconds), str(seed), "yes" if watched else "no"]
    with (folder / "log.txt").open("ab") as log:
        return subprocess.run([*command, *rest], stdout=log, stderr=log, check=False).returncode


def _ended(target: Target, folder: Path, code: int) -> Tally:
    """An ended process: a fault, unless the app reads such files apart and makes a sentence of it."""
    tally = Tally(ended=1)
    inputs = sorted(path for path in folder.glob("*-*") if path.name.startswith(("crash-", "timeout-", "oom-")))
    if not inputs or target.apart is None:
        tally.faults[f"the process ended with {code}: see log.txt"] = 1
    for path in inputs:
        try:
            if target.apart is not None:
                target.apart(path.read_bytes())
        except CoreError:
            pass
        except Exception as error:
            tally.faults[kind_of(error)] = 1
        path.rename(path.with_name(f"ended-{path.name}"))
    return tally


if __name__ == "__main__":
    sys.exit(main())
