"""SmoothGrad and its kin: gradients over noisy copies of an image, by their mean, mean square or variance."""

import torch
from torch import Tensor, nn

from core.errors import ConfigError
from core.saliency.gradient import gradient
from core.saliency.method import STEPS, Method
from core.saliency.target import resolve_target_by

CHUNK = 128  # images a pass: larger ones leave the cache and take longer


def smooth_grad(
    model: nn.Module,
    x: Tensor,
    target: Tensor,
    generator: torch.Generator,
    samples: int = 10,
    noise: float = 0.15,
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
        samples: noisy copies.
        noise: deviation of the noise, as a share of each image's range (largest minus smallest entry).

    Raises:
        ConfigError: samples < 1 or noise < 0.
    """
    return _moments(model, x, target, generator, samples, noise)[0]


def smooth_grad_squared(
    model: nn.Module,
    x: Tensor,
    target: Tensor,
    generator: torch.Generator,
    samples: int = 10,
    noise: float = 0.15,
) -> Tensor:
    """Attributions (B, C, H, W), at least 0: the mean of the squared gradients over noisy copies.

    Hooker et al. 2019, arXiv:1806.10758. Arguments and errors as for `smooth_grad`.
    """
    return _moments(model, x, target, generator, samples, noise)[1]


def var_grad(
    model: nn.Module,
    x: Tensor,
    target: Tensor,
    generator: torch.Generator,
    samples: int = 10,
    noise: float = 0.15,
) -> Tensor:
    """Attributions (B, C, H, W), at least 0: the variance of the gradients over noisy copies (divisor `samples`).

    Adebayo et al. 2018, arXiv:1810.03307. Arguments and errors as for `smooth_grad`.
    """
    mean, square = _moments(model, x, target, generator, samples, noise)
    return (square - mean.square()).clamp_min(0.0)


def _moments(
    model: nn.Module, x: Tensor, target: Tensor, generator: torch.Generator, samples: int, noise: float
) -> tuple[Tensor, Tensor]:
    """Mean and mean square (B, C, H, W) of the gradients, several copies a pass."""
    if samples < 1 or not 0 <= noise < float("inf"):
        raise ConfigError(f"need samples >= 1 and noise >= 0; got {samples} and {noise}")
    x = x.detach()
    target = resolve_target_by(model, x, target)
    flat = x.flatten(1)
    deviation = (noise * (flat.amax(1) - flat.amin(1)))[:, None, None, None]
    mean, square = torch.zeros_like(x), torch.zeros_like(x)
    together = max(1, CHUNK // len(x))
    for start in range(0, samples, together):
        count = min(together, samples - start)
        draws = [torch.randn(x.shape, generator=generator, dtype=x.dtype, device=x.device) for _ in range(count)]
        copies = torch.cat([x + deviation * draw for draw in draws])
        slopes = gradient(model, copies, target.repeat(count, *[1] * (target.dim() - 1)))[0].view(count, *x.shape)
        mean += slopes.sum(0) / samples
        square += slopes.square().sum(0) / samples
    return mean, square


SMOOTH_GRAD_METHOD = Method(
    key="smooth-grad",
    title="SmoothGrad",
    source="Smilkov et al. 2017, arXiv:1706.03825, eq. 2",
    family="gradient",
    cost=3 * STEPS,
    sentence="The mean gradient over noisy copies of the image.",
    run=lambda ask: smooth_grad(ask.model, ask.x, ask.target, ask.generator, STEPS),
    random=True,
)

SMOOTH_GRAD_SQUARED_METHOD = Method(
    key="smooth-grad-squared",
    title="SmoothGrad squared",
    source="Hooker et al. 2019, arXiv:1806.10758",
    family="gradient",
    cost=3 * STEPS,
    sentence="The mean squared gradient over noisy copies: where the score is sensitive, without direction.",
    run=lambda ask: smooth_grad_squared(ask.model, ask.x, ask.target, ask.generator, STEPS),
    signed=False,
    random=True,
)

VAR_GRAD_METHOD = Method(
    key="var-grad",
    title="VarGrad",
    source="Adebayo et al. 2018, arXiv:1810.03307",
    family="gradient",
    cost=3 * STEPS,
    sentence="How much the gradient varies over noisy copies of the image.",
    run=lambda ask: var_grad(ask.model, ask.x, ask.target, ask.generator, STEPS),
    signed=False,
    random=True,
)
