"""Attacked images that detectors learn, and against which they are measured: right before, and wrong after."""

import torch
from torch import Tensor

from core.attacks.ddn import Ddn
from core.attacks.fgsm import Fgsm
from core.attacks.pgd import Pgd
from core.models.zoo import ZooModel

ATTACKS = ("fgsm", "pgd-quarter", "pgd-half", "pgd", "least-likely", "ddn")
"""FGSM at the task's radius in L-infinity; PGD at a quarter, half and all of it; PGD towards the least likely class;
and the smallest change in L2."""
STEPS = 20
"""Of PGD."""
_SHARES = {"pgd-quarter": 0.25, "pgd-half": 0.5, "pgd": 1.0}


def attacked(model: ZooModel, name: str, x: Tensor, labels: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """The attacked images that were right before and are wrong after, and which they are.

    Args:
        model: the network.
        name: of `ATTACKS`.
        x: images (B, C, H, W), float in [0, 1].
        labels: their classes (B,).
        seed: of the random start.
    """
    radius, network = model.task.radii["linf"], model.fast
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        logits = network(x)
    match name:
        case "fgsm":
            x_adv = Fgsm(radius)(network, x, labels)
        case "ddn":
            x_adv = Ddn()(network, x, labels)
        case "least-likely":
            x_adv = Pgd(radius, "linf", STEPS, targeted=True)(network, x, logits.argmin(1), generator)
        case _:
            x_adv = Pgd(_SHARES[name] * radius, "linf", STEPS)(network, x, labels, generator)
    with torch.no_grad():
        hit = (logits.argmax(1) == labels) & (network(x_adv).argmax(1) != labels)
    return x_adv[hit], hit.nonzero()[:, 0]
