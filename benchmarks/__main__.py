"""Print every comparison with its settings and versions: `python -m benchmarks [--rounds N] [--parts pgd,curve]`."""

import argparse
import platform
import sys
from importlib.metadata import version

import torch

from benchmarks import anomaly, curve, interactions, pgd, saliency
from benchmarks.subjects import KEYS, QUICK, subjects

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


PARTS = ("pgd", "curve", "anomaly", "saliency", "interactions")


def main() -> None:
    """Run all parts; each says whether the results are the same, and times them in any case."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="timed runs of each way (default 9)")
    parser.add_argument("--parts", default=",".join(PARTS), help="the comparisons to make (default all)")
    options = parser.parse_args()
    rounds, parts = options.rounds, options.parts.split(",")
    sys.stdout.reconfigure(line_buffering=True)
    torch.set_num_threads(1)
    chosen = subjects(64)
    print(", ".join(f"{name} {version(name)}" for name in PACKAGES))
    print(f"Python {platform.python_version()}, {platform.machine()}, {torch.backends.cpu.get_cpu_capability()}")
    print(f"Networks: {chosen.weights}. Images: {chosen.images}.")
    print(
        f"Comparisons: one thread, medians of {rounds} interleaved rounds; the peers get the plain eval-mode network,"
    )
    print("its parameters frozen; ours gets the same weights in the fast form, and takes")
    print(f"gradients of steps and of maps that average them in {QUICK}; verdicts are in float32.")
    robust = chosen.models["pgd-linf"]
    if "pgd" in parts:
        pgd.compare(robust, chosen.x[:16], chosen.labels_for(robust)[:16], rounds)
    for key in KEYS[1:] if "curve" in parts else ():  # on `standard` nothing stands at any radius
        model = chosen.models[key]
        curve.compare(model, chosen.x, chosen.labels_for(model), rounds)
    if "anomaly" in parts:
        anomaly.compare(chosen.models["standard"], chosen.x, rounds)
    if "saliency" in parts:
        saliency.compare(list(chosen.models.values()), chosen.x[:16], rounds)
    if "interactions" in parts:
        torch.set_num_threads(2)
        print("\nFrom here on two threads.")
        interactions.measure(chosen.models, chosen.x[:16])
        saliency.measure(list(chosen.models.values()), chosen.x[:5])


if __name__ == "__main__":
    main()
