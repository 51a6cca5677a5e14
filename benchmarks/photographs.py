"""What a visitor waits for at 224 pixels, with a pair of networks: `python -m benchmarks.photographs`.

The pairs are EfficientNet-Lite0 with its real weights beside itself with drawn ones, and two ResNet-50 with drawn ones:
a second network's weights change no time. Engine time on two threads, medians over the photographs of the gallery, once
warm; the memory is the most that this process ever had.
"""

import argparse
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from itertools import islice

import torch
from torch import Tensor

from core.attacks.pgd import Pgd
from core.data.galleries import gallery, photographs
from core.data.tasks import IMAGENET
from core.explanations.attack_result import attack_result
from core.explanations.prediction import predict
from core.images import fit
from core.models.architectures.library import LibraryConfig
from core.models.architectures.timm_networks import TimmConfig
from core.models.architectures.torchvision_networks import TorchvisionConfig
from core.models.preprocessing import PRESETS
from core.models.zoo import ZooModel, load_zoo_model
from core.saliency.grid import saliency_grid
from tests.helpers.networks import brought

METHODS = ("gradient", "gradient-input", "smooth-grad", "integrated-gradients", "grad-cam")
PGD_10 = Pgd(2 / 255, "linf", 10)
LIMITS = {
    "EfficientNet-Lite0": {"predictions and gradients": 1.0, "PGD-10": 5.0, "five saliency methods": 20.0},
    "ResNet-50": {"predictions and gradients": 3.0},
}
"""By pair, the most seconds that each may take."""
MOST_MEMORY = 3.0
"""GB."""


def drawn(network: LibraryConfig) -> ZooModel:
    """A network with drawn weights, for the task of photographs."""
    return brought(network, task=IMAGENET.key)


def pairs() -> dict[str, tuple[ZooModel, ZooModel]]:
    """By name."""
    usual = PRESETS["imagenet"]
    lite = TimmConfig("tf_efficientnet_lite0", IMAGENET.classes, usual)
    resnet = TorchvisionConfig("resnet50", IMAGENET.classes, usual)
    return {
        "EfficientNet-Lite0": (load_zoo_model(IMAGENET.key, "standard"), drawn(lite)),
        "ResNet-50": (drawn(resnet), drawn(resnet)),
    }


def work(models: Sequence[ZooModel]) -> dict[str, Callable[[Tensor], object]]:
    """What is timed, each of one picture (1, 3, 224, 224)."""
    return {
        "predictions and gradients": lambda x: [predict(model, x) for model in models],
        "PGD-10": lambda x: [attack_result(model, x, PGD_10) for model in models],
        "five saliency methods": lambda x: [*saliency_grid(models, x, METHODS)],
    }


def seconds_of(run: Callable[[Tensor], object], pictures: Sequence[Tensor]) -> float:
    """The median over the pictures, after a first one."""
    run(pictures[0])
    taken = []
    for x in pictures:
        start = time.perf_counter()
        run(x)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def main() -> int:
    """Measure, and print a line each; 1 where something takes longer than it may."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=5)
    torch.set_num_threads(2)
    there = gallery(IMAGENET)
    keys = [item.key for item in islice(photographs(IMAGENET), parser.parse_args().pictures)]
    pictures = [fit(there.picture(key).pixels, IMAGENET.shape) for key in keys]
    print(f"{len(pictures)} photographs at 224 pixels, 2 threads, medians")
    over = []
    for name, models in pairs().items():
        for what, run in work(models).items():
            seconds, limit = seconds_of(run, pictures), LIMITS[name].get(what)
            print(f"{name}, both: {what} {seconds:.2f} s" + (f" (at most {limit:g})" if limit else ""), flush=True)
            over += [what] if limit and seconds > limit else []
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"memory at most {memory:.2f} GB (limit {MOST_MEMORY:g})")
    return int(bool(over) or memory > MOST_MEMORY)


if __name__ == "__main__":
    raise SystemExit(main())
