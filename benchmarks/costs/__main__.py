"""Print the page `docs/guide/costs.md`: `python -m benchmarks.costs > docs/guide/costs.md`.

What was measured lies in `benchmarks/costs/measured`, as the load scripts wrote it:

    python -m benchmarks.load.pages --sessions 20 --minutes 5 --out benchmarks/costs/measured/pages.json
    python -m benchmarks.load.pages --sessions 40 --servers 2 --rest 60 --out benchmarks/costs/measured/room.json
    python -m benchmarks.load.batch --pictures 20000 --out benchmarks/costs/measured/batch.json
    python -m benchmarks.load.batch --pictures 100000 --only ray --out benchmarks/costs/measured/batch-ray.json
"""

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks.costs.page import page

MEASURED = Path(__file__).parent / "measured"
FILES = ("pages", "room", "batch", "batch-ray")


def measured(name: str) -> dict[str, Any]:
    """What a load script kept."""
    found: dict[str, Any] = json.loads((MEASURED / f"{name}.json").read_text())
    return found


def main() -> None:
    """Print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--price", type=float, default=0.05, help="of a core for an hour, in any currency")
    options = parser.parse_args()
    print(page(*(measured(name) for name in FILES), options.price), end="")


if __name__ == "__main__":
    main()
