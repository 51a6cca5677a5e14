"""The plan of a student's training: how answers of the teacher become a loss, and for how long."""

from dataclasses import asdict, dataclass, field

from core.data.tasks import task_named
from core.errors import ConfigError
from core.training.student.views import Views

MAX_STEPS = 1_000_000


@dataclass(frozen=True, slots=True)
class StudentPlan:
    """Everything that, with the photographs, decides a student's weights.

    Adversarial fine-tuning without labels, in which a network that starts as its teacher learns to give the teacher's
    clean answers on attacked pictures: the features as in Schlarmann et al. 2024 (arXiv:2402.12336, Sec. 3.2), whose
    distance is here that of features over the teacher's length, and the probabilities as in Goldblum et al. 2020
    (arXiv:1905.09747, Sec. 4), here without their term of labels and at temperature 1. The attack is one step up that
    same loss from a random start (Wong et al. 2020, arXiv:2001.03994); both learn from few pictures what others learn
    from a million, so a small radius is what can be had.

    Attributes:
        task: the task's key.
        key: the student's name in the zoo.
        teacher: that of its teacher, from whose weights it starts.
        steps: updates.
        epsilon: the largest radius in L-infinity, in [0, 1] pixel units; each view gets one of its own, sqrt(U) of it.
        rise: share of the steps over which the largest radius rises from 0.
        features: weight of the distance between features, beside the divergence of the probabilities.
        views: what it is shown.
        batch_size: views a step.
        learning_rate: of SGD with Nesterov's momentum, at its largest; it rises over the first 5 % of the steps and
            falls to 0 as a cosine.
        momentum: of SGD.
        weight_decay: on weights of two dimensions or more.
        averaging: decay a step of the exponential moving average of the weights, which is what ships.
        seed: of order, views and attack starts.
        images: learn from the first so many photographs only; None takes all.

    Raises:
        ConfigError: a value out of range.
    """

    task: str
    key: str
    teacher: str
    steps: int
    epsilon: float
    rise: float = 0.3
    features: float = 3.0
    views: Views = field(default_factory=Views)
    batch_size: int = 64
    learning_rate: float = 0.05
    momentum: float = 0.9
    weight_decay: float = 1e-4
    averaging: float = 0.998
    seed: int = 0
    images: int | None = None

    def __post_init__(self) -> None:
        task_named(self.task)
        if not 1 <= self.steps <= MAX_STEPS or self.batch_size < 2:
            raise ConfigError(
                f"need steps in 1..{MAX_STEPS:,} and batch_size >= 2; got {self.steps} and {self.batch_size}"
            )
        if not 0 <= self.epsilon < 1 or not 0 <= self.rise <= 1 or self.features < 0:
            raise ConfigError(
                f"need epsilon in [0, 1), rise in [0, 1], features >= 0; "
                f"got {self.epsilon}, {self.rise}, {self.features}"
            )
        if not 0 < self.learning_rate <= 10 or not 0 <= self.momentum < 1 or self.weight_decay < 0:
            raise ConfigError(
                "need learning_rate in (0, 10], momentum in [0, 1), weight_decay >= 0; "
                f"got {self.learning_rate}, {self.momentum}, {self.weight_decay}"
            )
        if not 0 <= self.averaging < 1 or not 0 <= self.seed < 2**31:
            raise ConfigError(f"need averaging in [0, 1), seed in 0..2^31-1; got {self.averaging}, {self.seed}")
        if self.images is not None and self.images < self.batch_size:
            raise ConfigError(f"images must be at least batch_size ({self.batch_size}); got {self.images}")

    def describe(self) -> str:
        """The recipe in one line, with its formula, for cards."""
        return (
            "adversarial fine-tuning without labels: min E[ max KL(p_t(x) | p(x + d)) "
            f"+ {self.features:g} |h(x + d) - h_t(x)|^2 / |h_t(x)|^2 ], |d| <= r in linf, "
            f"r = {self.epsilon * 255:g}/255 sqrt(U), one step of 1.25 r from a random start; "
            f"goes on from {self.teacher}, which is the teacher t; h are the features that the last layer reads"
        )

    def settings(self) -> dict[str, object]:
        """The plan as nested plain values, for cards and for comparing a checkpoint with the plan that resumes it."""
        return asdict(self)
