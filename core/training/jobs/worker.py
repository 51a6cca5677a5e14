"""The process that trains one order: `python -m core.training.jobs.worker FOLDER OUT`.

FOLDER holds `order.json` and, where the recipe needs one, its teacher as `teacher.safetensors` with its card; the
checkpoint goes there, the finished weights and card to OUT. Standard input steers, a word a line: `pause`, `go`,
`stop`; its end means that whoever started the process is gone, and stops it. Standard output tells, an event of
`core.training.jobs.messages` a line.
"""

import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import torch

from core.attacks.pgd import Pgd
from core.data.datasets import LabelledImages, load
from core.data.tasks import Task, task_named
from core.devices import choose_device, within_memory
from core.errors import CoreError, InputError
from core.metrics.intervals import wilson
from core.models.fast import fast_form
from core.models.resnet import PreActResNet
from core.models.zoo import Card, load_weights, save
from core.progress import StoppedError
from core.training.checkpoint import remove_checkpoint
from core.training.jobs.lock import locked
from core.training.jobs.messages import Ended, Event, TrainingRequest, encode, read_request
from core.training.jobs.monitor import Watch, sample
from core.training.loop import Trained, train

NICE = 10  # a visitor's click then gets nearly all of a core that it shares with the training
FIGURE_IMAGES = 200
FIGURE_STEPS = 10


class Control:
    """What the starter wants: go, pause or stop, as it said last."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._paused = False
        self._stopped = False
        self._held = 0.0

    def listen(self, words: TextIO) -> None:
        """Follow `words` to their end, which means stop."""
        for word in words:
            self.hear(word.strip())
        self.hear("stop")

    def hear(self, word: str) -> None:
        """Take one word; an unknown one changes nothing."""
        with self._changed:
            if word in ("pause", "go"):
                self._paused = word == "pause"
            self._stopped = self._stopped or word == "stop"
            self._changed.notify_all()

    def should_stop(self) -> bool:
        """Whether to stop; does not answer while the run is paused."""
        with self._changed:
            began = time.monotonic()
            self._changed.wait_for(lambda: self._stopped or not self._paused)
            self._held += time.monotonic() - began
            return self._stopped

    def held(self) -> float:
        """Seconds spent paused so far."""
        return self._held


def work(order: TrainingRequest, folder: Path, out: Path, control: Control, tell: Callable[[Event], None]) -> Ended:
    """Train an order, going on from the checkpoint in `folder`, and write the model to `out` when it is done.

    Raises:
        CoreError: what `train` and `save` refuse; a missing data set or teacher.
    """
    told: list[str] = []
    return within_memory(partial(_work, order, folder, out, control, tell, told), choose_device(), told.append)


def _work(
    order: TrainingRequest,
    folder: Path,
    out: Path,
    control: Control,
    tell: Callable[[Event], None],
    told: list[str],
    device: torch.device,
) -> Ended:
    """The same on a device; what `told` holds goes on the card."""
    plan = order.plan()
    task = task_named(order.task)
    data, val = load(task, "train").first(order.images), load(task, "val")
    networks = {}
    if plan.recipe.teacher_key is not None:
        networks[plan.recipe.teacher_key] = load_weights(folder / "teacher.safetensors").on(device).fast
    watch = Watch(sample(task, val.on(device)), plan.epochs, tell, control.held)
    outcome = train(plan, data, val, folder, watch, control.should_stop, device, networks)
    if not outcome.finished:
        return Ended("stopped")
    _save(order, outcome, task, out, control.held(), device, told)
    remove_checkpoint(folder)
    return Ended("finished")


def _save(
    order: TrainingRequest,
    outcome: Trained,
    task: Task,
    out: Path,
    paused: float,
    device: torch.device,
    told: list[str],
) -> None:
    """Write weights and card; where either can't be written, neither stays."""
    plan = order.plan()
    data = load(task, "test").first(FIGURE_IMAGES).on(device)
    settings = plan.settings()
    card = Card(
        task.key,
        order.key,
        plan.network,
        plan.recipe.describe(),
        settings,
        plan.seed,
        "the page Train, with the settings on this card",
        outcome.course(device, paused),
        sha256="",
        parameters=0,
        figures=_figures(outcome.model, task, data),
        measured={"settings": {"steps": FIGURE_STEPS, "images": len(data), "data": data.origin}},
        note=" ".join([f"Trained by a visitor on the first {order.images:,} training images.", *told]),
    )
    try:
        save(outcome.model, card, out)
    except InputError:
        with suppress(OSError):
            (out / task.key / f"{order.key}.safetensors").unlink(missing_ok=True)
        raise


def _figures(model: PreActResNet, task: Task, data: LabelledImages) -> tuple[dict[str, Any], ...]:
    """Rows as in the `accuracy` report, on a few test images: clean, and under PGD at each of the task's radii."""
    fast = fast_form(model)
    x, labels = data.images(), data.labels
    with torch.no_grad():
        right = fast(x).argmax(1) == labels
    rows = []
    for norm, epsilon in task.radii.items():
        attack = Pgd(epsilon, norm, FIGURE_STEPS, stop_when_wrong=True)
        x_adv = attack(fast, x[right], labels[right], torch.Generator().manual_seed(0))
        with torch.no_grad():
            standing = int((fast(x_adv).argmax(1) == labels[right]).sum())
        row: dict[str, Any] = {"norm": norm, "epsilon": epsilon}
        for name, hits in (("clean", int(right.sum())), ("robust", standing)):
            low, high = wilson(hits, len(data))
            row |= {name: hits / len(data), f"{name}_low": low, f"{name}_high": high, f"{name}_n": len(data)}
        rows.append(row)
    return tuple(rows)


def main(arguments: list[str]) -> int:
    """Train the order in a folder; 0 unless it failed."""
    folder, out = map(Path, arguments)
    os.nice(int(os.environ.get("ROBUSTSCOPE_NICE", NICE)))
    torch.set_num_threads(1)
    control = Control()
    threading.Thread(target=control.listen, args=(sys.stdin,), daemon=True).start()
    stream, sys.stdout = sys.stdout, sys.stderr  # what a library prints must not mix with the events

    def tell(event: Event) -> None:
        try:
            stream.write(encode(event) + "\n")
            stream.flush()
        except OSError:  # nobody listens any more
            control.hear("stop")

    try:
        with locked(folder, should_stop=control.should_stop):
            end = work(read_request((folder / "order.json").read_text()), folder, out, control, tell)
    except StoppedError:
        end = Ended("stopped")
    except CoreError as error:
        end = Ended("failed", str(error))
    tell(end)
    return int(end.how == "failed")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
