"""Detectors against a library's attacks that none of them learned: `make unlearned`, or `ARGS="--images N"` to it.

BIM, Carlini-Wagner L2 and DeepFool, by torchattacks (MIT) with the settings below, on the first test images of CIFAR-10
by its `standard`. As in the report `anomaly` those count that were right before and wrong after, against the first
1,000 test images; intervals are the report's, too. The detectors are those that ship.
"""

import argparse
from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import version

import torch
from torch import Tensor, nn

from core.anomaly.calibrate import measured_in_batches
from core.anomaly.calibration import calibration_path, read_calibration
from core.anomaly.catalogue import DETECTORS
from core.anomaly.detector import Scores
from core.anomaly.measurements import as_tensors
from core.data.datasets import load
from core.data.tasks import task_named
from core.models.zoo import load_zoo_model
from core.reports.anomaly.rows import figure_rows
from core.torchvision_compat import torchvision  # noqa: F401 - torchattacks imports torchvision, which needs this first

# isort: split
import torchattacks

Attack = Callable[[Tensor, Tensor], Tensor]
ATTACKS: Mapping[str, Callable[[nn.Module], Attack]] = {
    "BIM, 8/255, 10 steps of 2/255": partial(torchattacks.BIM, eps=8 / 255, alpha=2 / 255, steps=10),
    "BIM, 2/255, 10 steps of 0.5/255": partial(torchattacks.BIM, eps=2 / 255, alpha=0.5 / 255, steps=10),
    "Carlini-Wagner L2, c 1, kappa 0, 50 steps of 0.01": partial(torchattacks.CW, c=1, kappa=0, steps=50, lr=0.01),
    "DeepFool, 50 steps, overshoot 0.02": partial(torchattacks.DeepFool, steps=50, overshoot=0.02),
}
NORMAL, BATCH = 1_000, 50


def attacked(network: nn.Module, make: Callable[[nn.Module], Attack], x: Tensor, labels: Tensor) -> Tensor:
    """Those of the attacked images that were right before and are wrong after (m, C, H, W).

    Args:
        network: images to logits.
        make: the attack on it.
        x: images (n, C, H, W), float in [0, 1].
        labels: their classes (n,).
    """
    attack, found = make(network), []
    for part, right in zip(x.split(BATCH), labels.split(BATCH), strict=True):
        with torch.enable_grad():
            x_adv = attack(part, right).detach()
        with torch.no_grad():
            hit = (network(part).argmax(1) == right) & (network(x_adv).argmax(1) != right)
        found.append(x_adv[hit])
    return torch.cat(found)


def main() -> None:
    """Print for each attack what each detector that can be measured lightly finds, and the mean over the attacks."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.unlearned_attacks", description=__doc__)
    parser.add_argument("--images", type=int, default=200, help="test images that are attacked (default 200)")
    images = parser.parse_args().images
    torch.set_num_threads(1)
    task = task_named("cifar10")
    model, test = load_zoo_model(task.key, "standard"), load(task, "test")
    screen = read_calibration(model, calibration_path(task.key, "standard"))
    screen = screen.of([key for key in screen.detectors if DETECTORS[key].light])

    def scored(x: Tensor) -> Mapping[str, Scores]:
        return screen.scores(measured_in_batches(model, x, as_tensors(screen.directions), screen.baselines, light=True))

    found = {"test": scored(test.images(0, NORMAL))}
    print(f"torchattacks {version('torchattacks')}, {test.origin}, weights {model.card.sha256[:12]}")
    for name, make in ATTACKS.items():
        x_adv = attacked(model.fast, make, test.images(0, images), test.labels[:images])
        print(f"{name}: {len(x_adv)} of {images} images right before and wrong after")
        found[name] = scored(x_adv)
    for key in screen.detectors:
        rows = figure_rows({}, {what: of[key] for what, of in found.items()}, dict.fromkeys(ATTACKS, "attack"))
        for row in rows:
            interval = f"{row['auroc']:.3f} ({row['auroc_low']:.3f} to {row['auroc_high']:.3f})"
            print(f"{key:22} {row['against']:52} {interval}, n {row['auroc_n']} and {row['normal_n']}")


if __name__ == "__main__":
    main()
