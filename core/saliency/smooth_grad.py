"""SmoothGrad and its kin: gradients over noisy copies of an image, by their mean, mean square or variance."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from core.draws import gaussian
from core.errors import ConfigError
from core.models.asking import at_once
from core.saliency.gradient import gradient
from core.saliency.method import STEPS, Method, Run, steps_for
from core.saliency.target import resolve_target_by

CHUNK = 128  # images a pass: larger ones leave the cache and take longer


@dataclass(frozen=True, slots=True)
class NoisyCopies:
    """Copies of an image with normal noise added, over which gradients are gathered.

    Attributes:
        samples: how many.
        noise: deviation of the noise, as a share of each image's range (largest minus smallest entry).

    Raises:
        ConfigError: samples < 1 or noise < 0.
    """

    samples: int = 10
    noise: float = 0.15

    def __post_init__(self) -> None:
        if self.samples < 1 or not 0 <= self.noise < float("inf"):
            raise ConfigError(f"need samples >= 1 and noise >= 0; got {self.samples} and {self.noise}")


TEN = NoisyCopies()


def smooth_grad(
    model: nn.Module, x: Tensor, target: Tensor, generator: torch.Generator, copies: NoisyCopies = TEN
) -> Tensor:
    """Signed attributions (B, C, H, W): the gradient of the logit of `target`, averaged over noisy copies.

    Smilkov et al. 2017, arXiv:1706.03825, eq. 2. Captum's NoiseTunnel takes neither a generator nor a deviation per
    image, so it is written out here.

    Args:
        model: images (B, C, H, W) to logits (B, K), in eval mode.
        x: images (B, C, H, W), float in [0, 1]; left unchanged. The noisy copies may leave [0, 1].
        target: the class explained, (B,), int64; a negative entry means the class predicted for the image without
            noise. With shape (B, 2), the logit of the first minus that of the second is explained.
        generator: source of the noise.
        copies: how many noisy copies, and how noisy.
    """
    return _moments(model, x, target, generator, copies)[0]


def smooth_grad_squared(
    model: nn.Module, x: Tensor, target: Tensor, generator: torch.Generator, copies: NoisyCopies = TEN
) -> Tensor:
    """Attributions (B, C, H, W), at least 0: the mean of the squared gradients over noisy copies.

    Hooker et al. 2019, arXiv:1806.10758. Arguments as for `smooth_grad`.
    """
    return _moments(model, x, target, generator, copies)[1]


def var_grad(
    model: nn.Module, x: Tensor, target: Tensor, generator: torch.Generator, copies: NoisyCopies = TEN
) -> Tensor:
    """Attributions (B, C, H, W), at least 0: the variance of the gradients over noisy copies (divisor: their number).

    Adebayo et al. 2018, arXiv:1810.03307. Arguments as for `smooth_grad`.
    """
    mean, square = _moments(model, x, target, generator, copies)
    return (square - mean.square()).clamp_min(0.0)


def _moments(
    model: nn.Module, x: Tensor, target: Tensor, generator: torch.Generator, copies: NoisyCopies
) -> tuple[Tensor, Tensor]:
    """Mean and mean square (B, C, H, W) of the gradients, several copies a pass."""
    x = x.detach()
    target = resolve_target_by(model, x, target)
    flat = x.flatten(1)
    deviation = (copies.noise * (flat.amax(1) - flat.amin(1)))[:, None, None, None]
    mean, square = torch.zeros_like(x), torch.zeros_like(x)
    together = max(1, at_once(x, CHUNK) // len(x))
    for start in range(0, copies.samples, together):
        count = min(together, copies.samples - start)
        draws = [gaussian(x.shape, generator, x) for _ in range(count)]
        noisy = torch.cat([x + deviation * draw for draw in draws])
        slopes = gradient(model, noisy, target.repeat(count, *[1] * (target.dim() - 1)))[0].view(count, *x.shape)
        mean += slopes.sum(0) / copies.samples
        square += slopes.square().sum(0) / copies.samples
    return mean, square


def _over_copies(function: Callable[[nn.Module, Tensor, Tensor, torch.Generator, NoisyCopies], Tensor]) -> Run:
    return lambda ask: function(ask.model, ask.x, ask.target, ask.generator, NoisyCopies(steps_for(ask.x)))


_of_noisy_slopes = partial(Method, family="gradient", cost=3 * STEPS, random=True, averages=True)

SMOOTH_GRAD_METHOD = _of_noisy_slopes(
    "smooth-grad",
    "SmoothGrad",
    "Smilkov et al. 2017, arXiv:1706.03825, eq. 2",
    sentence="The mean gradient over noisy copies of the image.",
    run=_over_copies(smooth_grad),
)

SMOOTH_GRAD_SQUARED_METHOD = _of_noisy_slopes(
    "smooth-grad-squared",
    "SmoothGrad squared",
    "Hooker et al. 2019, arXiv:1806.10758",
    sentence="The mean squared gradient over noisy copies: where the score is sensitive, without direction.",
    run=_over_copies(smooth_grad_squared),
    signed=False,
)

VAR_GRAD_METHOD = _of_noisy_slopes(
    "var-grad",
    "VarGrad",
    "Adebayo et al. 2018, arXiv:1810.03307",
    sentence="How much the gradient varies over noisy copies of the image.",
    run=_over_copies(var_grad),
    signed=False,
)
