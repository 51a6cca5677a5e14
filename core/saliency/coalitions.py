"""KernelSHAP and LIME: a linear model of what each superpixel adds, fitted to images with some of them covered."""

from collections.abc import Callable
from functools import partial
from itertools import product
from math import comb

import torch
from torch import Tensor

from core.errors import ConfigError, InputError
from core.models.asking import at_once
from core.progress import check
from core.saliency.method import MASKED, AttributionRequest, Method
from core.saliency.occlusion import GREY
from core.saliency.superpixels import superpixels
from core.saliency.target import resolve_target_by, score

CHUNK = 64  # covered images a pass: short passes, so that progress is seen
KERNEL_WIDTH = 0.25
"""Of LIME's weights, in units of the cosine distance; the default of its authors' code for images."""
RIDGE = 1.0
"""LIME's penalty on squared coefficients; the default of its authors' code."""

Fit = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def kernel_shap(ask: AttributionRequest, samples: int = MASKED, pieces: Tensor | None = None) -> Tensor:
    """Signed attributions (B, C, H, W), in logits, the same over a superpixel: estimates of its Shapley value.

    Lundberg, Lee 2017, arXiv:1705.07874, Theorem 2. A superpixel that is absent is mid-grey. The coalitions are drawn
    by the Shapley kernel, each with its complement; that the values sum to `f(x) - f(all grey)` is kept exactly. With M
    superpixels and `2^M <= samples`, all coalitions are taken and the values are exact. A superpixel's value stands on
    each of its pixels undivided. Captum's version draws from the global generator and fits with scikit-learn, so it is
    written out here.

    Args:
        ask: what is explained, and the source of the coalitions; told of coalitions done. A negative entry of its
            target means the class predicted.
        samples: coalitions an image.
        pieces: for each pixel the number of its piece (B, H, W), int64 from 0 up; None takes `superpixels`.

    Raises:
        ConfigError: samples < 2.
        InputError: the network answers with values that are not finite.
        StoppedError: `should_stop` said so.
    """
    return _Work(ask, pieces).maps(lambda count: _shapley_draws(count, samples, ask.generator), _shapley_fit, samples)


def lime(ask: AttributionRequest, samples: int = MASKED, pieces: Tensor | None = None) -> Tensor:
    """Signed attributions (B, C, H, W), in logits, the same over a superpixel: its coefficient in LIME's linear model.

    Ribeiro et al. 2016, arXiv:1602.04938, Sec. 3.4, as their code for images: each superpixel is present with
    probability 1/2 or mid-grey, samples weigh `exp(-d^2 / 0.25^2)` with their square root taken, d the cosine distance
    to the whole image, and the coefficients are fitted by ridge regression with an intercept. The paper's score is a
    probability; here it is the logit, as in all our maps. Arguments and errors as for `kernel_shap`.
    """
    return _Work(ask, pieces).maps(lambda count: _even_draws(count, samples, ask.generator), _ridge_fit, samples)


class _Work:
    """The scores of an image with coalitions of its pieces present, and a linear model fitted to them."""

    def __init__(self, ask: AttributionRequest, pieces: Tensor | None) -> None:
        self.ask, self.x = ask, ask.x.detach()
        self.classes = resolve_target_by(ask.model, self.x, ask.target)
        self.pieces = superpixels(self.x) if pieces is None else pieces

    def maps(self, draws: Callable[[int], tuple[Tensor, Tensor]], fit: Fit, samples: int) -> Tensor:
        """Attributions (B, C, H, W)."""
        if samples < 2:
            raise ConfigError(f"samples must be at least 2; got {samples}")
        found = []
        for index in range(len(self.x)):
            count = int(self.pieces[index].max()) + 1
            coalitions, weights = draws(count)
            ends = torch.tensor([[False], [True]]).expand(2, count)
            scores = self._scores(index, torch.cat([ends, coalitions]), samples)
            values = fit(coalitions.double(), weights.double(), scores[2:], scores[:2])
            found.append(values.to(self.x)[self.pieces[index]].expand(self.x.shape[1:]))
        return torch.stack(found)

    def _scores(self, index: int, coalitions: Tensor, samples: int) -> Tensor:
        """What is explained (N,), in double precision, for coalitions (N, M), bool."""
        image, pieces = self.x[index], self.pieces[index]
        scores = []
        for part in coalitions.to(image.device).split(at_once(self.x, CHUNK)):
            check(self.ask.should_stop)
            points = torch.where(part[:, pieces][:, None], image, GREY)
            classes = self.classes[index : index + 1].expand(len(part), *self.classes.shape[1:])
            with torch.no_grad():
                scores.append(score(self.ask.model(points).float(), classes).cpu().double())
            done = index * samples + min(samples, sum(map(len, scores)))
            self.ask.on_progress(done, len(self.x) * samples)
        found = torch.cat(scores)
        if not bool(found.isfinite().all()):
            raise InputError("the network answers covered images with values that are not finite")
        return found


def _shapley_draws(count: int, samples: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Coalitions (N, M), bool, neither empty nor whole, and their weights (N,)."""
    if count <= 30 and 2**count <= max(samples, 4):
        every = torch.tensor(list(product((False, True), repeat=count)), dtype=torch.bool)
        sizes = every.sum(1)
        every = every[(sizes > 0) & (sizes < count)]
        kernel = [(count - 1) / (comb(count, s) * s * (count - s)) for s in every.sum(1).tolist()]
        return every, torch.tensor(kernel, dtype=torch.float64)
    sizes = torch.arange(1, count, dtype=torch.float64)
    drawn = torch.multinomial(1 / (sizes * (count - sizes)), samples // 2, replacement=True, generator=generator) + 1
    order = torch.rand(samples // 2, count, generator=generator).argsort(1).argsort(1)
    half = order < drawn[:, None]
    return torch.cat([half, ~half]), torch.ones(2 * len(half), dtype=torch.float64)


def _shapley_fit(coalitions: Tensor, weights: Tensor, scores: Tensor, ends: Tensor) -> Tensor:
    """Values (M,) that sum to the whole's gain, by weighted least squares; of equals the shortest."""
    gain = ends[1] - ends[0]
    if coalitions.shape[1] == 1:
        return gain[None]
    last = coalitions[:, -1]
    design = (coalitions[:, :-1] - last[:, None]) * weights.sqrt()[:, None]
    goal = (scores - ends[0] - last * gain) * weights.sqrt()
    values = torch.linalg.lstsq(design, goal[:, None], driver="gelsd").solution[:, 0]
    return torch.cat([values, (gain - values.sum())[None]])


def _even_draws(count: int, samples: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Coalitions (N, M), bool, and LIME's weights (N,)."""
    coalitions = torch.rand(samples, count, generator=generator) < 0.5
    cosine = (coalitions.double().mean(1)).sqrt()  # of a 0-1 vector with the vector of ones
    return coalitions, (-((1 - cosine) ** 2) / KERNEL_WIDTH**2).exp().sqrt()


def _ridge_fit(coalitions: Tensor, weights: Tensor, scores: Tensor, ends: Tensor) -> Tensor:
    """Coefficients (M,) of weighted ridge regression with a free intercept; the whole image is one of the samples."""
    coalitions = torch.cat([coalitions, torch.ones(1, coalitions.shape[1], dtype=torch.float64)])
    weights, scores = torch.cat([weights, torch.ones(1, dtype=torch.float64)]), torch.cat([scores, ends[1:]])
    share = weights / weights.sum()
    centred = coalitions - (share[:, None] * coalitions).sum(0)
    heights = scores - (share * scores).sum()
    square = centred.T @ (weights[:, None] * centred) + RIDGE * torch.eye(centred.shape[1], dtype=torch.float64)
    coefficients: Tensor = torch.linalg.solve(square, centred.T @ (weights * heights))
    return coefficients


_of_coalitions = partial(Method, family="cover", cost=MASKED, random=True, flat=True, long=True)

KERNEL_SHAP_METHOD = _of_coalitions(
    "kernel-shap",
    "KernelSHAP",
    "Lundberg, Lee 2017, arXiv:1705.07874, Theorem 2",
    sentence="Each piece's fair share (Shapley value) of the score, estimated from images with some pieces grey.",
    run=kernel_shap,
)

LIME_METHOD = _of_coalitions(
    "lime",
    "LIME",
    "Ribeiro et al. 2016, arXiv:1602.04938, Sec. 3.4",
    sentence="Each piece's weight in a linear model of the score near this image.",
    run=lime,
)
