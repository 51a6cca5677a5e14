"""The training loop of generators: resumable after each round to the same weights."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from core.data.datasets import LabelledImages
from core.devices import CPU, bfloat16
from core.errors import ConfigError, InputError
from core.latent.network import AutoencoderNetwork
from core.latent.prior import FlowPrior
from core.training.augment import Augmentation
from core.training.autoencoder.critic import Critic, critic_loss
from core.training.autoencoder.eyes import Eyes
from core.training.autoencoder.loss import Pictures, autoencoder_losses, make_pictures
from core.training.autoencoder.plan import AutoencoderPlan
from core.training.autoencoder.prior import encoded, fit_flow
from core.training.checkpoint import read_checkpoint, write_checkpoint
from core.training.moving import follow, order_of, state_of

ROUND = 100  # steps between checkpoints
DECLINE = 0.4  # share of the steps over which the learning rates fall to 0
POLISH = 0.3  # share of the learning rates in the polish
MOMENTS = (0.5, 0.99)  # of Adam


@dataclass(frozen=True, slots=True)
class AutoencoderProgress:
    """Where a run stands: steps done and of how many, mean losses of this round by name, seconds so far."""

    step: int
    steps: int
    losses: Mapping[str, float]
    seconds: float


@dataclass(frozen=True, slots=True)
class Round:
    """What one round of steps measured: mean losses by name, seconds."""

    losses: Mapping[str, float]
    seconds: float


@dataclass(frozen=True, slots=True)
class TrainedAutoencoder:
    """The outcome of a run: the averaged network (in eval mode), its history, and whether all steps were done."""

    network: AutoencoderNetwork
    history: tuple[Round, ...]
    finished: bool

    @property
    def seconds(self) -> float:
        """Training time of all rounds, in seconds."""
        return sum(past.seconds for past in self.history)

    def course(self, device: torch.device) -> dict[str, object]:
        """Cost and course of the run as a card states them."""
        return {
            "seconds": round(self.seconds, 1),
            "threads": torch.get_num_threads(),
            "device": str(device),
            "steps_a_round": ROUND,
            "losses": [{name: round(value, 4) for name, value in past.losses.items()} for past in self.history],
            "torch": torch.__version__,
        }


def train_autoencoder(
    plan: AutoencoderPlan,
    data: LabelledImages,
    eyes: Eyes,
    folder: Path,
    on_progress: Callable[[AutoencoderProgress], None] = lambda progress: None,
    should_stop: Callable[[], bool] = lambda: False,
    device: torch.device = CPU,
) -> TrainedAutoencoder:
    """Train as the plan says, going on from the checkpoint in `folder` where there is one.

    Everything random in a round is drawn from a generator seeded by (seed, round), so that a killed run that is started
    again ends with the weights of an uninterrupted one (same machine, same number of threads, CPU).

    Args:
        plan: what to train.
        data: the images to learn from.
        eyes: the network that `plan.recipe.classifier` names, on `device`.
        folder: where the checkpoint lives; created.
        on_progress: called after each step.
        should_stop: asked before each step; True ends the run, and at most the round begun is lost.
        device: where to compute.

    Raises:
        ConfigError: fewer images than one batch, or a checkpoint in `folder` of another plan or network to learn with.
        InputError: `folder` can't be written, or a loss is no longer a number.
    """
    data = data if plan.images is None else data.first(plan.images)
    if len(data) < plan.batch_size:
        raise ConfigError(f"{len(data)} training images are fewer than one batch of {plan.batch_size}")
    run = _Run(plan, eyes, device, on_progress, should_stop)
    history = run.restore(folder)
    rounds = _rounds(plan)
    for index in range(len(history), len(rounds)):
        steps, spent = rounds[index], sum(past.seconds for past in history)
        done = run.flow(data, spent) if steps is None else run.round(index, steps, data, spent)
        if done is None:
            return TrainedAutoencoder(run.averaged(), tuple(history), finished=False)
        history.append(done)
        run.save(folder, history)
    return TrainedAutoencoder(run.averaged(), tuple(history), finished=True)


def _rounds(plan: AutoencoderPlan) -> list[range | None]:
    """The steps of each round in turn; None for the fit of the flow, which stands between the steps and the polish."""

    def rounds(first: int, last: int) -> list[range | None]:
        return [range(at, min(at + ROUND, last)) for at in range(first, last, ROUND)]

    if not plan.flow_steps:
        return rounds(0, plan.total)
    return [*rounds(0, plan.steps), None, *rounds(plan.steps, plan.total)]


def rate_at(step: int, steps: int) -> float:
    """The share of a learning rate at `step` of `steps`: 1, down to near 0 over the last 40 %, 0.3 in the polish."""
    return POLISH if step >= steps else min(1.0, (steps - step) / (DECLINE * steps))


class _Opponent:
    """A critic with its optimiser."""

    def __init__(
        self, plan: AutoencoderPlan, widths: tuple[int, ...], generator: torch.Generator, device: torch.device
    ) -> None:
        self.critic = Critic(plan.network.shape, widths, plan.network.classes, plan.critic_width, generator).to(device)
        self.critic.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.rate = plan.critic_rate
        self.optimiser = torch.optim.Adam(self.critic.parameters(), plan.critic_rate, MOMENTS)

    def learn(self, made: Pictures, rate: float) -> Tensor:
        """One update, at `rate` times the learning rate, on real pictures and on fakes cut from the graph; the loss."""
        self.critic.requires_grad_(True)
        real = self.critic(made.x, made.real_features, made.labels)
        fake = self.critic(made.fakes.detach(), [h.detach() for h in made.fake_features], made.labels)
        loss = critic_loss(real, fake)
        _update(self.optimiser, loss, rate * self.rate)
        self.critic.requires_grad_(False)
        return loss.detach()


class _Run:
    """The state that moves: networks, the generator's average, the optimisers."""

    def __init__(
        self,
        plan: AutoencoderPlan,
        eyes: Eyes,
        device: torch.device,
        on_progress: Callable[[AutoencoderProgress], None],
        should_stop: Callable[[], bool],
    ) -> None:
        self.plan, self.device = plan, device
        self.on_progress, self.should_stop = on_progress, should_stop
        self.fingerprint = json.dumps([plan.settings(), eyes.sha256], sort_keys=True)
        self.classifier = eyes.network
        generator = torch.Generator().manual_seed(plan.seed)
        self.network = AutoencoderNetwork(replace(plan.network, flow=0), generator).to(device)  # its flow comes later
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = state_of(self.network)
        self.optimiser = torch.optim.Adam(self.network.parameters(), plan.learning_rate, MOMENTS)
        self.opponent = _Opponent(plan, eyes.network.widths, generator, device) if plan.recipe.critic else None

    def round(self, index: int, steps: range, data: LabelledImages, spent: float) -> Round | None:
        """Some steps on images drawn without replacement (anew when all are used); None if it was stopped."""
        plan, began = self.plan, time.perf_counter()
        generator = torch.Generator().manual_seed(plan.seed * 1_000_003 + index + 1)
        noise = torch.Generator().manual_seed(plan.seed * 1_000_003 + index + 1)
        augmentation = Augmentation(padding=0, flip=plan.flip)
        order = order_of(len(data), ROUND * plan.batch_size, generator)
        totals: dict[str, float] = {}
        before = 0 if self.network.prior is None else plan.flow_steps
        for number, step in enumerate(steps):
            if self.should_stop():
                return None
            chosen = order[number * plan.batch_size :][: plan.batch_size]
            x = augmentation(data.pixels[chosen].float() / 255.0, generator)
            x = x.to(self.device).contiguous(memory_format=torch.channels_last)
            losses = self._step(step, x, data.labels[chosen].to(self.device), noise)
            for name, value in losses.items():
                totals[name] = totals.get(name, 0.0) + float(value)
            means = {name: total / (number + 1) for name, total in totals.items()}
            if not torch.tensor(list(means.values())).isfinite().all():
                raise InputError(f"a loss at step {step + 1} is no longer a number: lower the learning rates")
            seconds = spent + time.perf_counter() - began
            self.on_progress(AutoencoderProgress(before + step + 1, plan.updates, means, seconds))
        return Round(means, time.perf_counter() - began)

    def flow(self, data: LabelledImages, spent: float) -> Round | None:
        """Fit the flow to the codes of the averaged network, which is gone on with; None if it was stopped."""
        plan, began = self.plan, time.perf_counter()
        losses: list[float] = []

        def on_step(loss: float) -> None:
            losses.append(loss)
            recent = losses[-ROUND:]
            told = {"flow": sum(recent) / len(recent)}
            seconds = spent + time.perf_counter() - began
            self.on_progress(AutoencoderProgress(plan.steps + len(losses), plan.updates, told, seconds))

        self.network.load_state_dict(self.average)
        prior = FlowPrior(plan.network.latent, plan.network.classes, plan.network.flow).to(self.device)
        codes = encoded(self.network, data.on(self.device), plan.flip)
        if not fit_flow(prior, codes, plan.flow_steps, plan.seed, on_step, self.should_stop):
            return None
        self._follow(prior)
        self.average = state_of(self.network)
        last = losses[-max(1, len(losses) // 10) :]
        return Round({"flow": sum(last) / len(last)}, time.perf_counter() - began)

    def _follow(self, prior: FlowPrior) -> None:
        """Take samples through a flow from now on; with it, and with the codes that it knows, nothing else moves."""
        self.network.prior = prior.requires_grad_(False)
        self.network.encoder.requires_grad_(False)
        self.optimiser = torch.optim.Adam(self.network.decoder.parameters(), self.plan.learning_rate, MOMENTS)

    def _step(self, step: int, x: Tensor, labels: Tensor, noise: torch.Generator) -> dict[str, Tensor]:
        """One update of all weights; the losses by name, detached."""
        recipe = self.plan.recipe_at(step)
        opposed = step >= self.plan.warm_up and bool(recipe.critic or recipe.agreement)
        looks = opposed or bool(recipe.features)
        rate = rate_at(step, self.plan.steps)
        found: dict[str, Tensor] = {}
        with bfloat16(self.device, self.plan.precision == "bf16"):
            samples = opposed and recipe.samples
            made = make_pictures(self.network, self.classifier, x, labels, noise, samples, looks)
            if opposed and self.opponent is not None:
                found["critic"] = self.opponent.learn(made, rate)
            critic = None if self.opponent is None else self.opponent.critic
            terms = autoencoder_losses(recipe, made, self.classifier, critic, opposed)
        _update(self.optimiser, torch.stack(list(terms.values())).sum(), rate * self.plan.learning_rate)
        decay = min(self.plan.averaging, (1 + step) / (10 + step))
        follow(self.average, self.network, decay)
        return found | {name: value.detach() for name, value in terms.items()}

    def averaged(self) -> AutoencoderNetwork:
        """A network with the averaged weights, in eval mode."""
        network = AutoencoderNetwork(self.plan.network)
        learned = {name: value.cpu() for name, value in self.average.items()}
        network.load_state_dict(learned, strict=self.network.prior is not None or network.prior is None)
        return network.eval()

    def restore(self, folder: Path) -> list[Round]:
        """Load the checkpoint in `folder`, if any; returns the history so far."""
        state = read_checkpoint(folder, self.device)
        if state is None:
            return []
        if state["fingerprint"] != self.fingerprint:
            raise ConfigError(f"the checkpoint in {folder} belongs to another plan or classifier: remove it")
        if any(name.startswith("prior.") for name in state["network"]):
            network = self.plan.network
            self._follow(FlowPrior(network.latent, network.classes, network.flow).to(self.device))
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.opponent is not None:
            self.opponent.critic.load_state_dict(state["critic"])
            self.opponent.optimiser.load_state_dict(state["critic_optimiser"])
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
        if self.opponent is not None:
            state["critic"] = self.opponent.critic.state_dict()
            state["critic_optimiser"] = self.opponent.optimiser.state_dict()
        write_checkpoint(state, folder)


def _update(optimiser: torch.optim.Optimizer, loss: Tensor, rate: float) -> None:
    """One step downhill at a learning rate."""
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()
