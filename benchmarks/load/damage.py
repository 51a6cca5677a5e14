"""Each page with something missing or damaged: `python -m benchmarks.load.damage`: a sentence, and the rest stands.

Of every harm the project is copied, the copy is harmed, and each page is opened once in a process of its own, as
Streamlit's own tests open it, by its entry. A page that ends in an exception, or says that something happened that
nobody foresaw, is a fault; a page that says in a sentence what is missing is none.
"""

import argparse
import json
import logging
import os
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("app", "assets", "benchmarks", "core", "pages", ".streamlit", "streamlit_app.py", "server.py")
NOWHERE = "/proc/nowhere"  # nothing can be made there, by nobody
BUG = "did not foresee"  # in the sentence that `guard` says of what is the project's own fault
ALL_PAGES = tuple(path.stem for path in sorted((ROOT / "pages").glob("*.py")))


@dataclass(frozen=True, slots=True)
class Harm:
    """What is done to a copy of the project.

    Attributes:
        title: for people.
        apply: does it to the copy's folder.
        environment: of the process besides.
    """

    title: str
    apply: Callable[[Path], None] = lambda root: None
    environment: tuple[tuple[str, str], ...] = ()


def without(pattern: str, root: Path) -> None:
    """Take away what matches a pattern."""
    for path in sorted(root.glob(pattern)):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def changed(pattern: str, root: Path) -> None:
    """Cut what matches a pattern in half, and change a byte; the originals share nothing with it."""
    for path in sorted(root.glob(pattern)):
        data = bytearray(path.read_bytes())
        data[len(data) // 4] ^= 0x55
        path.unlink()
        path.write_bytes(data[: len(data) // 2])


def of_assets(what: str, pattern: str) -> tuple[Harm, Harm]:
    """Assets that are missing, and that are damaged."""
    return (
        Harm(f"{what} missing", partial(without, f"assets/{pattern}")),
        Harm(f"{what} damaged", partial(changed, f"assets/{pattern}")),
    )


HARMS: dict[str, Harm] = {
    harm.title: harm
    for harm in (
        Harm("nothing"),
        Harm("home that can't be written", environment=(("HOME", NOWHERE), ("XDG_DATA_HOME", NOWHERE))),
        Harm("no temporary folder", environment=(("NO_SCRATCH", "yes"),)),
        Harm("disk without data sets", environment=(("ROBUSTSCOPE_DATA", NOWHERE),)),
        *of_assets("weights of one network", "models/cifar10/standard.safetensors"),
        *of_assets("card of one network", "models/cifar10/standard.json"),
        *of_assets("weights of all networks", "models/*/*.safetensors"),
        *of_assets("reports", "reports/*/*.json"),
        *of_assets("arrays of reports", "reports/*/*.npz"),
        *of_assets("calibrations", "calibration/*/*.npz"),
        *of_assets("generators", "generators/*/*"),
        *of_assets("pictures of the gallery", "gallery/*/*.png"),
        *of_assets("chosen views", "gallery/views.json"),
        *of_assets("known architectures", "architectures.json"),
        *of_assets("style", "style/*.png"),
    )
}


def main() -> int:
    """0 where every page stands under every harm."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="a part of the names of harms")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        return inside()
    faults = 0
    for title, harm in HARMS.items():
        if given.only not in title:
            continue
        found = harmed(harm)
        broken = {page: said["fault"] for page, said in found.items() if said["fault"]}
        faults += len(broken)
        told = sum(bool(said["sentences"]) for said in found.values())
        print(f"{title:<36} {len(found) - len(broken):>2} of {len(ALL_PAGES)} pages stand, {told} say why", flush=True)
        for page, fault in broken.items():
            print(f"    {page}: {fault}")
        if len(found) < len(ALL_PAGES):
            print(f"    the process ended before {ALL_PAGES[len(found)]}")
            faults += 1
    return 1 if faults else 0


def copy_project(root: Path) -> None:
    """What pages need of the project, into a folder."""
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__", "readme"))
        else:
            shutil.copy(ROOT / part, root / part)


def harmed(harm: Harm) -> dict[str, dict[str, str]]:
    """By page what it said in a copy that was harmed."""
    with TemporaryDirectory() as folder:
        root = Path(folder)
        copy_project(root)
        harm.apply(root)
        environment = os.environ | {"PYTHONPATH": str(root)} | dict(harm.environment)
        command = [sys.executable, "-m", "benchmarks.load.damage", "--inside"]
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"page"')]
    return {line.pop("page"): line for line in lines}


def no_temporary_folder() -> str:
    """What Python's search says where no folder can be written: not /tmp, nor the one that it was started in."""
    raise FileNotFoundError("no usable temporary directory")


class _Last(logging.Handler):
    """Keeps each logged error and the line that it came from."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self.lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1]:
            frame = traceback.extract_tb(record.exc_info[2])[-1]
            self.lines.append(f"{record.exc_info[1]!r} at {Path(frame.filename).name}:{frame.lineno}")


def inside() -> int:
    """In the copy: open every page and print what it said, a line each."""
    import tempfile

    from streamlit.testing.v1 import AppTest

    if os.environ.get("NO_SCRATCH"):
        tempfile._get_default_tempdir = no_temporary_folder
    logged: list[str] = []
    logging.getLogger("robustscope").addHandler(_Last(logged))
    for page in ALL_PAGES:
        logged.clear()
        at = AppTest.from_file(ROOT / "streamlit_app.py", default_timeout=240).switch_page(f"pages/{page}.py")
        try:
            at.run()
            sentences = [one.value for one in (*at.error, *at.warning)]
            unforeseen = logged if any(BUG in one for one in sentences) else []
            fault = "; ".join((*(one.value for one in at.exception), *unforeseen))
        except Exception as error:
            sentences, fault = [], f"{type(error).__name__}: {error}"
        print(json.dumps({"page": page, "fault": fault[:300], "sentences": sentences[:3]}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
