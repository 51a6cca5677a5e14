"""The lock: every package that the dashboard stands on, each with the hashes of its files; `make lock` writes it.

torch and what only it needs (torchvision, the CUDA libraries) are in a lock of their own: whoever installs another
build of torch first, such as the small one for the CPU, has files with other hashes, and needs the first lock alone.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK, TORCH_LOCK = ROOT / "requirements.lock", ROOT / "requirements-torch.lock"
PINS = ("requirements.txt", "constraints.txt")
_OF_TORCH = re.compile(r"torch|torchvision|triton|nvidia-.*|cuda-.*")
_ENTRY = re.compile(r"^(?=[A-Za-z0-9])", re.MULTILINE)
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[a-z,]+\])?==([^\s;]+)", re.MULTILINE)
_WORDS = {
    LOCK: "# What requirements.txt drags in, but for torch and what only torch needs; made by `make lock`.\n",
    TORCH_LOCK: "# torch as the package index has it, with what only torch needs; made by `make lock`.\n",
}


def plain(name: str) -> str:
    """A package's name as all spellings of it are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins_in(text: str) -> dict[str, str]:
    """The exact versions in a file of requirements, by plain name, without a label of a build."""
    return {plain(name): version.partition("+")[0] for name, version in _PIN.findall(text)}


def entries_in(text: str) -> dict[str, str]:
    """The entries of a lock by plain name, each with its hashes."""
    return {plain(re.split(r"[=\[]", entry, maxsplit=1)[0]): entry for entry in _ENTRY.split(text)[1:]}


def parted(text: str) -> dict[Path, str]:
    """The two locks in what the resolver wrote."""
    entries = entries_in(text)
    torch = {name for name in entries if _OF_TORCH.fullmatch(name)}
    return {
        path: _WORDS[path] + "".join(entry for name, entry in entries.items() if (name in torch) == of_torch)
        for path, of_torch in ((LOCK, False), (TORCH_LOCK, True))
    }


def differing(locked: str) -> list[str]:
    """Where a lock has another version than requirements.txt and constraints.txt, or lacks one of the former."""
    found = pins_in(locked)
    wanted, held = (pins_in((ROOT / name).read_text(encoding="utf-8")) for name in PINS)
    lacking = [f"{name} is not locked" for name in wanted if name not in found]
    return lacking + [
        f"{name} is {version}, and pinned to {known[name]}"
        for known in (wanted, held)
        for name, version in found.items()
        if known.get(name, version) != version
    ]


def main() -> int:
    """Resolve, write both locks and say what came of it."""
    options = ["--generate-hashes", "--universal", "--python-version", "3.11", "--no-header", "--no-annotate", "-q"]
    command = [Path(sys.executable).with_name("uv"), "pip", "compile", "requirements.txt", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"The packages could not be resolved; the locks stay as they are.\n{done.stderr[-2000:]}")
        return 1
    for path, text in parted(done.stdout).items():
        path.write_text(text, encoding="utf-8")
        print(f"{path.name}: {len(entries_in(text))} packages, {text.count('--hash=')} hashes")
    different = differing("".join(path.read_text(encoding="utf-8") for path in (LOCK, TORCH_LOCK)))
    print("\n".join(different))
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
