"""What is looked at while a network learns: its gradient maps for a few pictures, and two accuracies."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.attacks.pgd import Pgd
from core.data.datasets import LabelledImages
from core.data.tasks import Task
from core.models.fast import fast_form
from core.models.resnet import PreActResNet
from core.saliency.gradient import gradient
from core.training.jobs.messages import Event, Point, Ready, Step
from core.training.loop import Progress

PICTURES = 6
SAMPLE = 100
ATTACK_STEPS = 4
POINTS = 24
STEP_SECONDS = 0.5  # between two words on where the run stands


@dataclass(frozen=True, slots=True)
class Sample:
    """What is watched.

    Attributes:
        shown: pictures of `PICTURES` classes spread over the task's, one each.
        measured: pictures that the accuracies are measured on.
        epsilon: L-infinity radius of the attack on them.
    """

    shown: LabelledImages
    measured: LabelledImages
    epsilon: float


def sample(task: Task, val: LabelledImages) -> Sample:
    """The first picture in `val` of each of a few classes, and the first `SAMPLE` pictures."""
    wanted = np.linspace(0, task.classes - 1, PICTURES).round().astype(int)
    labels = val.labels.cpu().numpy()
    chosen = torch.tensor([int(np.flatnonzero(labels == label)[0]) for label in wanted if (labels == label).any()])
    shown = LabelledImages(val.pixels[chosen], val.labels[chosen.to(val.device)], val.origin)
    return Sample(shown, val.first(SAMPLE), task.radii["linf"])


def measure(network: PreActResNet, watched: Sample, at: float, loss: float) -> Point:
    """The point at `at` epochs of a network (any mode, left unchanged); the attack always starts from seed 0."""
    fast = fast_form(network)
    x, labels = watched.measured.images(), watched.measured.labels
    attack = Pgd(watched.epsilon, "linf", ATTACK_STEPS)
    x_adv = attack(fast, x, labels, torch.Generator().manual_seed(0))
    attributions, logits = gradient(fast, watched.shown.images(), watched.shown.labels)
    probs, answers = logits.softmax(1).max(1)
    return Point(
        at,
        loss,
        _share(fast, x, labels),
        _share(fast, x_adv, labels),
        attributions.sum(1).cpu().numpy().astype(np.float16),
        answers.cpu().numpy(),
        probs.cpu().numpy().astype(np.float16),
    )


def _share(network: PreActResNet, x: Tensor, labels: Tensor) -> float:
    with torch.no_grad():
        return float((network(x).argmax(1) == labels).float().mean())


class Watch:
    """A callback for the loop that tells where it stands, and measures about `POINTS` times in a whole run.

    The points stand at fixed steps, whatever the machine's speed; the first comes after the first step.
    """

    def __init__(
        self,
        watched: Sample,
        epochs: int,
        tell: Callable[[Event], None],
        held: Callable[[], float],
    ) -> None:
        """Watch a run of `epochs`; `held` gives the seconds that it stood still."""
        self._watched = watched
        self._epochs = epochs
        self._tell = tell
        self._held = held
        self._began = time.monotonic()
        self._told = -STEP_SECONDS
        self._done = 0
        self._since = (0, 0.0)  # steps of this epoch and their summed loss at the last point

    def __call__(self, progress: Progress) -> None:
        """Tell about one step."""
        if progress.val_accuracy is not None:
            return
        if self._done == 0:
            shown, measured = self._watched.shown, self._watched.measured
            pictures, labels = shown.pixels.cpu().numpy(), shown.labels.cpu().numpy()
            ready = Ready(progress.epoch, pictures, labels, len(measured), self._watched.epsilon, ATTACK_STEPS)
            self._tell(ready)
        self._done += 1
        done = progress.epoch * progress.steps + progress.step
        every = max(1, progress.steps * self._epochs // POINTS)
        if done == 1 or done % every == 0:
            at = done / progress.steps
            self._tell(measure(progress.network(), self._watched, at, self._recent(progress)))
        now = time.monotonic() - self._began - self._held()
        if now - self._told >= STEP_SECONDS:
            self._told = now
            left = now / self._done * (progress.steps * self._epochs - done)
            self._tell(Step(done / progress.steps, left))

    def _recent(self, progress: Progress) -> float:
        """The mean loss of the steps since the last point, as far as they are of this epoch."""
        total = progress.loss * progress.step
        steps, earlier = self._since if self._since[0] < progress.step else (0, 0.0)
        self._since = (progress.step, total)
        return (total - earlier) / (progress.step - steps)
