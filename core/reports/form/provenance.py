"""Where a row's figures come from: the run that measured them, with its code, when, how long and on what machine.

A report's provenance holds `data`, `seed`, `seconds` (of all its runs together), `runs` (by identity the facts of a
run, see `Run`) and, where a report is made in several runs, `made`: by subject (a network's key, or two joined by two
underscores) the identities of the runs that measured it, joined by commas. A row's own are in its `made`, the same way.
Rows of reports from before this was so have none, and nothing is claimed for them.
"""

import hashlib
import json
import os
import platform
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from core.devices import device_name
from core.errors import ConfigError
from core.reports.form.report import Report, Row

BEFORE = "made before rows carried their provenance"
_PACKAGE = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Code:
    """The code that runs.

    Attributes:
        version: the package's, with the commit in a git checkout.
        uncommitted: whether the package differs from that commit.
    """

    version: str
    uncommitted: bool


@dataclass(frozen=True, slots=True)
class Run:
    """One stretch of measuring.

    Attributes:
        code: the version.
        uncommitted: whether the code differed from the commit that `code` names.
        when: it ended, UTC.
        seconds: it took.
        machine: its class.
    """

    code: str
    uncommitted: bool
    when: str
    seconds: float
    machine: str

    @classmethod
    def ended(cls, seconds: float, device: torch.device) -> "Run":
        """A run that ends now and took so many seconds on a device."""
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return cls(code().version, code().uncommitted, when, round(seconds, 1), machine(device))

    def facts(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @property
    def identity(self) -> str:
        """The same for the same facts: twelve hexadecimal digits."""
        return hashlib.sha256(json.dumps(self.facts(), sort_keys=True).encode()).hexdigest()[:12]


@cache
def code() -> Code:
    """The code of this process. Looked up once, for what is committed while it runs isn't what runs."""
    try:
        release = version("robustscope")
    except PackageNotFoundError:
        release = "unreleased"
    try:
        _git("ls-files", "--error-unmatch", __file__)  # an installed package may lie in somebody else's repository
        commit, changed = _git("rev-parse", "--short=10", "HEAD"), _git("status", "--porcelain", ".")
    except (OSError, subprocess.CalledProcessError):
        return Code(release, uncommitted=False)
    return Code(f"{release} ({commit})", uncommitted=bool(changed))


def machine(device: torch.device) -> str:
    """The class of this machine, and where it computed: "x86_64, 2 cores, CPU, torch 2.13.0"."""
    return f"{platform.machine()}, {os.cpu_count()} cores, {device_name(device)}, torch {torch.__version__}"


def refuse_uncommitted(path: Path | None, allowed: bool) -> None:
    """Refuse to begin a report that would be kept and that no commit stands for.

    Raises:
        ConfigError: the report is kept (`path` isn't None), the code isn't committed, and that isn't `allowed`.
    """
    if path is not None and not allowed and code().uncommitted:
        raise ConfigError(
            f"{path.name} would come from code that isn't committed, so that nobody could make it again: commit first, "
            "or ask for it (--allow-uncommitted; allow_uncommitted=True in the library)"
        )


def origin(data: str, seed: int, seconds: float, runs: Iterable[Run]) -> dict[str, Any]:
    """The provenance of a report: data, seed, seconds of all runs, and their facts by identity."""
    return {
        "data": data,
        "seed": seed,
        "seconds": round(seconds, 1),
        "runs": {run.identity: run.facts() for run in runs},
    }


def runs_of(provenance: Mapping[str, Any], row: Row) -> list[Run]:
    """The runs that a row rests on; none where the row doesn't say."""
    known = provenance.get("runs", {})
    return [Run(**known[one]) for one in str(row.get("made", "")).split(",") if one in known]


def inherited(report: Report, rows: Iterable[Row]) -> tuple[Row, ...]:
    """Rows read from a report's figures, each with the runs of the networks that it names, or of all if it names none.

    A row is left without where one of its networks has none.
    """
    networks = sorted({str(row["model"]) for row in report.rows} - {""})
    made: Mapping[str, str] = report.provenance.get("made", {})
    return tuple(signed(row, made, [key for key in networks if key in row.values()] or networks) for row in rows)


def signed(row: Row, made: Mapping[str, str], subjects: Sequence[str]) -> Row:
    """A row with the runs of its subjects; without where those of one aren't known."""
    plain = {name: value for name, value in row.items() if name != "made"}
    if not subjects or not all(subject in made for subject in subjects):
        return plain
    return plain | {"made": ",".join(dict.fromkeys(one for subject in subjects for one in made[subject].split(",")))}


def in_words(provenance: Mapping[str, Any], rows: Iterable[Row]) -> str:
    """What is known of where rows come from, in one line."""
    rows = list(rows)
    runs = {run.identity: run for row in rows for run in runs_of(provenance, row)}.values()
    unknown = sum(not runs_of(provenance, row) for row in rows)
    said = []
    if runs:
        days = sorted({run.when[:10] for run in runs})
        said.append(days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}")
        said += sorted({run.machine for run in runs})
        said += sorted({run.code + (", with uncommitted changes" if run.uncommitted else "") for run in runs})
    if unknown:
        said.append(BEFORE if unknown == len(rows) else f"{unknown} of {len(rows)} rows {BEFORE}")
    return "; ".join(said)


def _git(*words: str) -> str:
    git = subprocess.run(["git", "-C", str(_PACKAGE), *words], capture_output=True, text=True, check=True)
    return git.stdout.strip()
