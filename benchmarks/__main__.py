"""Print every comparison with its settings and versions: `python -m benchmarks [--rounds N]`."""

import argparse
import platform
import sys
from importlib.metadata import version

import torch

from benchmarks import anomaly, curve, interactions, pgd, saliency
from benchmarks.subjects import KEYS, subjects

PACKAGES = (
    "torch",
    "torchattacks",
    "foolbox",
    "adversarial-robustness-toolbox",
    "captum",
    "torchcam",
    "grad-cam",
    "numpy",
)


def main() -> None:
    """Run all parts; each says whether the results are the same, and times them in any case."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="timed runs of each way (default 9)")
    rounds = parser.parse_args().rounds
    sys.stdout.reconfigure(line_buffering=True)
    torch.set_num_threads(1)
    chosen = subjects(64)
    print(", ".join(f"{name} {version(name)}" for name in PACKAGES))
    print(f"Python {platform.python_version()}, {platform.machine()}, {torch.backends.cpu.get_cpu_capability()}")
    print(f"Networks: {chosen.weights}. Images: {chosen.images}.")
    print(
        f"Comparisons: one thread, medians of {rounds} interleaved rounds; the peers get the plain eval-mode network,"
    )
    print("its parameters frozen; ours gets the same weights in the fast form.")
    robust = chosen.models["pgd-linf"]
    labels = chosen.labels_for(robust)
    pgd.compare(robust, chosen.x[:16], labels[:16], rounds)
    for key in KEYS[:2]:
        model = chosen.models[key]
        curve.compare(model, chosen.x, chosen.labels_for(model), rounds)
    anomaly.compare(chosen.models["standard"], chosen.x, rounds)
    saliency.compare(list(chosen.models.values()), chosen.x[:16], rounds)
    torch.set_num_threads(2)
    print("\nFrom here on two threads.")
    interactions.measure(chosen.models, chosen.x[:16])
    saliency.measure(list(chosen.models.values()), chosen.x[:5])


if __name__ == "__main__":
    main()
