"""APGD, the parameter-free attack of AutoAttack, from the library pyautoattack; judged here."""

import importlib
import warnings
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal

import torch
from torch import Tensor, nn

from core.devices import bfloat16
from core.errors import ConfigError, InputError
from core.models.asking import CheckedNetwork, differentiating
from core.norms import Norm, check_norm, precise, project, round_towards

LIBRARY = "pyautoattack"
MIN_CLASSES = 4  # the targeted DLR loss divides by a difference of the four largest logits


@dataclass(frozen=True, slots=True)
class Apgd:
    """APGD on cross-entropy, then APGD on the targeted DLR loss on what stands (Croce, Hein 2020, arXiv:2003.01690).

    The first and the second part of AutoAttack's standard version, with its settings, one restart each.

    Attributes:
        epsilon: radius of the ball in input units.
        norm: "linf" or "l2".
        iterations: of each run.
        targets: classes aimed at by DLR, in order of their clean logits; all other classes where there are fewer.
        precision: of the gradients: "fp32", or "bf16" autocast where the device computes in it, with a float32 run for
            images that only bfloat16 takes for broken. Success is judged in float32 in either case.

    Raises:
        ConfigError: epsilon <= 0, iterations < 1, targets < 1 or an unknown precision.
    """

    epsilon: float
    norm: Norm = "linf"
    iterations: int = 100
    targets: int = 9
    precision: Literal["fp32", "bf16"] = "fp32"

    def __post_init__(self) -> None:
        check_norm(self.norm)
        if not 0 < self.epsilon < float("inf") or self.iterations < 1 or self.targets < 1:
            raise ConfigError(f"need epsilon > 0, iterations >= 1, targets >= 1; got {self}")
        if self.precision not in ("fp32", "bf16"):
            raise ConfigError(f"precision must be fp32 or bf16; got {self.precision!r}")

    @differentiating
    def __call__(self, model: nn.Module, x: Tensor, labels: Tensor, seed: int = 0) -> Tensor:
        """Images within [0, 1] and within epsilon of `x`; those that the model gets wrong already are returned as is.

        Args:
            model: images (B, C, H, W) to logits (B, K), K at least 4, in eval mode and frozen.
            x: clean images (B, C, H, W), float32 in [0, 1]; left unchanged.
            labels: the right classes (B,), int64.
            seed: of the starts. torch's global generator is left as found.

        Raises:
            InputError: the library is not installed, or pixels, or answers, that are no numbers.
            ConfigError: fewer than four classes, or a label of no class.
        """
        library = load_library()
        clean, model = x.detach(), CheckedNetwork(model, x, labels)
        x = precise(clean)
        x_adv = x.clone()
        standing, classes = _right(model, x_adv, labels)
        if classes < MIN_CLASSES:
            raise ConfigError(f"the targeted DLR loss needs {MIN_CLASSES} classes; got {classes}")
        for name in ("APGDAttack", "APGDAttack_targeted"):
            for precision in dict.fromkeys((self.precision, "fp32")):
                chosen = standing.nonzero()[:, 0]
                if precision != self.precision and len(chosen):  # images that bfloat16 alone takes for broken
                    chosen = chosen[~_right(_Autocast(model), x_adv[chosen], labels[chosen])[0]]
                if len(chosen) == 0:
                    continue
                attacked = model if precision == "fp32" else _Autocast(model)
                attack = self._from(library, name, attacked, classes, seed)
                x_adv[chosen] = self._inside(_perturb(attack, x[chosen], labels[chosen]), x[chosen])
                standing[chosen] = _right(model, x_adv[chosen], labels[chosen])[0]
        return round_towards(x_adv, clean)

    def _from(self, library: ModuleType, name: str, model: nn.Module, classes: int, seed: int) -> Any:
        """The library's attack of that name, with these settings."""
        extra = {"n_target_classes": min(self.targets, classes - 1)} if name == "APGDAttack_targeted" else {}
        norm = {"linf": "Linf", "l2": "L2"}[self.norm]
        return getattr(library, name)(model, n_iter=self.iterations, norm=norm, eps=self.epsilon, seed=seed, **extra)

    def _inside(self, found: Tensor, x: Tensor) -> Tensor:
        """The library's images, put into the ball and into [0, 1] where rounding left them outside."""
        return (x + project(found - x, self.epsilon, self.norm)).clamp(0.0, 1.0)


def load_library() -> ModuleType:
    """The library's module with APGD.

    Raises:
        InputError: it is not installed.
    """
    try:
        return importlib.import_module(f"{LIBRARY}.autopgd_base")
    except ImportError as error:
        raise InputError(
            f"APGD comes from the library {LIBRARY}, which is not installed: "
            "run 'pip install -r requirements-evaluation.txt'"
        ) from error


class _Autocast(nn.Module):
    """A network whose forward and backward pass run in bfloat16; logits are float32."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, K)."""
        with bfloat16(x.device):
            logits: Tensor = self.model(x).float()
            return logits


def _perturb(attack: Any, x: Tensor, labels: Tensor) -> Tensor:
    """What the library finds; it seeds the global generator, and warns of zero gradients, which a report counts."""
    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"there are \d+ points with zero gradient")
        x_adv: Tensor = attack.perturb(x, labels).detach()
        return x_adv


def _right(model: nn.Module, x: Tensor, labels: Tensor) -> tuple[Tensor, int]:
    """Whether each image is classified as labelled (B,), and the number of classes."""
    with torch.no_grad():
        logits = model(x)
    return logits.argmax(1) == labels, logits.shape[1]
