"""Engine time of what a visitor does, with the models warm: no decoding, no figures, no browser."""

import statistics
import time
from collections.abc import Callable

from torch import Tensor

from benchmarks.subjects import QUICK
from core.attacks.pgd import Pgd
from core.explanations.attack_result import attack_result
from core.explanations.class_explanations import explain
from core.explanations.prediction import predict
from core.models.zoo import ZooModel

LIMITS = {
    "new image: predictions and gradient maps": 0.3,
    "PGD, 20 steps, one image": 1.0,
    "explanations of all classes": 4.0,
    "the same, one model": 1.5,
}
RHO = 0.1
FEW = 5  # images for what takes seconds


def measure(models: dict[str, ZooModel], x: Tensor) -> dict[str, float]:
    """Median seconds of each interaction over the images of `x`, all of `models` each time."""
    attack = Pgd(8 / 255, "linf", 20)

    def looks(image: Tensor) -> None:
        for model in models.values():
            predict(model, image)

    def attacks(image: Tensor) -> None:
        for model in models.values():
            attack_result(model, image, attack, precision=QUICK)

    def explanations(image: Tensor) -> None:
        for model in models.values():
            explain(model, image, RHO, precision=QUICK)

    def of_one(image: Tensor) -> None:
        explain(next(iter(models.values())), image, RHO, precision=QUICK)

    medians = [_median(work, x) for work in (looks, attacks)]
    medians += [_median(work, x[:FEW]) for work in (explanations, of_one)]
    print(f"\nInteractions, {len(models)} models, {len(x)} different images one by one")
    for (name, limit), (middle, worst) in zip(LIMITS.items(), medians, strict=True):
        verdict = "met" if middle <= limit else "MISSED"
        print(f"  {name:<42} median {middle * 1e3:7.1f} ms, worst {worst * 1e3:7.1f} ms", end="; ")
        print(f"aim < {limit * 1e3:.0f} ms: {verdict}")
    return {name: middle for name, (middle, _) in zip(LIMITS, medians, strict=True)}


def _median(work: Callable[[Tensor], None], x: Tensor) -> tuple[float, float]:
    """Median and worst seconds over the images, after one to warm up."""
    work(x[:1])
    taken = []
    for index in range(len(x)):
        start = time.perf_counter()
        work(x[index : index + 1])
        taken.append(time.perf_counter() - start)
    return statistics.median(taken), max(taken)
