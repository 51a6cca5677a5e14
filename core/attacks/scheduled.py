"""The scheduled attack: falling steps that follow the gradient or retreat to the image, by a rule for each image."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from core.errors import ConfigError
from core.models.asking import CheckedNetwork, differentiating
from core.models.step_precision import stepping_alike
from core.models.written_steps import FEWEST, filled
from core.norms import precise, rmse, scaled
from core.progress import OnProgress, silent

Rule = Literal["bounded", "smallest", "better-than-random"]
RULES: tuple[Rule, ...] = ("bounded", "smallest", "better-than-random")

OnStep = Callable[[Tensor, Tensor], None]


@dataclass(frozen=True, slots=True)
class ScheduledAttackResult:
    """What a scheduled attack found.

    Attributes:
        delta: the change (B, C, H, W), in [0, 1] pixel units. Under "bounded" the last one; under the other rules the
            smallest that met the goal, zero where none did.
        first: the step (B,), int64, before which the goal was first met (0: the image meets it unchanged, `steps`: only
            after the last step); -1 where it never was. Such an image is censored: its distance is unknown, not zero.
        logits: of the last change (B, K); None where nothing was asked.
    """

    delta: Tensor
    first: Tensor
    logits: Tensor | None = None

    @property
    def reached(self) -> Tensor:
        """Whether each image (B,) met the goal at some step; under "bounded", whether it reached the ball's edge."""
        return self.first >= 0

    @property
    def distance(self) -> Tensor:
        """The RMSE (B,) of the smallest change that met the goal; infinite where the image is censored."""
        return torch.where(self.reached, rmse(self.delta), torch.inf)


@dataclass(frozen=True, slots=True)
class ScheduledAttack:
    """Steps of falling length, each along the gradient or back towards the image (Woods et al. 2019).

    As in the authors' code of arXiv:1906.02896. Step s of S has length (RMSE) `epsilon * overshoot * (S - s) / (S (S +
    1) / 2)`, so that all lengths add up to `epsilon * overshoot`. An image follows the gradient of the cross-entropy of
    its label until it meets the rule's goal, and retreats while it meets it:

    - "bounded": RMSE of at least `epsilon`;
    - "smallest": the label is no longer the prediction;
    - "better-than-random": the label's probability is at most 1/K.

    There is no random start and, as in the reference, no clamp: pixels leave [0, 1] unless `clamp` is on.

    Attributes:
        epsilon: RMSE, in [0, 1] pixel units: the ball of "bounded", the length of the path under the other rules, which
            must thus be far above the distances looked for.
        rule: what each image follows the gradient for.
        steps: gradient steps S.
        overshoot: length of the path over `epsilon`.
        momentum: share of the direction kept from step to step; helps at about 450 steps, hurts at about 45 (authors'
            comment).
        encourage: make the label more likely instead of less; the goals turn round likewise (prediction is the label,
            probability above 1/K).
        clamp: keep the changed images in [0, 1]. (Our addition.)
        skip: steps that are left out, from the first number to before the second; the others keep their numbers and
            lengths, and momentum passes over the gap. (Our addition.)

    Raises:
        ConfigError: a value out of range.
    """

    epsilon: float
    rule: Rule = "bounded"
    steps: int = 7
    overshoot: float = 1.0
    momentum: float = 0.0
    encourage: bool = False
    clamp: bool = False
    skip: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise ConfigError(f"rule must be one of {', '.join(RULES)}; got {self.rule!r}")
        if not 0 <= self.epsilon < float("inf") or self.steps < 1:
            raise ConfigError(f"need epsilon >= 0 and steps >= 1; got {self.epsilon} and {self.steps}")
        if not 0 < self.overshoot < float("inf") or not 0 <= self.momentum < 1:
            raise ConfigError(f"need overshoot > 0 and momentum in [0, 1); got {self.overshoot} and {self.momentum}")
        if not 0 <= self.skip[0] <= self.skip[1] <= self.steps:
            raise ConfigError(f"skip must lie within the {self.steps} steps; got {self.skip}")

    @differentiating
    def __call__(
        self,
        model: nn.Module,
        x: Tensor,
        labels: Tensor,
        *,
        encourage: Tensor | None = None,
        start: Tensor | None = None,
        on_step: OnStep | None = None,
        on_progress: OnProgress = silent,
    ) -> ScheduledAttackResult:
        """The change of each image and when it first met its goal.

        Args:
            model: as for `Pgd`; what it answers to an image hangs on no other image of a batch, nor on its place.
            x: as for `Pgd`.
            labels: the class made less likely (or more, with `encourage`), (B,), int64.
            encourage: a choice of its own for each image (B,), bool; None takes the setting.
            start: the change (B, C, H, W) to begin with instead of none. (Our addition.)
            on_step: called with the change (B, C, H, W) and its logits (B, K) before each step and after the last,
                S + 1 times, less the skipped; must not write to them. Under "bounded" it costs passes: an image that
                retreats needs none, and is left out of them where nobody looks.
            on_progress: called with steps done, and of how many, before each and after the last; may raise.

        Raises:
            ConfigError: a label of no class.
            InputError: pixels, or answers, that are no numbers.
        """
        alike = stepping_alike(model, x)
        few, fewest = (model, FEWEST) if alike is None else (alike, 1)
        few, model = CheckedNetwork(few, x, labels), CheckedNetwork(model, x, labels)
        x = precise(x.detach())
        momentum, best = torch.zeros_like(x), torch.zeros_like(x)
        delta = torch.zeros_like(x) if start is None else start.detach().clone()
        wanted = torch.full((len(x),), self.encourage, device=x.device) if encourage is None else encourage
        sign = torch.where(wanted, -1.0, 1.0).to(x.dtype)[:, None, None, None]
        first = torch.full((len(x),), -1, dtype=torch.int64, device=x.device)
        path = self.epsilon * self.overshoot / (self.steps * (self.steps + 1) / 2)
        for step in (*range(self.skip[0]), *range(self.skip[1], self.steps)):
            on_progress(step, self.steps)
            if self.rule == "bounded" and on_step is None:
                met = rmse(delta) >= self.epsilon
                grad = _gradients(few, x, delta, labels, ~met, fewest)
            else:
                delta.requires_grad_()
                logits = precise(model(x + delta))
                (grad,) = torch.autograd.grad(cross_entropy(logits, labels, reduction="sum"), delta)
                delta = delta.detach()
                if on_step is not None:
                    on_step(delta, logits.detach())
                met = self._met(logits.detach(), labels, delta, wanted)
            best, first = _keep(best, first, delta, met, step)
            direction = torch.where(met[:, None, None, None], -delta, sign * grad)
            direction = _unit(direction)
            if self.momentum > 0:
                momentum = self.momentum * momentum + (1 - self.momentum) * direction
                direction = momentum
            delta = delta + path * (self.steps - step) * direction
            if self.clamp:
                delta = (x + delta).clamp(0.0, 1.0) - x
        with torch.no_grad():
            logits = precise(model(x + delta))
        on_progress(self.steps, self.steps)
        if on_step is not None:
            on_step(delta, logits)
        met = self._met(logits, labels, delta, wanted)
        best, first = _keep(best, first, delta, met, self.steps)
        return ScheduledAttackResult(delta if self.rule == "bounded" else best, first, logits)

    def _met(self, logits: Tensor, labels: Tensor, delta: Tensor, wanted: Tensor) -> Tensor:
        """Whether each changed image (B,) meets the rule's goal; its label is to be `wanted` (B,) or not."""
        match self.rule:
            case "bounded":
                return rmse(delta) >= self.epsilon
            case "smallest":
                return (logits.argmax(1) == labels) == wanted
            case "better-than-random":
                likely = logits.softmax(1).gather(1, labels[:, None])[:, 0] > 1 / logits.shape[1]
                return likely == wanted


# The reference's uses of the attack; sizes are for CIFAR-10.
L2_TRAINING = ScheduledAttack(0.01)
L2_MIN_TRAINING = ScheduledAttack(0.1, "smallest")
ARA_ATTACK = ScheduledAttack(20.0, "smallest", steps=450, momentum=0.9)


def explanation(rho: float = 0.1) -> ScheduledAttack:
    """The attack whose result explains a class: it is encouraged within an RMSE of about `rho`.

    The path is five times as long, so that the search moves along the edge instead of stopping at first contact.
    """
    return ScheduledAttack(rho, steps=35, overshoot=5.0, encourage=True)


def _gradients(model: nn.Module, x: Tensor, delta: Tensor, labels: Tensor, wanted: Tensor, fewest: int) -> Tensor:
    """The gradients (B, C, H, W) of the cross-entropy of labels where they are wanted (B,); elsewhere zero, or not.

    A pass holds `fewest` images at least.
    """
    count = int(wanted.sum())
    grad = torch.zeros_like(delta)
    if count == 0:
        return grad
    asked = torch.argsort(wanted, descending=True, stable=True)[: max(count, fewest)].sort().values
    some = delta[asked].requires_grad_()
    logits = filled(precise(model(x[asked] + some)))
    of = torch.cat([labels[asked], labels.new_zeros(len(logits) - len(asked))])
    loss = cross_entropy(logits, of, reduction="sum")
    (grad[asked],) = torch.autograd.grad(loss, some)
    return grad


def _keep(best: Tensor, first: Tensor, delta: Tensor, met: Tensor, step: int) -> tuple[Tensor, Tensor]:
    """`best` and `first` after a look at `delta`, which is kept where it is the smallest so far to meet the goal."""
    better = met & ((first < 0) | (rmse(delta) < rmse(best)))
    first = torch.where(met & (first < 0), step, first)
    return torch.where(better[:, None, None, None], delta, best), first


def _unit(direction: Tensor) -> Tensor:
    """Each example over its RMSE; zero stays zero."""
    direction = scaled(direction)
    return direction / rmse(direction).clamp_min(torch.finfo(direction.dtype).tiny)[:, None, None, None]
