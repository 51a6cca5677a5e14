"""The Lipschitz-inspired penalty: small input gradients of logits, as strong as the training loss allows."""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from core.attacks.scheduled import L2_MIN_TRAINING, L2_TRAINING, ScheduledAttack
from core.data.tasks import Task
from core.draws import integers, uniform
from core.errors import ConfigError
from core.models.fast import fast_form
from core.models.resnet import PreActResNet
from core.training.recipes.base import Batch, Recipe
from core.training.recipes.entry import RecipeEntry
from core.training.recipes.settings import words

INTEGRAL = "integral"  # the controller's I in a recipe's state


@dataclass(frozen=True, slots=True)
class PsiController:
    """The weight psi of the penalty, raised while the training loss is below its target (Woods et al. 2019, as coded).

    After a batch of mean cross-entropy L, `I <- max(0, I + clip(-ln(L / target), -worse, better))` and
    `psi = start * exp(growth * I)`: psi rises fast while there is loss to spare and falls slowly when there is none.

    Attributes:
        target: the training loss aimed at, in nats; below ln K, which a network that ignores its input reaches.
        start: psi at I = 0.
        growth: the exponent per unit of I (the authors' help text writes ln 0.02; their code uses 0.02).
        better: the largest rise of I in a step.
        worse: the largest fall of I in a step.

    Raises:
        ConfigError: a value out of range.
    """

    target: float = field(
        default=1.5,
        metadata=words("Loss aimed at", "The penalty grows while the training loss is below this, in nats."),
    )
    start: float = field(
        default=220.0, metadata=words("Penalty at the start", "The weight ψ of the penalty before it is steered.")
    )
    growth: float = 0.02
    better: float = 1.0
    worse: float = 0.01

    def __post_init__(self) -> None:
        if not all(0 < value < math.inf for value in (self.target, self.start, self.growth, self.better, self.worse)):
            raise ConfigError(f"target, start, growth, better and worse must be above 0; got {self}")

    def step(self, integral: float, loss: float) -> float:
        """The next I after a batch of mean cross-entropy `loss`; unchanged where the loss is no number."""
        if not math.isfinite(loss):
            return integral
        surplus = -math.log(max(loss, 1e-30) / self.target)
        return max(0.0, integral + min(max(surplus, -self.worse), self.better))

    def psi(self, integral: float) -> float:
        """The weight of the penalty at I = `integral`; where it would overflow, a size at which training stops."""
        return self.start * math.exp(min(self.growth * integral, 80.0))


@dataclass(frozen=True, slots=True)
class Lipschitz(Recipe):
    """Cross-entropy plus psi times the mean squared input gradient of one logit an image.

    Woods, Chen, Teuscher 2019, arXiv:1906.02896 (authors' code), with z = 2: for each image the penalised scalar is a
    logit drawn at random or, with probability `zeta`, the margin `f_y - max_{j != y} f_j` ("tandem"). The mean runs
    over batch, channels and pixels. Psi is set by the controller, which sees the batch's cross-entropy before the
    penalty is weighed; its state goes into the checkpoint. Meant for networks with the "hhrelu" activation. Computed in
    float32, as `DoubleBackprop` is; the attack keeps the plan's precision. Attacks run on the fast form (the authors
    attack in train mode).

    Attributes:
        controller: what sets psi.
        zeta: the probability of the tandem form.
        attack: makes the images that the loss and the penalty are taken on; None for clean ones.
        share: the probability that an image is attacked: 1 for all of them, 0.5 for the authors' half and half.

    Raises:
        ConfigError: zeta or share outside [0, 1], or an attack that makes labels likelier.
    """

    controller: PsiController = PsiController()
    zeta: float = field(
        default=0.2,
        metadata=words("Share of margins ζ", "How often the penalty is on the label's margin, not on one score."),
    )
    attack: ScheduledAttack | None = None
    share: float = field(
        default=1.0,
        metadata=words("Share attacked", "The share of pictures that are attacked before they are learned."),
    )

    def __post_init__(self) -> None:
        if not 0 <= self.zeta <= 1 or not 0 <= self.share <= 1:
            raise ConfigError(f"zeta and share must lie in [0, 1]; got {self.zeta} and {self.share}")
        if self.attack is not None and self.attack.encourage:
            raise ConfigError("training needs an attack that makes the label less likely; got encourage")

    def check(self, task: Task) -> None:
        """Refuse a loss target that a network reaches by ignoring its input: psi would grow without bound."""
        if self.controller.target >= math.log(task.classes):
            raise ConfigError(
                f"target must be below the loss of guessing, ln {task.classes} = {math.log(task.classes):.2f}; "
                f"got {self.controller.target:g}"
            )

    def describe(self) -> str:
        """The recipe in one line."""
        images = ""
        if self.attack is not None:
            a = self.attack
            share = "" if self.share == 1 else f"{self.share:.0%} of "
            images = f", {share}images attacked ({a.rule}, RMSE {a.epsilon:g}, {a.steps} steps)"
        return (
            "Lipschitz-inspired penalty: min E[ CE(f(x), y) + psi mean |grad_x g(x)|^2 ], g a random logit, "
            f"with probability {self.zeta:g} the margin; "
            f"psi holds the training loss at {self.controller.target:g}{images}"
        )

    def loss(self, model: PreActResNet, batch: Batch) -> Tensor:
        """Mean cross-entropy plus the weighted penalty; moves the controller's state in `batch.state` one step on."""
        x = batch.x if self.attack is None else self._attacked(self.attack, model, batch)
        with torch.autocast(batch.x.device.type, enabled=False):
            x = x.detach().requires_grad_()
            logits = model(x)
            clean = cross_entropy(logits, batch.labels)
            integral = self.controller.step(batch.state.get(INTEGRAL, 0.0), clean.item())
            batch.state[INTEGRAL] = integral
            chosen = scalar_outputs(logits, batch.labels, self.zeta, batch.generator)
            return clean + self.controller.psi(integral) * mean_squared_gradient(chosen, x)

    def _attacked(self, attack: ScheduledAttack, model: PreActResNet, batch: Batch) -> Tensor:
        """The images of the batch, each attacked with probability `share`."""
        chosen = uniform((len(batch.x),), batch.generator, batch.x) < self.share
        x = batch.x.clone()
        if bool(chosen.any()):
            x[chosen] += attack(fast_form(model), x[chosen], batch.labels[chosen]).delta
        return x


def scalar_outputs(logits: Tensor, labels: Tensor, zeta: float, generator: torch.Generator) -> Tensor:
    """One number an example (B,): a random logit or, with probability `zeta`, the label's margin over the others.

    Args:
        logits: (B, K), K at least 2.
        labels: class indices (B,), int64.
        zeta: the probability of the margin.
        generator: source of both draws.
    """
    count, classes = logits.shape
    tandem = uniform((count,), generator, logits, torch.float32) < zeta
    index = integers(classes, (count, 1), generator, logits)
    others = logits.scatter(1, labels[:, None], -torch.inf)
    margin = logits.gather(1, labels[:, None])[:, 0] - others.amax(1)
    return torch.where(tandem, margin, logits.gather(1, index)[:, 0])


def mean_squared_gradient(values: Tensor, x: Tensor) -> Tensor:
    """The mean over batch, channels and pixels of `(d values_n / d x_n)^2`; attached to the graph.

    Args:
        values: one value an example (B,), computed from `x`.
        x: images (B, C, H, W) that require a gradient.
    """
    (grad,) = torch.autograd.grad(values.sum(), x, create_graph=True)
    return grad.square().mean()


_SOURCE = "Woods, Chen, Teuscher 2019, arXiv:1906.02896"


def _controller(task: Task) -> PsiController:
    """The authors' loss target for ten classes, and the same share of the loss of guessing for others."""
    return PsiController(target=1.5 * math.log(task.classes) / math.log(10))


LIPSCHITZ_RECIPE = RecipeEntry(
    "lipschitz",
    "Lipschitz",
    "Lipschitz-inspired",
    "Keeps the scores of all classes from changing quickly with the picture, as far as its loss allows.",
    _SOURCE,
    lambda task: Lipschitz(_controller(task)),
    activation="hhrelu",
    colour="#287070",
)

LIPSCHITZ_L2_RECIPE = RecipeEntry(
    "lipschitz-l2",
    "lipschitz-l2",
    "Lipschitz-inspired, L2 attacks",
    "The same on pictures that are all moved a short way against the network.",
    _SOURCE,
    lambda task: Lipschitz(_controller(task), attack=L2_TRAINING),
    activation="hhrelu",
)

LIPSCHITZ_ALL_RECIPE = RecipeEntry(
    "lipschitz-all",
    "Lipschitz, all",
    "Lipschitz-inspired, all additions",
    "The same with half of the pictures moved just far enough to be mistaken.",
    _SOURCE,
    lambda task: Lipschitz(_controller(task), attack=L2_MIN_TRAINING, share=0.5),
    activation="hhrelu",
    colour="#1058E8",
)
