"""The plan of a generator's training: how codes and pictures become a loss, and for how long."""

from dataclasses import asdict, dataclass, field, replace
from typing import Literal

from core.data.tasks import task_named
from core.errors import ConfigError
from core.latent.network import AutoencoderConfig

MAX_STEPS = 1_000_000
PACKAGED = "efficientnet-lite0"
"""The frozen network of `AutoencoderRecipe.classifier` that is none of the task's own."""


@dataclass(frozen=True, slots=True)
class AutoencoderRecipe:
    """What a generator is asked for, as weights of the terms of one loss; 0 leaves a term out.

    The plain conditional VAE (Kingma, Welling 2014, arXiv:1312.6114; Sohn et al. 2015) has `features`, `critic` and
    `agreement` at 0. With them it becomes a VAE/GAN (Larsen et al. 2016, arXiv:1512.09300) whose perceptual space is a
    frozen robust classifier instead of the critic's own, and whose critic reads that classifier's features, too.

    Attributes:
        deviation: s, of a pixel under the decoder's Gaussian; the pixel term is the squared error over 2 s^2.
        divergence: weight of KL(q(z | x, y) || N(0, I)); 1 is the evidence bound.
        features: weight of `core.latent.perceptual.feature_distance`.
        critic: weight of the critic's approval, of reconstructions and of samples from the prior alike.
        agreement: weight of the frozen classifier's cross-entropy on samples from the prior.
        polish: the same in a plan's last steps, its polish. Late and strong, it moves samples that lie between classes
            and leaves the others their variety.
        polish_deviation: s in the polish.
        samples: whether pictures of codes from N(0, I) are made and judged, too, before the polish. Where the
            divergence is so low that codes are not like N(0, I), they show nothing: a flow learns what codes are like,
            and the polish is of samples that come through it.
        classifier: the frozen classifier: a zoo key, or `PACKAGED`, EfficientNet-Lite0 with a last layer of its own.
            The judges of what comes out must be others.

    Raises:
        ConfigError: a weight below 0, a deviation not above 0, or agreement on samples that are not made.
    """

    deviation: float = 0.1
    divergence: float = 1.0
    features: float = 0.0
    critic: float = 0.0
    agreement: float = 0.0
    polish: float = 0.0
    polish_deviation: float = 0.1
    samples: bool = True
    classifier: str = "pgd-l2"

    def __post_init__(self) -> None:
        weights = (self.divergence, self.features, self.critic, self.agreement, self.polish)
        if min(self.deviation, self.polish_deviation) <= 0 or min(weights) < 0:
            raise ConfigError(f"need deviations > 0 and no weight below 0; got {self}")
        if not self.samples and self.agreement:
            raise ConfigError("the agreement is about samples; without samples it must be 0")

    @property
    def looks(self) -> bool:
        """Whether the frozen classifier is ever looked through."""
        return bool(self.features or self.critic or self.agreement or self.polish)

    def describe(self) -> str:
        """The recipe in one line, with its formula, for cards."""
        other = self.polish and self.polish_deviation != self.deviation
        closer = f" (in the polish {self.polish_deviation:g}^2)" if other else ""
        terms = [f"|x - G(E(x))|^2 / 2 {self.deviation:g}^2{closer} + {self.divergence:g} KL, per pixel"]
        if self.features:
            terms.append(f"{self.features:g} d_features(x, G(E(x)))")
        if self.critic:
            also = " and G(z)" if self.samples else " and, in the polish, G(z)" if self.polish else ""
            terms.append(f"{self.critic:g} hinge critic on G(E(x)){also}")
        if self.agreement:
            last = f" (in the polish {self.polish:g})" if self.polish else ""
            terms.append(f"{self.agreement:g}{last} CE(f(G(z)), y)")
        elif self.polish:
            terms.append(f"in the polish {self.polish:g} CE(f(G(z)), y)")
        kind = (
            "conditional VAE" if len(terms) == 1 else f"conditional VAE/GAN, f and its features from {self.classifier}"
        )
        return f"{kind}: min {' + '.join(terms)}"


@dataclass(frozen=True, slots=True)
class AutoencoderPlan:
    """Everything that decides a generator's weights.

    Attributes:
        task: key of the task.
        recipe: the loss.
        network: the architecture.
        steps: updates, but for the polish.
        polish: updates after those, at a constant and lower rate, with the recipe's last agreement and deviation.
            Where there is a flow, they come after it and are of the decoder alone, as the flow knows these codes.
        flow_steps: updates of the flow, after the steps; 0 where the network has none.
        warm_up: updates before critic and agreement come in.
        batch_size: real pictures a step. The first half of them is reconstructed; for the labels of the second half
            codes are drawn from the prior.
        learning_rate: of Adam, for encoder and decoder; it falls to 0 over the last part (see `rate_at`).
        critic_rate: the same for the critic.
        critic_width: channels of the critic's heads.
        averaging: decay of the exponential average of the weights, which is what ships.
        flip: whether pictures are mirrored at random.
        precision: "bf16" (autocast, where the device computes in it) or "fp32".
        seed: of initial weights, order, codes and noise.
        images: train on the first so many images of `train` only; None takes all.

    Raises:
        ConfigError: a value out of range.
    """

    task: str
    recipe: AutoencoderRecipe
    network: AutoencoderConfig
    steps: int
    polish: int = 0
    flow_steps: int = 0
    warm_up: int = 0
    batch_size: int = 64
    learning_rate: float = 1e-3
    critic_rate: float = 1e-3
    critic_width: int = 64
    averaging: float = 0.998
    flip: bool = False
    precision: Literal["bf16", "fp32"] = "bf16"
    seed: int = 0
    images: int | None = field(default=None)

    def __post_init__(self) -> None:
        task = task_named(self.task)
        if not 1 <= self.steps <= MAX_STEPS or not 0 <= self.warm_up <= self.steps:
            raise ConfigError(
                f"need steps in 1..{MAX_STEPS:,} and warm_up in 0..steps; got {self.steps}, {self.warm_up}"
            )
        if not 0 <= self.polish <= MAX_STEPS:
            raise ConfigError(f"polish must lie in 0..{MAX_STEPS:,}; got {self.polish}")
        if not 0 <= self.flow_steps <= MAX_STEPS or bool(self.flow_steps) != bool(self.network.flow):
            raise ConfigError(f"a flow needs flow_steps in 1..{MAX_STEPS:,}, and none of them where there is no flow")
        if self.polish and not self.recipe.samples and not self.network.flow:
            raise ConfigError("a polish is of samples; without them, it needs a flow")
        if self.batch_size < 2 or self.batch_size % 2 or self.critic_width < 1:
            raise ConfigError(
                f"need an even batch_size and critic_width >= 1; got {self.batch_size}, {self.critic_width}"
            )
        if not 0 < self.learning_rate <= 1 or not 0 < self.critic_rate <= 1 or not 0 <= self.averaging < 1:
            raise ConfigError(
                "need learning_rate and critic_rate in (0, 1] and averaging in [0, 1); "
                f"got {self.learning_rate}, {self.critic_rate}, {self.averaging}"
            )
        if self.precision not in ("bf16", "fp32"):
            raise ConfigError(f"precision must be bf16 or fp32; got {self.precision!r}")
        if self.images is not None and self.images < self.batch_size:
            raise ConfigError(f"images must be at least batch_size ({self.batch_size}); got {self.images}")
        if self.network.classes != task.classes or self.network.shape != task.shape:
            raise ConfigError(f"the network's classes and shape must be those of {task.key}")
        if not 0 <= self.seed < 2**31:
            raise ConfigError(f"seed must lie in 0..2^31-1; got {self.seed}")

    @property
    def total(self) -> int:
        """All updates of encoder and decoder, the polish among them."""
        return self.steps + self.polish

    @property
    def updates(self) -> int:
        """Those, and the flow's."""
        return self.total + self.flow_steps

    def recipe_at(self, step: int) -> AutoencoderRecipe:
        """The loss at a step, counted from 0."""
        recipe = self.recipe
        if step < self.steps:
            return recipe
        return replace(recipe, agreement=recipe.polish, deviation=recipe.polish_deviation, samples=True)

    def settings(self) -> dict[str, object]:
        """The plan as nested plain values, for cards and for comparing a checkpoint with the plan that resumes it."""
        return asdict(self)
