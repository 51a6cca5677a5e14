"""What several networks make of many pictures: answers, how alike their maps are, flags, and what changes answers."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.attacks.pgd import Pgd
from core.errors import ConfigError
from core.explanations.prediction import probabilities
from core.metrics.map_agreement import spearman
from core.models.architectures.catalogue import architecture_of
from core.models.step_precision import Precision, stepping
from core.models.zoo import ZooModel
from core.saliency.gradient import gradient

CHUNK = 32


@dataclass(frozen=True, slots=True)
class FactSettings:
    """How pictures are measured.

    Attributes:
        epsilons: radii in L-infinity at which an answer is attacked, ascending, in [0, 1] pixel units; none for no
            attack, which is most of the cost.
        steps: of PGD at each radius, from the picture itself.
        precision: of those steps; whether an answer changed is judged in float32.

    Raises:
        ConfigError: radii that do not ascend from above 0, or no steps.
    """

    epsilons: tuple[float, ...] = ()
    steps: int = 10
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        ascending = all(low < high for low, high in zip((0.0, *self.epsilons), self.epsilons, strict=False))
        if not ascending or self.steps < 1:
            raise ConfigError(f"need ascending epsilons above 0, and steps >= 1; got {self}")


Flags = Callable[[Tensor], NDArray[np.float64]]
"""The share of a network's detectors that flag each of some images (B, C, H, W): (B,), in [0, 1]."""


@dataclass(frozen=True, slots=True, eq=False)
class PictureFacts:
    """What came out for n pictures and M networks.

    Attributes:
        keys: of the pictures.
        models: of the networks.
        labels: true classes (n,), -1 where unknown.
        predicted: classes answered (M, n).
        probability: of the class answered (M, n), in [0, 1].
        agreement: mean rank correlation between the maps of two networks that have gradients (n,), in [-1, 1]; NaN for
            fewer. A map is the absolute input gradient of the class answered, summed over channels.
        flagged: share of a network's detectors that flag a picture (M, n), in [0, 1]; NaN where it has none.
        changed_at: smallest radius tried at which PGD changed a network's answer (M, n); infinity where none did, which
            is the attack's failure and no proof that nothing does; NaN without an attack or without gradients.
    """

    keys: tuple[str, ...]
    models: tuple[str, ...]
    labels: NDArray[np.int64]
    predicted: NDArray[np.int64]
    probability: NDArray[np.float32]
    agreement: NDArray[np.float64]
    flagged: NDArray[np.float64]
    changed_at: NDArray[np.float64]

    @property
    def right(self) -> NDArray[np.bool_]:
        """Where a network gives the true class (M, n); nowhere where it is unknown."""
        found: NDArray[np.bool_] = self.predicted == self.labels
        return found


def measure_pictures(
    models: Sequence[ZooModel],
    flags: Mapping[str, Flags],
    pictures: Iterable[tuple[str, int, Tensor]],
    settings: FactSettings,
    on_progress: Callable[[int], None] = lambda done: None,
) -> PictureFacts:
    """Measure pictures, `CHUNK` at a time.

    Args:
        models: networks of one task, at least one.
        flags: by network, as far as they have detectors.
        pictures: key, true class (-1 where unknown) and image (1, C, H, W), float32 in [0, 1].
        settings: how.
        on_progress: called after every chunk with the number of pictures done; what it raises ends the work.

    Raises:
        ConfigError: no network, networks of several tasks, or no picture.
        InputError: an answer is not finite.
    """
    if len({model.card.task for model in models}) != 1:
        raise ConfigError("need networks of one task")
    keys: list[str] = []
    labels: list[int] = []
    parts: list[_Chunk] = []
    for chunk in _chunks(pictures):
        keys += [key for key, _, _ in chunk]
        labels += [label for _, label, _ in chunk]
        parts.append(_measure(models, flags, torch.cat([x for _, _, x in chunk]), settings))
        on_progress(len(keys))
    if not parts:
        raise ConfigError("need at least one picture")
    return PictureFacts(
        tuple(keys),
        tuple(model.card.key for model in models),
        np.array(labels, np.int64),
        np.concatenate([part.predicted for part in parts], 1),
        np.concatenate([part.probability for part in parts], 1),
        np.concatenate([part.agreement for part in parts]),
        np.concatenate([part.flagged for part in parts], 1),
        np.concatenate([part.changed_at for part in parts], 1),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Chunk:
    """The figures of some pictures, shaped as in `PictureFacts`."""

    predicted: NDArray[np.int64]
    probability: NDArray[np.float32]
    agreement: NDArray[np.float64]
    flagged: NDArray[np.float64]
    changed_at: NDArray[np.float64]


def _chunks(pictures: Iterable[tuple[str, int, Tensor]]) -> Iterator[list[tuple[str, int, Tensor]]]:
    source = iter(pictures)
    while chunk := list(islice(source, CHUNK)):
        yield chunk


def _measure(models: Sequence[ZooModel], flags: Mapping[str, Flags], x: Tensor, settings: FactSettings) -> _Chunk:
    predicted, probability, maps, flagged, changed_at = [], [], [], [], []
    for model in models:
        sharp = architecture_of(model.card.network).gradients
        if sharp:
            attributions, logits = gradient(model.fast, x, torch.full((len(x),), -1, device=x.device))
            maps.append(attributions.abs().sum(1).cpu().numpy())
        else:
            with torch.no_grad():
                logits = model.fast(x)
        probs = probabilities(model, logits)
        answers = probs.argmax(1)
        predicted.append(answers.cpu().numpy())
        probability.append(probs.amax(1).cpu().numpy())
        share = flags.get(model.card.key)
        flagged.append(np.full(len(x), np.nan) if share is None else share(x))
        changed_at.append(changing_radii(model, x, answers, settings if sharp else FactSettings()))
    agreement = _agreement(maps) if len(maps) > 1 else np.full(len(x), np.nan)
    return _Chunk(np.stack(predicted), np.stack(probability), agreement, np.stack(flagged), np.stack(changed_at))


def _agreement(maps: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
    """The mean over pairs of networks of the rank correlation of their maps, each (n, H, W): (n,)."""
    pairs = [[spearman(one, other) for one, other in zip(*pair, strict=True)] for pair in combinations(maps, 2)]
    mean: NDArray[np.float64] = np.array(pairs).mean(0)
    return mean


def changing_radii(model: ZooModel, x: Tensor, answers: Tensor, settings: FactSettings) -> NDArray[np.float64]:
    """The smallest of the radii at which PGD changes each answer (n,), infinity where none does.

    A picture whose answer changed is not attacked at larger radii. Without radii all are NaN.
    """
    found = np.full(len(x), np.inf if settings.epsilons else np.nan)
    network = stepping(model.fast, settings.precision)
    for epsilon in settings.epsilons:
        left = np.flatnonzero(np.isinf(found))
        if not len(left):
            break
        attack = Pgd(epsilon, steps=settings.steps, random_start=False)
        x_adv = attack(network, x[left], answers[left])
        with torch.no_grad():
            changed = model.fast(x_adv).argmax(1) != answers[left]
        found[left[changed.cpu().numpy()]] = epsilon
    return found
