"""What a network that was just brought answers: on pictures, on pictures with known classes, and prepared otherwise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.data.datasets import LabelledImages
from core.metrics.intervals import wilson
from core.models.architectures.library import PreprocessedClassifier
from core.models.architectures.onnx_network import OnnxClassifier
from core.models.foreign.presets import variants
from core.models.preprocessing import Preprocessing
from core.models.zoo import ZooModel
from core.progress import OnProgress, silent

CHUNK = 16
TOP = 3


@dataclass(frozen=True, slots=True)
class TopAnswers:
    """The classes that a network thinks most likely for a picture, best first, with their probabilities."""

    classes: tuple[int, ...]
    probs: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to prepare pictures and what came of it.

    Attributes:
        words: the way.
        confidence: mean of the highest probability.
        right: how many of `count` labelled pictures were right.
        count: of them; 0 where no labels are known.
    """

    words: str
    confidence: float
    right: int
    count: int

    @property
    def accuracy(self) -> float:
        """The share of right answers; NaN without labels."""
        return self.right / self.count if self.count else float("nan")


def top_answers(model: ZooModel, x: Tensor) -> list[TopAnswers]:
    """The likeliest classes for each of some pictures (B, C, H, W) in [0, 1]."""
    probs, classes = torch.from_numpy(_probs(model.plain, x)).topk(min(TOP, model.task.classes))
    return [
        TopAnswers(tuple(map(int, one)), tuple(map(float, p)))
        for one, p in zip(classes.tolist(), probs.tolist(), strict=True)
    ]


def tried_variants(
    model: ZooModel, x: Tensor, labels: Sequence[int] | None, on_progress: OnProgress = silent
) -> list[Variant]:
    """Each way in which a preprocessing is mistaken, tried on pictures; the first is the one given.

    Args:
        model: the network.
        x: pictures (B, C, H, W) in [0, 1].
        labels: their classes, where they are known.
        on_progress: told the pictures done.
    """
    preprocessing = given_preprocessing(model)
    found, ways = [], variants(preprocessing) if preprocessing else {"as given": None}
    for done, (words, way) in enumerate(ways.items()):
        on_progress(done * len(x), len(ways) * len(x))
        probs = _probs(model.plain if way is None or way == preprocessing else _prepared(model.plain, way), x)
        right = 0 if labels is None else int((probs.argmax(1) == np.asarray(labels)).sum())
        found.append(Variant(words, float(probs.max(1).mean()), right, 0 if labels is None else len(x)))
    return found


def suspicion(tried: Sequence[Variant]) -> str:
    """What the variants say of the preprocessing, in a sentence; "" where the one given is as good as any.

    By accuracy, where the 95 % intervals part; without labels nothing is said, for a wrong range makes networks sure.
    """
    given, others = tried[0], [one for one in tried[1:] if one.count]
    if not others:
        return ""
    best = max(others, key=lambda one: one.right)
    if wilson(best.right, best.count)[0] <= wilson(given.right, given.count)[1]:
        return ""
    return (
        f"Prepared {best.words}, it is right on {best.accuracy:.0%} of the labelled pictures instead of "
        f"{given.accuracy:.0%}: the preprocessing given is probably not the one that it was trained with."
    ).replace("%", " %")


def given_preprocessing(model: ZooModel) -> Preprocessing | None:
    """What a network does to pictures first; None where that can't be taken apart."""
    network = model.plain
    if isinstance(network, PreprocessedClassifier | OnnxClassifier):
        return network.preprocess.settings
    return None


def labelled_answers(model: ZooModel, pictures: LabelledImages) -> Mapping[str, float]:
    """Accuracy on labelled pictures with its 95 % Wilson interval and their number."""
    probs = _probs(model.plain, pictures.images())
    right = int((probs.argmax(1) == pictures.labels.cpu().numpy()).sum())
    low, high = wilson(right, len(pictures))
    return {"clean": right / len(pictures), "clean_low": low, "clean_high": high, "clean_n": len(pictures)}


def _prepared(network: nn.Module, way: Preprocessing) -> nn.Module:
    """The same weights behind another preprocessing."""
    if isinstance(network, PreprocessedClassifier):
        other: nn.Module = PreprocessedClassifier(network.network, way, network.shape).eval()
        return other
    assert isinstance(network, OnnxClassifier)
    copy = OnnxClassifier(replace(network.config, preprocessing=way))
    copy.onnx = network.onnx
    return copy.eval()


def _probs(network: nn.Module, x: Tensor) -> NDArray[np.float64]:
    with torch.no_grad():
        answers = [network(x[start : start + CHUNK]).cpu().double().softmax(1) for start in range(0, len(x), CHUNK)]
    return torch.cat(answers).numpy()
