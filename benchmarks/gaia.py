"""GAIA beside scores that cost nothing, on transformed pictures of `val`: whether it earns a pass back of its own.

    python -m benchmarks.gaia

As measured on CIFAR-10's `standard`, 200 pictures a transformation against 600, it does not: mean AUROC 0.726 (GAIA-Z)
and 0.679 (GAIA-A), where the plain softmax has 0.878, for 5.4 ms a picture. So no calibration holds it.
"""

import time
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.anomaly.gradients import frozen_copy
from core.anomaly.joint_choice import EACH, NORMAL, transformed
from core.data.datasets import load
from core.data.tasks import task_named
from core.metrics.detection import auroc
from core.models.pooled import PooledClassifier
from core.models.zoo import ZooModel, load_zoo_model

_CHUNK = 50
Scores = Mapping[str, NDArray[np.float64]]


def gaia(model: PooledClassifier, x: Tensor) -> tuple[Tensor, Tensor]:
    """GAIA-Z and GAIA-A of each image (B,), higher is more anomalous (Chen et al. 2023, arXiv:2311.09620).

    Of the paper the abstract could be read, and the authors' code whole, which this follows. With the outputs A of all
    BatchNorms, C channels together:

    - GAIA-Z: of each channel the share of places where the largest logit's gradient on A is not zero; of these shares
      the mean square over the channels.
    - GAIA-A: of each channel the mean over places of the gradient that the sum of the pooled features sends to A; the
      mean square of these over the channels, over the mean size of the gradient that the sum of all log-probabilities
      sends to the pooled features. All BatchNorms count, as there for a wide residual network, which ours is like.

    Args:
        model: as trained, with its BatchNorms; not written to.
        x: images (B, C, H, W), float in [0, 1].
    """
    copy, maps, pooled = frozen_copy(model), list[Tensor](), list[Tensor]()

    def normalised(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        maps.append(output)
        return output.clone()  # an activation may work in place

    for module in copy.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_hook(normalised)
    copy.last_layer.register_forward_pre_hook(lambda module, inputs: pooled.append(inputs[0]))
    with torch.enable_grad():
        logits = copy(x.detach().requires_grad_())
        of_answer = torch.autograd.grad(logits.amax(1).sum(), maps, retain_graph=True)
        (outer,) = torch.autograd.grad(logits.log_softmax(1).sum(), pooled, retain_graph=True)
        inner = torch.autograd.grad(pooled[0].sum(), maps)
    shares = torch.cat([(each != 0).double().mean((2, 3)) for each in of_answer], 1)
    means = torch.cat([each.double().mean((2, 3)) for each in inner], 1)
    return shares.square().mean(1), means.square().mean(1) / outer.double().abs().mean(1)


def scores(model: ZooModel, x: Tensor) -> Scores:
    """By name the scores of images (n,)."""
    assert isinstance(model.plain, PooledClassifier)
    parts = [gaia(model.plain, part) for part in x.split(_CHUNK)]
    with torch.no_grad():
        logits = model.fast(x)
    z, a = (torch.cat(each).numpy() for each in zip(*parts, strict=True))
    plain = {"softmax": -logits.softmax(1).amax(1), "energy": -logits.logsumexp(1)}
    return {"GAIA-Z": z, "GAIA-A": a, **{name: value.double().numpy() for name, value in plain.items()}}


def main() -> None:
    """Print for each score what it finds, and what a picture takes."""
    torch.set_num_threads(1)
    model, val = load_zoo_model("cifar10", "standard"), load(task_named("cifar10"), "val")
    start = time.process_time()
    usual = scores(model, val.images(2 * EACH, 2 * EACH + NORMAL))
    print(f"{(time.process_time() - start) / NORMAL * 1e3:.1f} ms of processor time a picture, in batches of {_CHUNK}")
    odd = transformed(val.images(0, EACH), val.images(EACH, 2 * EACH))
    found = {what: scores(model, x) for what, x in odd}
    for name, normal in usual.items():
        figures = {what: auroc(normal, of[name]) for what, of in found.items()}
        told = ", ".join(f"{what} {value:.3f}" for what, value in figures.items())
        print(f"{name}: mean {np.mean([*figures.values()]):.3f}; {told}")


if __name__ == "__main__":
    main()
