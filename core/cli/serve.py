"""`robustscope run`: serve the dashboard."""

import argparse
import subprocess
import sys
from typing import Any

from core.cli.folders import ROOT
from core.cli.options import port


def add(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Join the other commands."""
    run = commands.add_parser("run", parents=[shared], help="serve the dashboard")
    run.add_argument("--port", type=port, default=8501)
    run.set_defaults(action=_run)


def _run(options: argparse.Namespace) -> int:
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(ROOT / "server.py"),
        "--server.port",
        str(options.port),
    ]
    return subprocess.run(command, cwd=ROOT, check=False).returncode
