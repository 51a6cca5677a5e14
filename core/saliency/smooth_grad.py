"""SmoothGrad: the mean input gradient over noisy copies of an image."""

import torch
from torch import Tensor, nn

from core.errors import ConfigError
from core.saliency.gradient import gradient


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
            noise.
        generator: source of the noise.
        samples: noisy copies.
        noise: deviation of the noise, as a share of each image's range (largest minus smallest entry).

    Raises:
        ConfigError: samples < 1 or noise < 0.
    """
    if samples < 1 or not 0 <= noise < float("inf"):
        raise ConfigError(f"need samples >= 1 and noise >= 0; got {samples} and {noise}")
    x = x.detach()
    with torch.no_grad():
        chosen = torch.where(target < 0, model(x).argmax(1), target)
    flat = x.flatten(1)
    deviation = (noise * (flat.amax(1) - flat.amin(1)))[:, None, None, None]
    total = torch.zeros_like(x)
    for _ in range(samples):
        draw = torch.randn(x.shape, generator=generator, dtype=x.dtype, device=x.device)
        total += gradient(model, x + deviation * draw, chosen)[0]
    return total / samples
