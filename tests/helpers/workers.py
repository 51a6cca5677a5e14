"""A worker that learns nothing but speaks as the real one does, for tests of the queue and of the page."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from core.training.jobs.messages import Point, Ready, TrainingRequest, encode

HOLD, FAIL, DIE, DEAF = range(4)
READY = encode(Ready(0, np.zeros((1, 1, 2, 2), np.uint8), np.zeros(1, np.int64), 10, 0.1, 5))
POINT = encode(
    Point(0.5, 1.0, 0.5, 0.25, np.zeros((1, 2, 2), np.float16), np.zeros(1, np.int64), np.ones(1, np.float16))
)

# The order's seed says how it behaves: 0 waits for `finish` in its folder, 1 fails, 2 dies, 3 is deaf to `stop`.
WORKER = f"""
import json, os, pathlib, sys, threading, time
folder = pathlib.Path(sys.argv[1])
seed = json.loads((folder / "order.json").read_text())["seed"]
(folder / "pid").write_text(str(os.getpid()))
say = lambda line: print(line, flush=True)
heard = []
def listen():
    for word in sys.stdin:
        heard.append(word.strip())
        (folder / "heard").write_text(" ".join(heard))
    heard.append("stop")
threading.Thread(target=listen, daemon=True).start()
say('{READY}')
say('{POINT}')
say("not for anybody")
if seed == 1:
    say('{{"kind": "Ended", "how": "failed", "sentence": "No room in ' + str(folder) + '."}}')
    sys.exit(1)
if seed == 2:
    os._exit(7)
while seed == 3 or "stop" not in heard:
    if (folder / "finish").exists():
        say('{{"kind": "Ended", "how": "finished", "sentence": ""}}')
        sys.exit(0)
    time.sleep(0.02)
say('{{"kind": "Ended", "how": "stopped", "sentence": ""}}')
"""


def fake_worker(folder: Path) -> Callable[[Path, Path], list[str]]:
    """The command that starts it; its script is written to `folder`."""
    script = folder / "worker.py"
    script.write_text(WORKER)
    return lambda job, out: [sys.executable, str(script), str(job), str(out)]


def order(behaviour: int = HOLD, name: str = "own-net") -> TrainingRequest:
    """An order to a worker that behaves so."""
    return TrainingRequest("fashion-mnist", "standard", name, 1000, 2, seed=behaviour)
