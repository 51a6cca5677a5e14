"""Searches with gradient steps in bfloat16 against the same in float32: what they cost, and whether they come as far.

    python -m benchmarks.step_precision --images 100 --attacked 1000

On images of `val` each network is attacked by PGD at its task's radii and made to believe every class at an RMSE of
0.1, and these attacks get their verdict, once with steps in either precision; all is judged in float32. Processor time,
one thread.
"""

import argparse
import time
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from core.attacks.pgd import Pgd
from core.data.datasets import LabelledImages, load
from core.data.tasks import task_named
from core.explanations.class_evidence import judges_of, measures
from core.explanations.class_explanations import explain
from core.models.step_precision import Precision, quick_precision, stepping
from core.models.zoo import ASSETS, ZooModel, load_zoo_model
from core.norms import NORMS, Norm
from core.reports.explanations.report import ExplanationsReport

PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")
MOST_APART = 0.005
"""The share of searches that may come less far, and of images that may be fooled more or less, in bfloat16."""
STEPS, CHUNK = 10, 100


@dataclass(frozen=True, slots=True)
class Searches:
    """What the searches on some images came to with steps in one precision.

    Attributes:
        reached: whether each class of each image was reached (n, K).
        drawn: the verdict on the attacks on each image (n,).
        seconds: of processor, of all explanations and of all verdicts.
    """

    reached: NDArray[np.bool_]
    drawn: NDArray[np.bool_]
    seconds: tuple[float, float]


def search(
    model: ZooModel, zoo: list[ZooModel], x: torch.Tensor, report: ExplanationsReport, precision: Precision
) -> Searches:
    """All searches of one network, image by image as a page makes them."""
    start = time.process_time()
    found = [explain(model, image, report.rho, precision=precision) for image in x.split(1)]
    middle, judges = time.process_time(), judges_of(model, zoo)
    drawn = [
        measures(model, judges, image, report.rho, precision=precision).draws(report.thresholds) for image in x.split(1)
    ]
    reached = np.array([one.probs_adv.argmax(1) == one.classes for one in found])
    return Searches(reached, np.concatenate(drawn), (middle - start, time.process_time() - middle))


def falls_short(model: ZooModel, zoo: list[ZooModel], x: torch.Tensor, report: ExplanationsReport) -> bool:
    """Print the figures of one network; whether too few searches reach their class with steps in bfloat16."""
    whole, low = (search(model, zoo, x, report, precision) for precision in PRECISIONS)
    ratios = np.array(low.seconds) / np.array(whole.seconds)
    print(
        f"{model.card.key:10} classes reached {whole.reached.mean():.2%} and {low.reached.mean():.2%} "
        f"(n = {whole.reached.size:,}); drawn {whole.drawn.mean():.1%} and {low.drawn.mean():.1%}, another verdict "
        f"{np.mean(whole.drawn != low.drawn):.1%} (n = {len(x)}); time of explanations {ratios[0]:.2f}, of verdicts "
        f"{ratios[1]:.2f}",
        flush=True,
    )
    return bool(whole.reached.mean() - low.reached.mean() > MOST_APART)


def fooled(model: ZooModel, data: LabelledImages, attack: Pgd, precision: Precision) -> tuple[NDArray[np.bool_], float]:
    """Which images are wrong after an attack (n,), judged in float32, and the seconds of processor that it took."""
    network, start, wrong = stepping(model.fast, precision), time.process_time(), []
    for first in range(0, len(data), CHUNK):
        x, labels = data.images(first, first + CHUNK), data.labels[first : first + CHUNK]
        x_adv = attack(network, x, labels, torch.Generator().manual_seed(first))
        with torch.no_grad():
            wrong.append((model.fast(x_adv).argmax(1) != labels).numpy())
    return np.concatenate(wrong), time.process_time() - start


def fools_otherwise(model: ZooModel, data: LabelledImages, norm: Norm, stop: bool) -> bool:
    """Print how many images an attack fools with steps in each precision; whether these are too far apart."""
    attack = Pgd(model.task.radii[norm], norm, STEPS, stop_when_wrong=stop)
    (whole, before), (low, after) = (fooled(model, data, attack, precision) for precision in PRECISIONS)
    print(
        f"{model.card.key:10} PGD-{STEPS}, {norm}, {attack.epsilon:.4g}{', until wrong' * stop}: fools {whole.sum():,} "
        f"and {low.sum():,} of {len(data):,}, other images {np.sum(whole != low)}; time {after / before:.2f}",
        flush=True,
    )
    return bool(abs(whole.mean() - low.mean()) > MOST_APART)


def main() -> None:
    """Print what is measured for each network; the exit status says whether one comes less far."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--attacked", type=int, default=1000)
    parser.add_argument("--task", default="cifar10")
    parser.add_argument("--networks", default="standard,pgd-l2,pgd-linf")
    options = parser.parse_args()
    torch.set_num_threads(1)
    report = ExplanationsReport.read(ASSETS.parent / "reports" / options.task / "explanations.json")
    zoo = [load_zoo_model(options.task, key) for key in options.networks.split(",")]
    data = load(task_named(options.task), "val", most=max(options.images, options.attacked))
    x, attacked = data.images(0, options.images), data.first(options.attacked)
    native = quick_precision(x.device) == "bfloat16"
    print(
        f"{options.task} val, first {len(x)}, RMSE {report.rho:g}; this processor has bfloat16: {native}; float32 first"
    )
    ways = [(norm, stop) for norm in NORMS for stop in (False, True)]
    apart = sum(fools_otherwise(model, attacked, *way) for model in zoo for way in ways)
    raise SystemExit(apart + sum(falls_short(model, zoo, x, report) for model in zoo) > 0)


if __name__ == "__main__":
    main()
