"""Reports of a task as pages see them: read once for all visitors, and again when their files change."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from app.state.result_cache import cached_for_all
from core.reports.form.report import ASSETS, report_path

R = TypeVar("R")


def reports_folder() -> Path:
    """Where the reports lie: `ROBUSTSCOPE_REPORTS`, or those that ship."""
    configured = os.environ.get("ROBUSTSCOPE_REPORTS")
    return Path(configured).expanduser() if configured else ASSETS


def cached_report(task: str, name: str, read: Callable[[Path], R]) -> R | None:
    """A report of a task; None while there is none.

    Args:
        task: the task's key.
        name: the report's.
        read: gives the report that is kept in a file.

    Raises:
        InputError: it is damaged.
    """
    path = report_path(task, name, reports_folder())
    if not path.exists():
        return None
    stamps = tuple(part.stat().st_mtime_ns for part in (path, path.with_suffix(".npz")) if part.exists())
    found: R = _report(str(path), stamps, read)
    return found


@cached_for_all
def _report(path: str, stamps: tuple[int, ...], _read: Callable[[Path], Any]) -> Any:
    return _read(Path(path))
