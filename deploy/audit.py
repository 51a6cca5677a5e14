"""Known holes in what is locked, by pip-audit; without its database, that is said and nothing is passed as sound."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from deploy.lock import LOCK, ROOT, TORCH_LOCK

UNREACHED = "The database of known holes could not be reached: nothing was checked."


def verdict(answer: str) -> tuple[int | None, list[str]]:
    """What pip-audit's JSON amounts to: how many packages have holes, or None where none was looked up; in lines."""
    try:
        found = json.loads(answer)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return None, [UNREACHED]
    known = [one for one in found if "skip_reason" not in one]
    if not known:
        return None, [UNREACHED]
    holes = [one for one in known if one["vulns"]]
    lines = [f"{len(known)} packages were looked up, {len(holes)} have known holes."]
    lines += [f"{one['name']} was not looked up: {one['skip_reason']}" for one in found if "skip_reason" in one]
    for one in holes:
        for hole in one["vulns"]:
            mended = ", ".join(hole["fix_versions"]) or "no version"
            lines.append(f"{one['name']} {one['version']}: {hole['id']}, mended in {mended}")
    return len(holes), lines


def main() -> int:
    """0 where all is sound; where nothing could be checked, with `--offline-ok` alone."""
    parser = argparse.ArgumentParser(prog="make audit", description=__doc__)
    parser.add_argument("--offline-ok", action="store_true", help="no failure where the database can't be reached")
    offline_ok = parser.parse_args().offline_ok
    locks = [part for path in (LOCK, TORCH_LOCK) for part in ("-r", str(path))]
    command = [Path(sys.executable).with_name("pip-audit"), "--disable-pip", "--require-hashes", "-f", "json", *locks]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    except subprocess.TimeoutExpired:
        count, lines = verdict("")
    else:
        count, lines = verdict(done.stdout)
    print("\n".join(lines))
    if count is None:
        return 0 if offline_ok else 1
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
