"""A process that fuzzes one reader for a while: guided by the branches that inputs take, where atheris is there."""

import faulthandler
import importlib
import os
import random
import re
import sys
import time
import warnings
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path

from core.decoding.child import limit_memory
from tests.helpers.fuzz.mutation import mutated
from tests.helpers.fuzz.recorder import Recorder, name_of
from tests.helpers.fuzz.target import Target, as_it_is

KEPT = Path(__file__).parents[2] / "fuzz" / "corpus"
"""By reader the inputs that it once stumbled over."""
MOST_BYTES = 1 << 16
_ADDRESS_SPACE = 4_000_000_000  # beyond what the libraries map, so that a huge claim is an error and no ended machine
_WATCHED = ["core", "app", "PIL", "pydicom", "zipfile", "tomllib"]
_WORD = re.compile(rb"[A-Za-z_][\w.-]{2,30}")
_SECONDS = 60  # of a clock, for one input


def main(module: str, key: str, folder: str, seconds: str, seed: str, watched: str) -> None:
    """Fuzz the target `key` of a module for so many seconds; tally, faults and inputs go to `folder`."""
    faulthandler.enable()
    warnings.simplefilter("ignore")
    guided = watched == "yes" and find_spec("atheris") is not None
    target = _target(module, key, guided)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * 4096 if Path("/proc").exists() else 0
    limit_memory(taken + _ADDRESS_SPACE)
    corpus = Path(folder, "corpus")
    corpus.mkdir(parents=True, exist_ok=True)
    kept = sorted((KEPT / key).glob("*"))
    seeds = [*target.seeds(), *(path.read_bytes() for path in kept)]
    for data in seeds:
        (corpus / name_of(data)).write_bytes(data)
    recorder = Recorder(target, Path(folder))
    for data in seeds:
        recorder(data)
    until = time.monotonic() + float(seconds)
    if guided:
        _guided(recorder, corpus, until, int(seed))
    _at_random(recorder, seeds, until, int(seed))


def _target(module: str, key: str, guided: bool) -> Target:
    if not guided:
        watching = nullcontext()
    else:
        import atheris

        watching = atheris.instrument_imports(include=_WATCHED)
    with watching:
        targets: tuple[Target, ...] = importlib.import_module(module).TARGETS
    return next(one for one in targets if one.key == key)


def _at_random(recorder: Recorder, seeds: list[bytes], until: float, seed: int) -> None:
    rng = random.Random(seed)
    while time.monotonic() < until:
        recorder(recorder.target.mend(mutated(seeds, rng, MOST_BYTES)))
    recorder.write()


def _guided(recorder: Recorder, corpus: Path, until: float, seed: int) -> None:
    """Does not come back: libFuzzer, which runs below, ends its process itself."""
    import atheris

    def one(data: bytes) -> None:
        recorder(data)
        if time.monotonic() > until:
            recorder.write()
            sys.stdout.flush()
            os._exit(0)

    def mended(data: bytes, most: int, seed: int) -> bytes:
        return recorder.target.mend(atheris.Mutate(data, most))[:most]

    words = {word for path in corpus.iterdir() for word in _WORD.findall(path.read_bytes())}
    listed = corpus.with_name("words.txt")
    listed.write_text("".join(f'"{word.decode()}"\n' for word in sorted(words)[:400]), encoding="ascii")
    options = {
        "max_len": MOST_BYTES,
        "timeout": _SECONDS,
        "rss_limit_mb": 0,
        "seed": seed,
        "dict": listed,
        "artifact_prefix": f"{corpus.parent}/",
        "print_final_stats": 0,
        "verbosity": 0,
    }
    command = [sys.argv[0], *(f"-{name}={value}" for name, value in options.items()), str(corpus)]
    mutator = {} if recorder.target.mend is as_it_is else {"custom_mutator": mended}
    atheris.Setup(command, one, **mutator)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
