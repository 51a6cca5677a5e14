"""Repeated uphill steps on the divergence from the clean prediction, which need no label."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import kl_div

from core.draws import gaussian
from core.errors import ConfigError
from core.models.asking import CheckedNetwork, differentiating
from core.norms import Norm, check_norm, precise, project, round_towards, steepest_ascent_direction

START = 0.001  # deviation of the start; at the image itself the divergence has no gradient


@dataclass(frozen=True, slots=True)
class KlAscent:
    """Ascent on `KL(f(x) || f(x'))` from a start close to the image.

    Zhang et al. 2019, arXiv:1901.08573, Alg. 1, as coded.

    Attributes:
        epsilon: radius of the ball in [0, 1] pixel units.
        norm: "linf" or "l2".
        steps: gradient steps.
        step_size: length of a step in `norm`; None takes 2.5 epsilon / steps, which is the authors' 2/255 for 8/255.

    Raises:
        ConfigError: epsilon < 0, step_size <= 0 or steps < 1.
    """

    epsilon: float
    norm: Norm = "linf"
    steps: int = 10
    step_size: float | None = None

    def __post_init__(self) -> None:
        check_norm(self.norm)
        if not 0 <= self.epsilon < float("inf") or self.steps < 1:
            raise ConfigError(f"need epsilon >= 0 and steps >= 1; got {self.epsilon} and {self.steps}")
        if self.step_size is not None and self.step_size <= 0:
            raise ConfigError(f"step_size must be above 0; got {self.step_size}")

    @property
    def step(self) -> float:
        """The length of one step, in [0, 1] pixel units."""
        return 2.5 * self.epsilon / self.steps if self.step_size is None else self.step_size

    @differentiating
    def __call__(self, model: nn.Module, x: Tensor, generator: torch.Generator) -> Tensor:
        """Images that the network sees otherwise than `x`, within [0, 1] and within epsilon of `x`.

        Args:
            model: images (B, C, H, W) to logits (B, K), in eval mode.
            x: clean images (B, C, H, W), float in [0, 1]; left unchanged.
            generator: source of the start, normal noise of deviation 0.001.

        Raises:
            InputError: pixels, or answers, that are no numbers.
        """
        original, model = x.detach(), CheckedNetwork(model, x)
        x = precise(original)
        with torch.no_grad():
            clean = precise(model(x)).log_softmax(1)
        noise = START * gaussian(x.shape, generator, x)
        x_adv = (x + project(noise, self.epsilon, self.norm)).clamp(0.0, 1.0)
        for _ in range(self.steps):
            found = precise(model(x_adv.requires_grad_())).log_softmax(1)
            (grad,) = torch.autograd.grad(kl_div(found, clean, reduction="sum", log_target=True), x_adv)
            delta = x_adv.detach() + self.step * steepest_ascent_direction(grad, self.norm) - x
            x_adv = (x + project(delta, self.epsilon, self.norm)).clamp(0.0, 1.0)
        return round_towards(x_adv, original)
