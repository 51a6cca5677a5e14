"""What is installed of what ships, as a CycloneDX bill of materials and as a list of licences: `make sbom`."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from deploy.lock import LOCK, ROOT, TORCH_LOCK, entries_in, plain

BILL, LICENCES = ROOT / "build" / "sbom.json", ROOT / "build" / "licences.md"
PROJECT = "robustscope"


def shipped() -> set[str]:
    """The plain names of the packages in the locks."""
    return {name for path in (LOCK, TORCH_LOCK) for name in entries_in(path.read_text(encoding="utf-8"))}


def without_others(bill: dict[str, Any], names: set[str]) -> dict[str, Any]:
    """A CycloneDX bill of an environment without the packages that are none of `names`: tools, tests, the project."""
    kept = [one for one in bill["components"] if plain(one["name"]) in names]
    refs = {one["bom-ref"] for one in kept}
    root = bill["metadata"]["component"]["bom-ref"]
    dependencies = [
        one | {"dependsOn": [ref for ref in one.get("dependsOn", []) if ref in refs]}
        for one in bill.get("dependencies", [])
        if one["ref"] in refs
    ]
    below = {ref for one in dependencies for ref in one["dependsOn"]}
    dependencies.append({"ref": root, "dependsOn": sorted(refs - below)})
    return bill | {"components": kept, "dependencies": dependencies}


def main(python: str) -> int:
    """Write both of the environment of an interpreter."""
    tools, names = Path(sys.executable).parent, shipped()
    BILL.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder, "bill.json")
        options = ["--of", "JSON", "--pyproject", str(ROOT / "pyproject.toml"), "-o", str(whole), python]
        subprocess.run([tools / "cyclonedx-py", "environment", *options], check=True, stderr=subprocess.DEVNULL)
        bill = without_others(json.loads(whole.read_text(encoding="utf-8")), names)
    BILL.write_text(json.dumps(bill, indent=1), encoding="utf-8")
    installed = sorted(one["name"] for one in bill["components"])
    options = ["--python", python, "--from", "mixed", "--format", "markdown", "--with-urls", "--packages", *installed]
    listed = subprocess.run([tools / "pip-licenses", *options], check=True, capture_output=True, text=True).stdout
    LICENCES.write_text(f"# Licences of what Robustscope stands on\n\n{listed}", encoding="utf-8")
    missing = sorted(names - {plain(name) for name in installed})
    print(f"{BILL.relative_to(ROOT)}: {len(installed)} packages; {LICENCES.relative_to(ROOT)}: their licences")
    if missing:
        print(f"Locked, and not installed here (other systems, other builds of torch): {', '.join(missing)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
