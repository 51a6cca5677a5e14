"""What a score loses when a part of the image is covered: occlusion by a sliding window, and by superpixel."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from captum.attr import FeatureAblation, Occlusion
from torch import Tensor

from core.errors import ConfigError, InputError
from core.models.asking import at_once
from core.progress import check, silent
from core.saliency.method import AttributionRequest, Method, is_large
from core.saliency.superpixels import superpixels
from core.saliency.target import resolve_target_by, score

CHUNK = 64  # covered images a pass: short passes, so that progress is seen
GREY = 0.5
"""What covers a part."""


def occlusion(ask: AttributionRequest, window: int = 5, stride: int = 2) -> Tensor:
    """Signed attributions (B, C, H, W), in logits, the same on every channel: what is lost by covering a pixel.

    Zeiler, Fergus 2014, arXiv:1311.2901, Sec. 4.2, through Captum: a square of mid-grey slides over the image, and each
    pixel gets the mean loss of what is explained over the squares that cover it.

    Args:
        ask: what is explained; told of passes done. A negative entry of its target means the class predicted.
        window: side of the square, in pixels.
        stride: pixels from one square to the next.

    Raises:
        ConfigError: window < 1, or stride outside 1..window (pixels between squares would never be covered).
        InputError: the image is smaller than the window.
        StoppedError: `should_stop` said so.
    """
    if window < 1 or not 1 <= stride <= window:
        raise ConfigError(f"need window >= 1 and stride in 1..window; got {window} and {stride}")
    x = ask.x.detach()
    if window > min(x.shape[2:]):
        raise InputError(f"a window of {window} pixels does not fit into {x.shape[3]}x{x.shape[2]} pixels")
    squares = [-(-(side - window) // stride) + 1 for side in x.shape[2:]]
    together = max(1, at_once(x, CHUNK) // len(x))
    passes = 1 + -(-squares[0] * squares[1] // together)
    value = _counted(replace(ask, target=resolve_target_by(ask.model, x, ask.target)), len(x), passes)
    shape = (x.shape[1], window, window)
    steps = (x.shape[1], stride, stride)
    with torch.no_grad():
        attributions: Tensor = (
            Occlusion(value)
            .attribute(x, shape, strides=steps, baselines=GREY, perturbations_per_eval=together)
            .to(x.dtype)
        )
        return attributions


def feature_ablation(ask: AttributionRequest, pieces: Tensor | None = None) -> Tensor:
    """Signed attributions (B, C, H, W), in logits, the same over a superpixel: what is lost by covering it.

    Through Captum; each superpixel in turn becomes mid-grey. Errors as for `occlusion`.

    Args:
        ask: as for `occlusion`, but told of images done.
        pieces: for each pixel the number of its piece (B, H, W), int64 from 0 up; None takes `superpixels`.
    """
    x = ask.x.detach()
    pieces = superpixels(x) if pieces is None else pieces
    classes = resolve_target_by(ask.model, x, ask.target)
    maps = []
    for index, image in enumerate(x.split(1)):
        value = _counted(replace(ask, target=classes[index : index + 1], on_progress=silent), 1, 1)
        with torch.no_grad():
            mask = pieces[index : index + 1, None].expand(-1, x.shape[1], -1, -1)
            found = FeatureAblation(value).attribute(
                image, baselines=GREY, feature_mask=mask, perturbations_per_eval=at_once(x, CHUNK)
            )
        maps.append(found.to(x.dtype))
        ask.on_progress(index + 1, len(x))
    return torch.cat(maps)


def _counted(ask: AttributionRequest, images: int, passes: int) -> Callable[[Tensor], Tensor]:
    """The score (B,) of what Captum asks, which counts its passes."""
    classes, done = ask.target, 0

    def value(points: Tensor) -> Tensor:
        nonlocal done
        check(ask.should_stop)
        repeats = len(points) // images  # Captum lays the copies of a whole batch one after the other
        answer = score(ask.model(points).float(), classes.repeat(repeats, *[1] * (classes.dim() - 1)))
        done += 1
        ask.on_progress(min(done, passes), passes)
        return answer

    return value


def _window(x: Tensor) -> tuple[int, int]:
    """Side and stride of the square: of large images such that there are as many squares as on 32 pixels."""
    side = min(x.shape[2:])
    return (5 * side // 32, 2 * side // 32) if is_large(x) else (5, 2)


_of_covering = partial(Method, family="cover", flat=True, long=True)

OCCLUSION_METHOD = _of_covering(
    "occlusion",
    "Occlusion",
    "Zeiler, Fergus 2014, arXiv:1311.2901, Sec. 4.2",
    cost=226,
    sentence="What the score loses when a grey square of 5x5 pixels covers the place; a sixth of the side if large.",
    run=lambda ask: occlusion(ask, *_window(ask.x)),
)

FEATURE_ABLATION_METHOD = _of_covering(
    "feature-ablation",
    "Superpixel ablation",
    "As occlusion, on superpixels (Achanta et al. 2012)",
    cost=25,
    sentence="What the score loses when a piece of the image, alike in colour, turns grey.",
    run=feature_ablation,
)
