"""Infidelity and max-sensitivity: does a map foretell what noise does, and does it hold still?"""

from collections.abc import Callable, Iterator

import torch
from captum.metrics import sensitivity_max
from scipy.stats import beta
from torch import Tensor, nn

from core.draws import gaussian, uniform
from core.models.asking import at_once
from core.saliency.target import score

SAMPLES = 128
"""Draws of infidelity's noise."""
CHANGES = 8
"""Draws of max-sensitivity's noise; each costs a map."""
NOISE = 0.1
"""Deviation of infidelity's noise, in the [0, 1] range."""
RADIUS = 0.02
"""Of max-sensitivity's noise, L-infinity; the default of its authors and of Captum."""
AT_ONCE = 256
"""The most images that infidelity asks the network about at once."""


def infidelity(
    model: nn.Module, x: Tensor, attributions: Tensor, target: Tensor, seed: int = 0, samples: int = SAMPLES
) -> Tensor:
    """The share (B,) of the score's answer to noise that a map does not foretell; 1 is knowing nothing, lower better.

    Yeh et al. 2019, arXiv:1901.09392, Def. 2.1: the mean of `(<I, map> - (f(x) - f(x - I)))^2` over noise I, here
    Gaussian, over the mean of `(f(x) - f(x - I))^2`, so that networks whose logits have another size compare. Two
    departures. The map is scaled as suits it best by a factor of at least 0: one of the wrong sign foretells nothing.
    And as that factor is fitted to the draws, what is left is taken over one degree of freedom less: the share is
    unbiased, so that a map that knows nothing has 1 on average, whatever the number of draws, and may lie a little
    above; how far below by chance, `floor` says. NaN where the noise changes nothing.

    Args:
        model: images (B, C, H, W) to logits (B, K), in eval mode.
        x: images (B, C, H, W), float in [0, 1].
        attributions: (B, C, H, W).
        target: the class explained (B,), or the contrast (B, 2), int64, not negative.
        seed: of the noise.
        samples: draws an image, at least 2.
    """
    answered, told, both = (torch.zeros(len(x), dtype=torch.float64) for _ in range(3))
    for noise, answers in answers_to_noise(model, x, target, seed, samples):
        foretold = (noise * attributions).flatten(2).sum(2).cpu().double()
        answered += answers.square().sum(0)
        told += foretold.square().sum(0)
        both += (foretold * answers).sum(0)
    explained = both.clamp_min(0.0).square() / (told * answered)
    left = (1 - explained) * samples / (samples - 1)
    known = torch.where((both > 0) & (told > 0), left, 1.0)
    return torch.where(answered > 0, known, torch.nan).to(x.dtype).to(x.device)


def answers_to_noise(
    model: nn.Module, x: Tensor, target: Tensor, seed: int, samples: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Infidelity's noise I (S, B, C, H, W), some draws at a time, and f(x) - f(x - I) of each, float64 (S, B)."""
    generator = torch.Generator().manual_seed(seed)
    step = max(1, at_once(x, AT_ONCE) // len(x))
    with torch.no_grad():
        clean = score(model(x).float(), target)
        for start in range(0, samples, step):
            draws = min(step, samples - start)
            noise = NOISE * gaussian((draws, *x.shape), generator, x)
            classes = target.repeat(draws, *[1] * (target.dim() - 1))
            disturbed = score(model((x - noise).flatten(0, 1)).float(), classes).view(draws, len(x))
            yield noise, (clean - disturbed).cpu().double()


def floor(samples: int = SAMPLES) -> float:
    """The infidelity above which nineteen of twenty maps lie that know nothing.

    For Gaussian answers the squared correlation of such a map has a beta distribution, and half of them have the wrong
    sign and thus 1.
    """
    return float((1 - beta.ppf(0.9, 0.5, (samples - 1) / 2)) * samples / (samples - 1))


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
    generator = torch.Generator().manual_seed(seed)

    def disturb(points: Tensor, radius: float) -> Tensor:
        noise = uniform(points.shape, generator, points)
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
