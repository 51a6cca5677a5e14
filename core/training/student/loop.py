"""The training loop of students: resumable after each round to the same weights."""

import copy
import hashlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import kl_div

from core.data.datasets import LabelledImages
from core.devices import CPU
from core.draws import uniform
from core.errors import ConfigError, InputError
from core.models.head import head_of
from core.models.zoo import ZooModel
from core.norms import project, random_in_ball, steepest_ascent_direction
from core.training.checkpoint import read_checkpoint, write_checkpoint
from core.training.student.plan import StudentPlan

ROUND = 100  # steps between checkpoints
WARM_UP = 0.05  # share of the steps over which the learning rate rises
STEP = 1.25  # of the radius, the attack's one step


@dataclass(frozen=True, slots=True)
class Round:
    """What one round of steps measured: mean loss, seconds."""

    loss: float
    seconds: float


@dataclass(frozen=True, slots=True)
class StudentProgress:
    """Where a run stands: steps done and of how many, mean loss of this round so far, seconds of the run."""

    step: int
    steps: int
    loss: float
    seconds: float


@dataclass(frozen=True, slots=True)
class TrainedStudent:
    """The outcome of a run: the averaged network (in eval mode), its history, whether it is whole, steps to do."""

    network: nn.Module
    history: tuple[Round, ...]
    finished: bool
    steps: int

    def course(self, device: torch.device = CPU) -> dict[str, object]:
        """Cost and course of the run as a card states them."""
        return {
            "seconds": round(sum(past.seconds for past in self.history), 1),
            "threads": torch.get_num_threads(),
            "device": str(device),
            "steps": self.steps,
            "steps_a_round": ROUND,
            "losses": [round(past.loss, 4) for past in self.history],
            "torch": torch.__version__,
        }


def train_student(
    plan: StudentPlan,
    data: LabelledImages,
    teacher: ZooModel,
    folder: Path,
    on_progress: Callable[[StudentProgress], None] = lambda progress: None,
    should_stop: Callable[[], bool] = lambda: False,
    device: torch.device = CPU,
) -> TrainedStudent:
    """Train as the plan says, going on from the checkpoint in `folder` where there is one.

    Everything random in a round is drawn from a generator seeded by (seed, round), so that a killed run that is started
    again ends with the weights of an uninterrupted one (same machine, same number of threads, CPU).

    Args:
        plan: what to train.
        data: the photographs to learn from; their labels are not looked at.
        teacher: the network that the plan names.
        folder: where the checkpoint lies; created.
        on_progress: called after each step.
        should_stop: asked before each step; True ends the run, and at most the round begun is lost.
        device: where to compute.

    Raises:
        ConfigError: fewer photographs than one batch, another teacher than the plan's, one that does not end in a
            linear layer, or a checkpoint in `folder` of another plan, teacher or set of
            photographs.
        InputError: `folder` can't be written, or the loss is no longer a number.
    """
    data = data if plan.images is None else data.first(plan.images)
    if len(data) < plan.batch_size:
        raise ConfigError(f"{len(data)} photographs are fewer than one batch of {plan.batch_size}")
    if (teacher.card.task, teacher.card.key) != (plan.task, plan.teacher):
        raise ConfigError(f"{plan.key} learns from {plan.teacher}; got {teacher.card.key} of {teacher.card.task}")
    run = _Run(plan, data, teacher, device, on_progress, should_stop)
    history = run.restore(folder)
    for first in range(len(history) * ROUND, plan.steps, ROUND):
        spent = sum(past.seconds for past in history)
        done = run.round(len(history), range(first, min(first + ROUND, plan.steps)), spent)
        if done is None:
            return TrainedStudent(run.averaged(), tuple(history), finished=False, steps=plan.steps)
        history.append(done)
        run.save(folder, history)
    return TrainedStudent(run.averaged(), tuple(history), finished=True, steps=plan.steps)


def answer_distance(logits: Tensor, features: Tensor, wanted: Tensor, wanted_features: Tensor, weight: float) -> Tensor:
    """How far a student's answers (B, K) and features (B, D) are from its teacher's: the mean over the batch, in nats.

    That is KL(softmax(wanted) | softmax(logits)) + weight |features - wanted_features|^2 / |wanted_features|^2.
    """
    divergence = kl_div(logits.log_softmax(1), wanted.log_softmax(1), reduction="batchmean", log_target=True)
    apart = (features - wanted_features).square().sum(1) / wanted_features.square().sum(1).clamp_min(1e-12)
    return divergence + weight * apart.mean()


def rate_at(step: int, steps: int) -> float:
    """The share of the learning rate at `step` of `steps`: up over the first 5 %, and a cosine down to near 0."""
    return min(1.0, (step + 1) / (WARM_UP * steps + 1)) * 0.5 * (1.0 + math.cos(math.pi * step / steps))


class _Run:
    """The state that moves: the student, its average, the optimiser."""

    def __init__(
        self,
        plan: StudentPlan,
        data: LabelledImages,
        teacher: ZooModel,
        device: torch.device,
        on_progress: Callable[[StudentProgress], None],
        should_stop: Callable[[], bool],
    ) -> None:
        self.plan, self.data, self.device = plan, data, device
        self.on_progress, self.should_stop = on_progress, should_stop
        self.fingerprint = json.dumps([plan.settings(), teacher.card.sha256, _digest(data)], sort_keys=True)
        teacher = teacher.on(device)
        shape = (teacher.task.shape[0], plan.views.side, plan.views.side)
        self.teacher = head_of(teacher.fast, shape)
        self.network: nn.Module = copy.deepcopy(teacher.plain).to(device).requires_grad_(True)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.student = head_of(self.network, shape)
        self.average = {name: value.clone() for name, value in self.network.state_dict().items()}
        decayed = [p for p in self.network.parameters() if p.dim() >= 2]
        plain = [p for p in self.network.parameters() if p.dim() < 2]
        self.optimiser = torch.optim.SGD(
            [{"params": decayed, "weight_decay": plan.weight_decay}, {"params": plain, "weight_decay": 0.0}],
            lr=plan.learning_rate,
            momentum=plan.momentum,
            nesterov=plan.momentum > 0,
        )

    def round(self, index: int, steps: range, spent: float) -> Round | None:
        """Some steps on photographs drawn without replacement (anew when all are used); None if it was stopped."""
        plan, data, began, total = self.plan, self.data, time.perf_counter(), 0.0
        generator = torch.Generator().manual_seed(plan.seed * 1_000_003 + index + 1)
        wanted = len(steps) * plan.batch_size
        order = torch.cat([torch.randperm(len(data), generator=generator) for _ in range(1 + wanted // len(data))])
        for number, step in enumerate(steps):
            if self.should_stop():
                return None
            chosen = order[number * plan.batch_size :][: plan.batch_size]
            x = plan.views(data.pixels, chosen, generator).to(self.device)
            total += self._step(step, x.contiguous(memory_format=torch.channels_last), generator)
            mean = total / (number + 1)
            if not math.isfinite(mean):
                raise InputError(f"the loss at step {step + 1} is no longer a number: lower the learning rate")
            self.on_progress(StudentProgress(step + 1, plan.steps, mean, spent + time.perf_counter() - began))
        return Round(mean, time.perf_counter() - began)

    def _step(self, step: int, x: Tensor, generator: torch.Generator) -> float:
        """One update of all weights and of their average; the loss."""
        plan = self.plan
        with torch.no_grad():
            features = self.teacher.features(x)
            wanted = self.teacher.linear(features), features
        risen = min(1.0, (step + 1) / (plan.rise * plan.steps + 1))
        radius = plan.epsilon * risen * uniform((len(x),), generator, x).sqrt()
        x_adv = self._attacked(x, radius, wanted, generator)
        self.student.features.train()
        loss = self._loss(x_adv, wanted)
        for group in self.optimiser.param_groups:
            group["lr"] = plan.learning_rate * rate_at(step, plan.steps)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        decay = min(plan.averaging, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                if value.is_floating_point():
                    self.average[name].lerp_(value, 1.0 - decay)
                else:
                    self.average[name].copy_(value)
        return float(loss.detach())

    def _attacked(self, x: Tensor, radius: Tensor, wanted: tuple[Tensor, Tensor], generator: torch.Generator) -> Tensor:
        """One step up the loss from a random point within the radii (B,), kept within them and in [0, 1]."""
        spread = radius.view(-1, 1, 1, 1)
        self.student.features.eval()
        start = (x + spread * random_in_ball(x, 1.0, "linf", generator)).clamp(0.0, 1.0).requires_grad_()
        (grad,) = torch.autograd.grad(self._loss(start, wanted), start)
        moved = start.detach() + STEP * spread * steepest_ascent_direction(grad, "linf")
        return (x + project(moved - x, radius, "linf")).clamp(0.0, 1.0)

    def _loss(self, x: Tensor, wanted: tuple[Tensor, Tensor]) -> Tensor:
        features = self.student.features(x)
        return answer_distance(self.student.linear(features), features, *wanted, self.plan.features)

    def averaged(self) -> nn.Module:
        """The network with the averaged weights, in eval mode."""
        network = copy.deepcopy(self.network)
        network.load_state_dict(self.average)
        return network.eval()

    def restore(self, folder: Path) -> list[Round]:
        """Load the checkpoint in `folder`, if any; returns the history so far."""
        state = read_checkpoint(folder, self.device)
        if state is None:
            return []
        if state["fingerprint"] != self.fingerprint:
            raise ConfigError(
                f"the checkpoint in {folder} belongs to another plan, teacher, or set of photographs: remove it"
            )
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.average = state["average"]
        return [Round(**past) for past in json.loads(state["history"])]

    def save(self, folder: Path, history: list[Round]) -> None:
        """Write the checkpoint of a finished round in one move, so that a kill leaves the old one or the new one."""
        state = {
            "fingerprint": self.fingerprint,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average,
            "history": json.dumps([asdict(past) for past in history]),
        }
        write_checkpoint(state, folder)


def _digest(data: LabelledImages) -> str:
    """A checksum of photographs in their order."""
    return hashlib.blake2b(data.pixels.numpy().tobytes(), digest_size=16).hexdigest()
