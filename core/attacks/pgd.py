"""Projected gradient descent: repeated steps up the loss of a label, or down it, kept inside a norm ball."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from core.attacks.attack import Attack, AttackRequest
from core.errors import ConfigError
from core.models.asking import CheckedNetwork, differentiating
from core.models.step_precision import takes_low_steps
from core.norms import Norm, check_norm, precise, project, random_in_ball, round_towards, steepest_ascent_direction


@dataclass(frozen=True, slots=True)
class Pgd:
    """PGD (Madry et al. 2018, arXiv:1706.06083, Sec. 2.1), on cross-entropy, clamped to [0, 1].

    Attributes:
        epsilon: radius of the ball in input units: 8 / 255 on images scaled to [0, 1].
        norm: "linf" or "l2".
        steps: gradient steps of each run.
        step_size: length of a step in `norm`; None takes 2.5 epsilon / steps.
        random_start: start at a random point of the ball instead of at the image.
        restarts: independent runs; for each image the one that ends with the largest loss is kept (`targeted`: with the
            smallest).
        stop_when_wrong: leave an image alone from the moment its prediction differs from its label. Accuracy under
            attack is then that of the worst iterate, and images already broken cost nothing more. Judged in float32,
            whatever the steps are taken in. (Our addition; off is the paper's form.)
        targeted: step down the loss, towards the label, instead of up. In L-infinity, without random start and with the
            step given, this is the iterated TGSM of Ross, Doshi-Velez 2018, arXiv:1711.09404.

    Raises:
        ConfigError: epsilon < 0, step_size <= 0, steps < 1, restarts < 1, restarts that would all be the same, or
            `stop_when_wrong` where the label is aimed at.
    """

    epsilon: float
    norm: Norm = "linf"
    steps: int = 20
    step_size: float | None = None
    random_start: bool = True
    restarts: int = 1
    stop_when_wrong: bool = False
    targeted: bool = False

    def __post_init__(self) -> None:
        check_norm(self.norm)
        if not 0 <= self.epsilon < float("inf") or self.steps < 1 or self.restarts < 1:
            raise ConfigError(f"need epsilon >= 0, steps >= 1, restarts >= 1; got {self}")
        if self.step_size is not None and self.step_size <= 0:
            raise ConfigError(f"step_size must be above 0; got {self.step_size}")
        if self.restarts > 1 and not self.random_start:
            raise ConfigError("restarts need random_start, or they would all be the same run")
        if self.targeted and self.stop_when_wrong:
            raise ConfigError("stop_when_wrong needs the right labels; a targeted attack gets the classes aimed at")

    @property
    def step(self) -> float:
        """The length of one step, in input units."""
        return 2.5 * self.epsilon / self.steps if self.step_size is None else self.step_size

    @differentiating
    def __call__(
        self,
        model: nn.Module,
        x: Tensor,
        labels: Tensor,
        generator: torch.Generator | None = None,
        shares: Tensor | None = None,
    ) -> Tensor:
        """Raise (or lower) the loss of `labels`; the result lies in [0, 1] and within epsilon of `x`.

        Args:
            model: images (B, C, H, W) to logits (B, K), in eval mode.
            x: clean images (B, C, H, W), float in [0, 1]; left unchanged.
            labels: class indices (B,), int64.
            generator: source of the random starts; needed when `random_start` is on.
            shares: what of epsilon and of the step's length each image gets (B,), in [0, 1]; None gives all of it.

        Raises:
            ConfigError: a random start without a generator, or a label of no class.
            InputError: pixels, or answers, that are no numbers.
        """
        model = CheckedNetwork(model, x, labels)
        return round_towards(self._worst(model, precise(x.detach()), labels, generator, shares), x)

    def _worst(
        self, model: nn.Module, x: Tensor, labels: Tensor, generator: torch.Generator | None, shares: Tensor | None
    ) -> Tensor:
        """The worst of the runs, for every image of the batch."""
        share = x.new_ones(len(x)) if shares is None else shares.to(x.dtype)
        if self.epsilon == 0:
            return x.clone()
        if self.random_start and generator is None:
            raise ConfigError("a random start needs a generator")
        best = x.clone()
        best_loss = x.new_full((len(x),), -torch.inf)
        active = torch.arange(len(x), device=x.device)
        for run in range(self.restarts):
            found = self._run(model, x[active], labels[active], share[active], generator)
            if self.restarts == 1:
                return found
            with torch.no_grad():
                logits = precise(model(found))
            loss = cross_entropy(logits, labels[active], reduction="none")
            loss = -loss if self.targeted else loss
            better = loss > best_loss[active]
            best[active[better]] = found[better]
            best_loss[active[better]] = loss[better]
            if self.stop_when_wrong:
                wrong = logits.argmax(1) != labels[active]
                best[active[wrong]] = found[wrong]
                active = active[~wrong]
            if len(active) == 0 or run == self.restarts - 1:
                break
        return best

    def _run(
        self, model: nn.Module, x: Tensor, labels: Tensor, share: Tensor, generator: torch.Generator | None
    ) -> Tensor:
        """One run from one start, for every image of the batch."""
        x_adv = x.clone()
        if self.random_start and generator is not None:
            offset = random_in_ball(x, self.epsilon, self.norm, generator)
            x_adv = (x + share.view(-1, 1, 1, 1) * offset).clamp(0.0, 1.0)
        result = x_adv
        active: Tensor | None = None  # indices still under attack; None while that is everyone
        judges_again = self.stop_when_wrong and takes_low_steps(model)
        for _ in range(self.steps):
            logits = model(x_adv.requires_grad_())
            right: Tensor | None = None  # who of the active goes on; None while that is all of them
            if self.stop_when_wrong:
                mask = logits.detach().argmax(1) == labels
                if judges_again:
                    mask = _right_in_float32(model, x_adv.detach(), labels, mask)
                if not bool(mask.all()):
                    right = mask.nonzero()[:, 0]
                    active = torch.arange(len(result), device=x.device) if active is None else active
                    result = result.detach().clone()
                    result[active] = x_adv.detach()
                    active = active[right]
                    x, labels, share = x[right], labels[right], share[right]
                    if len(active) == 0:
                        return result
            if right is not None and 2 * len(right) < len(
                mask
            ):  # a second pass of the few costs less than all the way back
                x_adv, right = x_adv.detach()[right].requires_grad_(), None
                logits = model(x_adv)
            loss = cross_entropy(precise(logits if right is None else logits[right]), labels, reduction="sum")
            (grad,) = torch.autograd.grad(loss, x_adv)  # parameter .grad stays untouched
            x_adv = x_adv.detach()
            if right is not None:
                grad, x_adv = grad[right], x_adv[right]
            grad = -grad if self.targeted else grad
            delta = x_adv + self.step * share.view(-1, 1, 1, 1) * steepest_ascent_direction(grad, self.norm) - x
            x_adv = (x + project(delta, self.epsilon * share, self.norm)).clamp(0.0, 1.0)
        if active is None:
            return x_adv
        result[active] = x_adv
        return result


def _right_in_float32(model: nn.Module, x_adv: Tensor, labels: Tensor, right: Tensor) -> Tensor:
    """Who is right (B,), where those that are wrong in the precision of the steps are asked once more."""
    fallen = (~right).nonzero()[:, 0]
    if len(fallen) == 0:
        return right
    with torch.no_grad():
        answers = model(x_adv[fallen]).argmax(1)
    return right.index_put((fallen,), answers == labels[fallen])


def _pgd(ask: AttackRequest) -> Tensor:
    attack = Pgd(ask.epsilon, steps=ask.steps, random_start=ask.generator is not None)
    return attack(ask.model, ask.x, ask.labels, ask.generator)


def _iterated_tgsm(ask: AttackRequest) -> Tensor:
    attack = Pgd(ask.epsilon, steps=ask.steps, step_size=ask.epsilon / ask.steps, random_start=False, targeted=True)
    return attack(ask.model, ask.x, ask.labels)


PGD_ATTACK = Attack(
    "pgd",
    "PGD",
    "Madry et al. 2018, arXiv:1706.06083, Sec. 2.1",
    _pgd,
    iterates=True,
    draws=True,
)

ITERATED_TGSM_ATTACK = Attack(
    "iterated-tgsm",
    "iterated TGSM",
    "Ross, Doshi-Velez 2018, arXiv:1711.09404",
    _iterated_tgsm,
    aims=True,
    iterates=True,
)
