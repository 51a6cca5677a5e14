"""Infidelity and max-sensitivity, through Captum: does a map foretell what noise does, and does it hold still?"""

from collections.abc import Callable

import torch
from captum.metrics import infidelity as captum_infidelity
from captum.metrics import sensitivity_max
from torch import Tensor, nn

from core.saliency.target import score

SAMPLES = 16
"""Draws of infidelity's noise."""
CHANGES = 8
"""Draws of max-sensitivity's noise; each costs a map."""
NOISE = 0.1
"""Deviation of infidelity's noise, in the [0, 1] range."""
RADIUS = 0.02
"""Of max-sensitivity's noise, L-infinity; the default of its authors and of Captum."""


def infidelity(
    model: nn.Module, x: Tensor, attributions: Tensor, target: Tensor, seed: int = 0, samples: int = SAMPLES
) -> Tensor:
    """The share (B,) of the score's answer to noise that a map does not foretell, in [0, 1]; lower is better.

    Yeh et al. 2019, arXiv:1901.09392, Def. 2.1: the mean of `(<I, map> - (f(x) - f(x - I)))^2` over noise I, here
    Gaussian; the map is scaled as suits it best, and the result is divided by the mean of `(f(x) -
    f(x - I))^2`, so that networks whose logits have another size compare. NaN where the noise changes nothing.

    Args:
        model: images (B, C, H, W) to logits (B, K), in eval mode.
        x: images (B, C, H, W), float in [0, 1].
        attributions: (B, C, H, W).
        target: the class explained (B,), or the contrast (B, 2), int64, not negative.
        seed: of the noise.
        samples: draws an image.
    """

    def value(points: Tensor) -> Tensor:
        return score(model(points).float(), _repeated(target, len(points)))

    def run(maps: Tensor, normalize: bool) -> Tensor:
        generator = torch.Generator(device=x.device).manual_seed(seed)

        def disturb(points: Tensor) -> tuple[Tensor, Tensor]:
            noise = NOISE * torch.randn(points.shape, generator=generator, dtype=points.dtype, device=points.device)
            return noise, points - noise

        infidelity: Tensor = captum_infidelity(
            value, disturb, x.detach(), maps.contiguous(), n_perturb_samples=samples, normalize=normalize
        )
        return infidelity

    whole = run(torch.zeros_like(x), False)
    left = run(attributions, True)
    return torch.where(whole > 0, (left / torch.where(whole > 0, whole, 1.0)).clamp(0.0, 1.0), torch.nan)


def max_sensitivity(
    explain: Callable[[Tensor, Tensor], Tensor], x: Tensor, target: Tensor, seed: int = 0, samples: int = CHANGES
) -> Tensor:
    """The largest change (B,) of a map under small noise, relative to the map's length; lower is better.

    Yeh et al. 2019, arXiv:1901.09392, Def. 3.1: the noise is uniform in an L-infinity ball of radius 0.02. For methods
    that draw, what the draws change counts, too.

    Args:
        explain: images and targets to attributions (B, C, H, W).
        x: images (B, C, H, W), float in [0, 1].
        target: the class explained (B,), or the contrast (B, 2), int64, not negative; kept while the image changes.
        seed: of the noise.
        samples: draws an image.
    """
    generator = torch.Generator(device=x.device).manual_seed(seed)

    def disturb(points: Tensor, radius: float) -> Tensor:
        noise = torch.rand(points.shape, generator=generator, dtype=points.dtype, device=points.device)
        return points + (2 * noise - 1) * radius

    def maps(points: Tensor | tuple[Tensor, ...]) -> tuple[Tensor]:
        images = points if isinstance(points, Tensor) else points[0]
        with torch.enable_grad():  # Captum switches it off around us
            return (explain(images, _repeated(target, len(images))).contiguous(),)

    sensitivity: Tensor = sensitivity_max(maps, x.detach(), disturb, RADIUS, samples)
    return sensitivity


def _repeated(target: Tensor, count: int) -> Tensor:
    """Targets for a batch in which Captum has each image several times in a row."""
    return target.repeat_interleave(count // len(target), 0)
