"""What scripts that play visitors are told of them on the command line."""

import argparse
from pathlib import Path


def visitors(about: str | None, sessions: int, minutes: float, checked: int) -> argparse.ArgumentParser:
    """A parser of what they have in common, with numbers where none are given; a script adds its own."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=sessions)
    parser.add_argument("--minutes", type=float, default=minutes)
    parser.add_argument("--pause", type=float, default=8.0, help="mean seconds between a visitor's actions")
    parser.add_argument("--servers", type=int, default=1, help="that share the visitors out among them")
    parser.add_argument("--checked", type=int, default=checked, help="views of each page that are opened again")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="a JSON file for what was measured")
    return parser
