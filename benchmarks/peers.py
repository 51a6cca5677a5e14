"""PGD as each library does it, and as its documentation says to use it: same start, step, steps and clamp."""

from collections.abc import Callable, Sequence

import foolbox
import numpy as np
import torch
from art.attacks.evasion import ProjectedGradientDescentPyTorch
from art.estimators.classification import PyTorchClassifier
from torch import Tensor, nn

from core.attacks.pgd import Pgd
from core.attacks.robust_at import robust_at
from core.torchvision_compat import torchvision  # noqa: F401 - torchattacks imports torchvision, which needs this first

# isort: split
import torchattacks

Run = Callable[[], Tensor]


def ours(model: nn.Module, x: Tensor, labels: Tensor, attack: Pgd) -> Run:
    """Our attack; give it the fast form of the network."""
    return lambda: attack(model, x, labels)


def by_torchattacks(model: nn.Module, x: Tensor, labels: Tensor, attack: Pgd) -> Run:
    """torchattacks.PGD and PGDL2."""
    kind = torchattacks.PGD if attack.norm == "linf" else torchattacks.PGDL2
    theirs = kind(model, eps=attack.epsilon, alpha=attack.step, steps=attack.steps, random_start=False)
    return lambda: theirs(x, labels)


def by_foolbox(model: nn.Module, x: Tensor, labels: Tensor, attack: Pgd) -> Run:
    """foolbox LinfPGD and L2PGD; the clipped images are taken."""
    kind = foolbox.attacks.LinfPGD if attack.norm == "linf" else foolbox.attacks.L2PGD
    theirs = kind(abs_stepsize=attack.step, steps=attack.steps, random_start=False)
    wrapped = foolbox.PyTorchModel(model, bounds=(0.0, 1.0), device=x.device)
    return lambda: theirs(wrapped, x, labels, epsilons=attack.epsilon)[1]


def by_art(model: nn.Module, x: Tensor, labels: Tensor, attack: Pgd) -> Run:
    """ART's PyTorch form; it takes and gives NumPy arrays, float32 only."""
    wrapped = PyTorchClassifier(
        model, nn.CrossEntropyLoss(), tuple(x.shape[1:]), 10, clip_values=(0.0, 1.0), device_type="cpu"
    )
    theirs = ProjectedGradientDescentPyTorch(
        wrapped,
        norm=np.inf if attack.norm == "linf" else 2,
        eps=attack.epsilon,
        eps_step=attack.step,
        max_iter=attack.steps,
        batch_size=len(x),
        verbose=False,
    )
    images, classes = x.numpy(), labels.numpy()
    return lambda: torch.from_numpy(theirs.generate(images, classes))


PEERS = {"torchattacks": by_torchattacks, "foolbox": by_foolbox, "ART": by_art}


def our_curve(model: nn.Module, x: Tensor, labels: Tensor, epsilons: Sequence[float], attack: Pgd) -> Run:
    """Which images stand at each radius, bool (B, E), our way."""
    return lambda: robust_at(model, x, labels, epsilons, attack)


def torchattacks_curve(model: nn.Module, x: Tensor, labels: Tensor, epsilons: Sequence[float], attack: Pgd) -> Run:
    """The loop over radii that torchattacks' examples show: attack everything, then ask the network."""

    def run() -> Tensor:
        columns = []
        for epsilon in epsilons:
            one = Pgd(epsilon, attack.norm, attack.steps, random_start=False)
            x_adv = by_torchattacks(model, x, labels, one)()
            with torch.no_grad():
                columns.append(model(x_adv).argmax(1) == labels)
        return torch.stack(columns, 1)

    return run


def foolbox_curve(model: nn.Module, x: Tensor, labels: Tensor, epsilons: Sequence[float], attack: Pgd) -> Run:
    """foolbox with its list of radii, as in its documentation's first example."""
    kind = foolbox.attacks.LinfPGD if attack.norm == "linf" else foolbox.attacks.L2PGD
    theirs = kind(rel_stepsize=2.5 / attack.steps, steps=attack.steps, random_start=False)
    wrapped = foolbox.PyTorchModel(model, bounds=(0.0, 1.0), device=x.device)
    return lambda: ~theirs(wrapped, x, labels, epsilons=list(epsilons))[2].T


CURVES = {"torchattacks": torchattacks_curve, "foolbox": foolbox_curve}
