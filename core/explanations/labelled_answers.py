"""What a network answers to many labelled images, clean and attacked: what counts by class and calibration rest on."""

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from core.attacks.pgd import Pgd
from core.attacks.square import Square
from core.data.datasets import LabelledImages
from core.errors import ConfigError, InputError
from core.metrics.answers import likeliest
from core.models.step_precision import Precision, stepping
from core.models.zoo import ZooModel
from core.norms import Norm

CHUNK = 50
ATTACK = "PGD, one random start, step 2.5 epsilon / steps, the worse of clean and attacked by loss"


@dataclass(frozen=True, slots=True)
class AnswerSettings:
    """How answers are measured.

    Attributes:
        epsilon: radius of the attack in [0, 1] pixel units.
        norm: of the ball.
        steps: of PGD, from one random start.
        seed: of the starts; those of an image depend on its place alone.
        queries: of Square attack at the same radius, 0 for none.

    Raises:
        ConfigError: epsilon <= 0, steps < 1 or queries < 0.
    """

    epsilon: float
    norm: Norm = "linf"
    steps: int = 20
    seed: int = 0
    queries: int = 0

    def __post_init__(self) -> None:
        if not self.epsilon > 0 or self.steps < 1 or self.queries < 0:
            raise ConfigError(f"need epsilon > 0, steps >= 1 and queries >= 0; got {self}")


@dataclass(frozen=True, slots=True, eq=False)
class LabelledAnswers:
    """The answers of one network to the first n images of a set.

    Attributes:
        model: the network's key.
        settings: everything that decides the arrays, as plain values.
        labels: true classes (n,), int64.
        logits: on the clean images (n, K), float32.
        logits_adv: on the attacked images (n, K), float32; where the attack did not raise the loss of the true class,
            of the clean image, so that an attack is never worse than none.
        standing_square: right under Square attack, bool (n,); empty where it was not run.
    """

    model: str
    settings: dict[str, object]
    labels: NDArray[np.int64]
    logits: NDArray[np.float32]
    logits_adv: NDArray[np.float32]
    standing_square: NDArray[np.bool_]

    @property
    def answers(self) -> NDArray[np.int64]:
        """Classes answered to the clean images (n,)."""
        return likeliest(self.logits)

    @property
    def answers_adv(self) -> NDArray[np.int64]:
        """Classes answered to the attacked images (n,)."""
        return likeliest(self.logits_adv)


def measure_answers(
    model: ZooModel,
    data: LabelledImages,
    settings: AnswerSettings,
    on_progress: Callable[[int], None] = lambda done: None,
    precision: Precision = "float32",
) -> LabelledAnswers:
    """Ask a network about images, clean and attacked away from their true classes, `CHUNK` at a time.

    Args:
        model: the network.
        data: images of its task.
        settings: how they are attacked.
        on_progress: called after every chunk with the number of images done; what it raises ends the work.
        precision: of PGD's steps, stated with the answers where it is not float32; the answers are in float32.

    Raises:
        InputError: images of another shape or none, or answers that are not finite.
    """
    if len(data) == 0 or tuple(data.pixels.shape[1:]) != model.task.shape:
        raise InputError(f"{model.card.key} takes images {model.task.shape}; got {tuple(data.pixels.shape)}")
    parts = []
    for start in range(0, len(data), CHUNK):
        stop = min(start + CHUNK, len(data))
        parts.append(
            _chunk(model, data.images(start, stop), data.labels[start:stop], settings, settings.seed + start, precision)
        )
        on_progress(stop)
    arrays = (np.concatenate(each) for each in zip(*parts, strict=True))
    made = stated(settings, data.origin, len(data), model.card.sha256)
    made |= {} if precision == "float32" else {"precision": precision}
    return LabelledAnswers(model.card.key, made, data.labels.cpu().numpy(), *arrays)


def stated(settings: AnswerSettings, data: str, images: int, sha256: str) -> dict[str, object]:
    """Everything that decides a network's answers, as plain values.

    Args:
        settings: how they are measured.
        data: where the images come from.
        images: the first so many of them.
        sha256: the checksum of the network's weights.
    """
    return {**asdict(settings), "attack": ATTACK, "data": data, "images": images, "sha256": sha256}


def _chunk(
    model: ZooModel, x: Tensor, labels: Tensor, settings: AnswerSettings, seed: int, precision: Precision
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """Logits of some images, clean and attacked, and whether each stands under Square attack."""
    attack = Pgd(settings.epsilon, settings.norm, settings.steps)
    x_adv = attack(stepping(model.fast, precision), x, labels, torch.Generator().manual_seed(seed))
    standing = np.zeros(0, bool)
    with torch.no_grad():
        clean, attacked = model.fast(x), model.fast(x_adv)
        if settings.queries:
            search = Square(settings.epsilon, settings.norm, settings.queries)
            found = search(model.fast, x, labels, torch.Generator().manual_seed(seed))
            standing = (model.fast(found).argmax(1) == labels).cpu().numpy()
    if not bool(clean.isfinite().all() and attacked.isfinite().all()):
        raise InputError(f"{model.card.key} answers with values that are not finite")
    raised = cross_entropy(attacked, labels, reduction="none") > cross_entropy(clean, labels, reduction="none")
    return clean.cpu().numpy(), torch.where(raised[:, None], attacked, clean).cpu().numpy(), standing
