"""The training loop: one for every recipe, resumable after each epoch to the same weights."""

import hashlib
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from core.data.datasets import LabelledImages
from core.devices import CPU
from core.errors import ConfigError, InputError
from core.models.fast import fast_form
from core.models.resnet import PreActResNet, network_of
from core.training.checkpoint import read_checkpoint, write_checkpoint
from core.training.moving import follow, sgd, state_of
from core.training.plan import TrainingPlan
from core.training.recipes.base import Batch
from core.training.widen import take_over

EVALUATION_BATCH = 500
WARM_UP = 0.2  # share of the one-cycle schedule over which the learning rate rises
TAIL_RATE = 0.1  # share of the peak learning rate that a plan's tail keeps
NORM_IMAGES = 10_000  # images that BatchNorm's statistics are taken from after a tail


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands.

    Attributes:
        epoch: epochs finished before this one.
        step: steps finished in this epoch.
        steps: steps in an epoch.
        loss: mean training loss of this epoch so far, in nats.
        val_accuracy: share of `val` that the averaged weights get right; None but at the end of an epoch.
        seconds: training time of the run so far, earlier parts included.
        network: makes a network (in train mode, the caller's own) of the averaged weights as they are now.
    """

    epoch: int
    step: int
    steps: int
    loss: float
    val_accuracy: float | None
    seconds: float
    network: Callable[[], PreActResNet]


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """What one epoch measured: mean training loss (nats), accuracy on `val`, seconds."""

    loss: float
    val_accuracy: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Trained:
    """The outcome of a run: the network that ships (in eval mode), its history, and whether all epochs were done."""

    model: PreActResNet
    history: tuple[EpochRecord, ...]
    finished: bool

    @property
    def seconds(self) -> float:
        """Training time of all epochs, in seconds."""
        return sum(record.seconds for record in self.history)

    def course(self, device: torch.device = CPU, paused: float = 0.0) -> dict[str, object]:
        """Cost and course of the run as a card states them; `paused` seconds are taken off."""
        return {
            "seconds": round(self.seconds - paused, 1),
            "threads": torch.get_num_threads(),
            "device": str(device),
            "epochs": len(self.history),
            "loss": [round(record.loss, 5) for record in self.history],
            "val_accuracy": [round(record.val_accuracy, 4) for record in self.history],
            "torch": torch.__version__,
        }


def train(
    plan: TrainingPlan,
    data: LabelledImages,
    val: LabelledImages,
    folder: Path,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    should_stop: Callable[[], bool] = lambda: False,
    device: torch.device = CPU,
    networks: Mapping[str, nn.Module] = MappingProxyType({}),
) -> Trained:
    """Train as the plan says, going on from the checkpoint in `folder` where there is one.

    Everything random in an epoch is drawn from a generator seeded by (seed, epoch), and the state after each epoch is
    written to `folder`, so that a killed run that is started again ends with the weights of an uninterrupted one (same
    machine, same number of threads, CPU).

    Args:
        plan: what to train.
        data: the images to learn from.
        val: the images whose accuracy is recorded after each epoch.
        folder: where the checkpoint lives; created.
        on_progress: called after each step and each epoch.
        should_stop: asked before each step; True ends the run, and at most the epoch begun is lost.
        device: where to compute.
        networks: those that the recipe names, by key: its teacher frozen and in eval mode, the one it goes on from as
            trained; others are ignored.

    Raises:
        ConfigError: fewer images than one batch, a recipe without the network or the annotations that it needs, or a
            checkpoint in `folder` of another plan or network.
        InputError: `folder` can't be written, or the loss is no longer a number.
    """
    if plan.images is not None:
        data = data.first(plan.images)
    if len(data) < plan.batch_size:
        raise ConfigError(f"{len(data)} training images are fewer than one batch of {plan.batch_size}")
    teacher, start = (_named(plan, key, networks) for key in (plan.recipe.teacher_key, plan.recipe.start_key))
    if plan.recipe.needs_maps and data.maps is None:
        raise ConfigError(f"{plan.key} learns from boxes or masks, and {data.origin} has none")
    run = _Run(plan, len(data) // plan.batch_size, device, teacher, start)
    history = run.restore(folder)
    while len(history) < plan.epochs:
        record = run.epoch(len(history), data, val, sum(past.seconds for past in history), on_progress, should_stop)
        if record is None:
            return Trained(_shipped(plan, run.averaged()), tuple(history), finished=False)
        history.append(record)
        run.save(folder, history)
    model = run.averaged()
    if plan.tail > 0:
        run.refresh_norms(model, data.first(NORM_IMAGES))
    return Trained(_shipped(plan, model), tuple(history), finished=True)


def _shipped(plan: TrainingPlan, learned: PreActResNet) -> PreActResNet:
    """The network that ships, in eval mode: with the mirror, where the plan's has one."""
    network = network_of(plan.network).to(learned.head.weight.device)
    network.load_state_dict(learned.state_dict())
    return network.eval()


def _named(plan: TrainingPlan, key: str | None, networks: Mapping[str, nn.Module]) -> nn.Module | None:
    """The network that a recipe names by `key`; None where it names none."""
    if key is not None and key not in networks:
        raise ConfigError(f"{plan.key} needs the network {key!r}: train that one first")
    return None if key is None else networks[key]


def accuracy(model: PreActResNet, data: LabelledImages, precision: str = "fp32", device: torch.device = CPU) -> float:
    """The share of `data` whose label the network (any mode, unchanged) ranks first; NaN without images."""
    if len(data) == 0:
        return float("nan")
    fast = fast_form(model)
    right = 0
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
        for start in range(0, len(data), EVALUATION_BATCH):
            stop = start + EVALUATION_BATCH
            guess = fast(data.images(start, stop).to(device)).argmax(1).cpu()
            right += int((guess == data.labels[start:stop]).sum())
    return right / len(data)


class _Run:
    """The state that moves: weights, their average, the optimiser, and what the recipe remembers."""

    def __init__(
        self, plan: TrainingPlan, steps: int, device: torch.device, teacher: nn.Module | None, start: nn.Module | None
    ) -> None:
        self.plan = plan
        self.steps = steps
        self.device = device
        self.teacher = teacher
        self.named = _digest(*(network for network in (teacher, start) if network is not None))
        self.state: dict[str, float] = {}
        generator = torch.Generator().manual_seed(plan.seed)
        self.model = PreActResNet(plan.network, generator).to(device)
        if start is not None:
            take_over(self.model, start)
        self.model = self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = state_of(self.model)
        self.optimiser = sgd(self.model, plan.learning_rate, plan.momentum, plan.weight_decay)

    def epoch(
        self,
        index: int,
        data: LabelledImages,
        val: LabelledImages,
        spent: float,
        on_progress: Callable[[Progress], None],
        should_stop: Callable[[], bool],
    ) -> EpochRecord | None:
        """One pass over `data`; None if it was stopped."""
        plan = self.plan
        began = time.perf_counter()
        generator = torch.Generator().manual_seed(plan.seed * 1_000_003 + index + 1)
        attack_generator = torch.Generator().manual_seed(plan.seed * 1_000_003 + index + 1)
        order = torch.randperm(len(data), generator=generator)
        self.model.train()
        total = torch.zeros((), device=self.device)
        for step in range(self.steps):
            if should_stop():
                return None
            chosen = order[step * plan.batch_size : (step + 1) * plan.batch_size]
            maps = None if data.maps is None else data.maps[chosen].float()
            x, maps = plan.augmentation.with_maps(data.pixels[chosen].float() / 255.0, maps, generator)
            x = x.to(self.device).contiguous(memory_format=torch.channels_last)
            maps = None if maps is None else maps.to(self.device)
            labels = data.labels[chosen].to(self.device)
            batch = Batch(x, labels, attack_generator, index, maps, self.teacher, self.state)
            total += self._step(index * self.steps + step, batch)
            mean = total.item() / (step + 1)
            if not math.isfinite(mean):
                raise InputError(f"the loss of epoch {index + 1} is no longer a number: lower the learning rate")
            seconds = spent + time.perf_counter() - began
            on_progress(Progress(index, step + 1, self.steps, mean, None, seconds, self.averaged))
        if not all(bool(value.isfinite().all()) for value in self.average.values()):  # the last step is seen in no loss
            raise InputError(f"the weights after epoch {index + 1} are no longer numbers: lower the learning rate")
        val_accuracy = accuracy(self.averaged(), val, plan.precision, self.device)
        seconds = time.perf_counter() - began
        loss = total.item() / self.steps
        on_progress(Progress(index, self.steps, self.steps, loss, val_accuracy, spent + seconds, self.averaged))
        return EpochRecord(loss, val_accuracy, seconds)

    def _step(self, count: int, batch: Batch) -> Tensor:
        """One update of the weights and their average; returns the loss, detached."""
        plan = self.plan
        into_tail = count - (plan.epochs - plan.tail) * self.steps  # steps of the tail done; negative before it
        rate = TAIL_RATE if into_tail >= 0 else one_cycle(count, (plan.epochs - plan.tail) * self.steps)
        for group in self.optimiser.param_groups:
            group["lr"] = plan.learning_rate * rate
        with torch.autocast(self.device.type, torch.bfloat16, enabled=plan.precision == "bf16"):
            loss = plan.recipe.loss(self.model, batch)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        if into_tail >= 0:
            decay = into_tail / (into_tail + 1)  # the plain mean of the tail
        else:
            # The average starts as nearly a plain mean, so that early weights are soon forgotten.
            decay = min(plan.averaging, (1 + count) / (10 + count))
        follow(self.average, self.model, decay)
        return loss.detach()

    def refresh_norms(self, model: PreActResNet, data: LabelledImages) -> None:
        """Take BatchNorm's statistics anew for averaged weights, whose activations are not the mean of the others'."""
        batches = (data.images(at, at + EVALUATION_BATCH) for at in range(0, len(data), EVALUATION_BATCH))
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.plan.precision == "bf16"):
            update_bn(batches, model, device=self.device)

    def averaged(self) -> PreActResNet:
        """A network with the averaged weights."""
        model = PreActResNet(self.plan.network).to(self.device)
        model.load_state_dict(self.average)
        return model

    def restore(self, folder: Path) -> list[EpochRecord]:
        """Load the checkpoint in `folder`, if any; returns the history so far."""
        state = read_checkpoint(folder, self.device)
        if state is None:
            return []
        if state["plan"] != _fingerprint(self.plan):
            raise ConfigError(
                f"the checkpoint in {folder} belongs to another plan: remove it, or train under another key"
            )
        if state["teacher"] != self.named:
            key = self.plan.recipe.teacher_key or self.plan.recipe.start_key
            raise ConfigError(f"the checkpoint in {folder} was made with other weights of {key!r}: remove it")
        self.model.load_state_dict(state["model"])
        self.average = state["average"]
        self.optimiser.load_state_dict(state["optimiser"])
        self.state = dict(state["recipe"])
        return [EpochRecord(**record) for record in json.loads(state["history"])]

    def save(self, folder: Path, history: list[EpochRecord]) -> None:
        """Write the checkpoint of a finished epoch in one move, so that a kill leaves the old one or the new one."""
        state = {
            "plan": _fingerprint(self.plan),
            "model": self.model.state_dict(),
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
            "recipe": self.state,
            "teacher": self.named,
            "history": json.dumps([asdict(record) for record in history]),
        }
        write_checkpoint(state, folder)


def one_cycle(step: int, steps: int) -> float:
    """The share of the peak learning rate at `step` of `steps`: up over the first 20 %, then down to near zero."""
    peak = WARM_UP * steps
    return (step + 1) / (peak + 1) if step < peak else max(0.0, (steps - step) / (steps - peak))


def _fingerprint(plan: TrainingPlan) -> str:
    return json.dumps(plan.settings(), sort_keys=True)


def _digest(*networks: nn.Module) -> str:
    """A checksum of networks' weights; empty without any."""
    if not networks:
        return ""
    digest = hashlib.blake2b(digest_size=16)
    for network in networks:
        for name, value in network.state_dict().items():
            digest.update(name.encode() + value.cpu().contiguous().cpu().numpy().tobytes())
    return digest.hexdigest()
