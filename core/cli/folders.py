"""Where the clone lies, and where runs keep what they have so far."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUNS = ROOT / "runs"
