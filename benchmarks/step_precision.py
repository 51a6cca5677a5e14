"""Searches with gradient steps in bfloat16 against the same in float32: what they cost, and whether they come as far.

    python -m benchmarks.step_precision --images 100

On images of `val` each network is made to believe every class at an RMSE of 0.1, and its attacks get their verdict,
once with steps in either precision; both are judged in float32. Processor time, one thread.
"""

import argparse
import time
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from core.data.datasets import load
from core.data.tasks import task_named
from core.explanations.class_evidence import judges_of, measures
from core.explanations.class_explanations import explain
from core.models.step_precision import Precision, quick_precision
from core.models.zoo import ASSETS, ZooModel, load_zoo_model
from core.reports.explanations.report import ExplanationsReport

PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")
MOST_APART = 0.005
"""The share of searches that may come less far with steps in bfloat16."""


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


def main() -> None:
    """Print what is measured for each network; the exit status says whether one comes less far."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--task", default="cifar10")
    parser.add_argument("--networks", default="standard,pgd-l2,pgd-linf")
    options = parser.parse_args()
    torch.set_num_threads(1)
    report = ExplanationsReport.read(ASSETS.parent / "reports" / options.task / "explanations.json")
    zoo = [load_zoo_model(options.task, key) for key in options.networks.split(",")]
    x = load(task_named(options.task), "val", most=options.images).images(0, options.images)
    native = quick_precision(x.device) == "bfloat16"
    print(
        f"{options.task} val, first {len(x)}, RMSE {report.rho:g}; this processor has bfloat16: {native}; float32 first"
    )
    raise SystemExit(sum(falls_short(model, zoo, x, report) for model in zoo) > 0)


if __name__ == "__main__":
    main()
