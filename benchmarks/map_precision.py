"""Maps that average gradients in bfloat16 against the same in float64: how far they are off, and what they cost.

    python -m benchmarks.map_precision --images 100

On images of `val` each network's own answer is explained by each method that averages, one image at a time as on a
page, with the draws of seed 0. Processor time of bfloat16 is over that of float32, one thread.
"""

import argparse
import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.data.datasets import load
from core.data.tasks import task_named
from core.metrics.map_agreement import spearman
from core.models.step_precision import quick_precision
from core.models.zoo import ZooModel, load_zoo_model
from core.saliency.catalogue import SALIENCY_METHODS, attribute
from core.saliency.method import AttributionRequest, Method


class InFloat64(nn.Module):
    """A network that computes in float64 and takes images in float32, so that what is drawn for them is the same."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).double()

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, K), float64."""
        return cast(Tensor, self.network(x.double()))


@dataclass(frozen=True, slots=True)
class Gaps:
    """How far maps of a method are from those in float64.

    Attributes:
        length: of the difference of attributions over that of the attributions, L2, of each image (n,).
        ranks: Spearman correlation of the maps, of each image (n,).
    """

    length: NDArray[np.float64]
    ranks: NDArray[np.float64]


def gaps(found: Tensor, exact: Tensor) -> Gaps:
    """The gaps between two sets of attributions (n, C, H, W)."""
    length = (found - exact).flatten(1).norm(dim=1) / exact.flatten(1).norm(dim=1)
    maps = zip(found.sum(1).numpy(), exact.sum(1).numpy(), strict=True)
    return Gaps(length.double().numpy(), np.array([spearman(*pair) for pair in maps]))


def maps_of(method: Method, network: nn.Module, x: Tensor, target: Tensor) -> tuple[Tensor, float]:
    """Attributions (n, C, H, W), image by image, and the seconds of processor."""
    start = time.process_time()
    asked = zip(x.split(1), target.split(1), strict=True)
    made = [attribute(method, AttributionRequest(network, *each, torch.Generator().manual_seed(0))) for each in asked]
    return torch.cat(made), time.process_time() - start


def measured(method: Method, models: Sequence[ZooModel], x: Tensor) -> Gaps:
    """Print the gaps of a method for each network; those of all."""
    every = []
    for model in models:
        with torch.no_grad():
            target = model.fast(x).argmax(1)
        exact, _ = maps_of(method, InFloat64(model.fast), x, target)
        whole, before = maps_of(method, model.fast, x, target)
        low, after = maps_of(method.averaged_in("bfloat16"), model.fast, x, target)
        single, every = gaps(whole, exact), [*every, gaps(low, exact)]
        print(
            f"{method.key:20} {model.card.key:10} {_words(every[-1])}; float32 {single.length.max():.1e} at most; "
            f"time {after / before:.2f}",
            flush=True,
        )
    return Gaps(np.concatenate([one.length for one in every]), np.concatenate([one.ranks for one in every]))


def _words(found: Gaps) -> str:
    """A distribution of gaps."""
    middle, high, most = np.quantile(found.length, [0.5, 0.95, 1.0])
    return (
        f"off by {middle:.1%} of its length in the median, 95 % within {high:.1%}, at most {most:.1%}; rank "
        f"correlation {np.median(found.ranks):.3f} in the median, at least {found.ranks.min():.3f}"
    )


def main() -> None:
    """Print what is measured for each method and network, and for all networks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--task", default="cifar10")
    parser.add_argument("--networks", default="standard,pgd-l2,pgd-linf")
    options = parser.parse_args()
    torch.set_num_threads(1)
    models = [load_zoo_model(options.task, key) for key in options.networks.split(",")]
    x = load(task_named(options.task), "val", most=options.images).images(0, options.images)
    native = quick_precision(x.device) == "bfloat16"
    print(f"{options.task} val, first {len(x)}; this processor has bfloat16: {native}")
    for method in (method for method in SALIENCY_METHODS.values() if method.averages):
        print(f"{method.key:20} all        {_words(measured(method, models, x))}", flush=True)


if __name__ == "__main__":
    main()
