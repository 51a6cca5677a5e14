"""What a score loses when a part of the image is covered: occlusion by a sliding window, and by superpixel."""

from collections.abc import Callable

import torch
from captum.attr import FeatureAblation, Occlusion
from torch import Tensor, nn

from core.errors import ConfigError, InputError
from core.progress import OnProgress, ShouldStop, check, never, silent
from core.saliency.method import Method
from core.saliency.superpixels import superpixels
from core.saliency.target import resolve_target_by, score

CHUNK = 64  # covered images a pass: short passes, so that progress is seen
GREY = 0.5
"""What covers a part."""


def occlusion(
    model: nn.Module,
    x: Tensor,
    target: Tensor,
    window: int = 5,
    stride: int = 2,
    on_progress: OnProgress = silent,
    should_stop: ShouldStop = never,
) -> Tensor:
    """Signed attributions (B, C, H, W), in logits, the same on every channel: what is lost by covering a pixel.

    Zeiler, Fergus 2014, arXiv:1311.2901, Sec. 4.2, through Captum: a square of mid-grey slides over the image, and each
    pixel gets the mean loss of what is explained over the squares that cover it.

    Args:
        model: images (B, C, H, W) to logits (B, K), in eval mode.
        x: images (B, C, H, W), float in [0, 1]; left unchanged.
        target: the class explained, (B,), int64; a negative entry means the class predicted for that image. With shape
            (B, 2), the logit of the first minus that of the second is explained.
        window: side of the square, in pixels.
        stride: pixels from one square to the next.
        on_progress: called with passes done, and of how many.
        should_stop: asked before each pass.

    Raises:
        ConfigError: window < 1, or stride outside 1..window (pixels between squares would never be covered).
        InputError: the image is smaller than the window.
        StoppedError: `should_stop` said so.
    """
    if window < 1 or not 1 <= stride <= window:
        raise ConfigError(f"need window >= 1 and stride in 1..window; got {window} and {stride}")
    if window > min(x.shape[2:]):
        raise InputError(f"a window of {window} pixels does not fit into {x.shape[3]}x{x.shape[2]} pixels")
    x = x.detach()
    squares = [-(-(side - window) // stride) + 1 for side in x.shape[2:]]
    together = max(1, CHUNK // len(x))
    passes = 1 + -(-squares[0] * squares[1] // together)
    value = _counted(model, resolve_target_by(model, x, target), len(x), passes, on_progress, should_stop)
    shape = (x.shape[1], window, window)
    steps = (x.shape[1], stride, stride)
    with torch.no_grad():
        attributions: Tensor = (
            Occlusion(value)
            .attribute(x, shape, strides=steps, baselines=GREY, perturbations_per_eval=together)
            .to(x.dtype)
        )
        return attributions


def feature_ablation(
    model: nn.Module,
    x: Tensor,
    target: Tensor,
    pieces: Tensor | None = None,
    on_progress: OnProgress = silent,
    should_stop: ShouldStop = never,
) -> Tensor:
    """Signed attributions (B, C, H, W), in logits, the same over a superpixel: what is lost by covering it.

    Through Captum; each superpixel in turn becomes mid-grey. Arguments and errors as for `occlusion`, besides:

    Args:
        model: as for `occlusion`.
        x: as for `occlusion`.
        target: as for `occlusion`.
        pieces: for each pixel the number of its piece (B, H, W), int64 from 0 up; None takes `superpixels`.
        on_progress: called with images done, and of how many.
        should_stop: as for `occlusion`.
    """
    x = x.detach()
    pieces = superpixels(x) if pieces is None else pieces
    classes = resolve_target_by(model, x, target)
    maps = []
    for index, image in enumerate(x.split(1)):
        value = _counted(model, classes[index : index + 1], 1, 1, silent, should_stop)
        with torch.no_grad():
            mask = pieces[index : index + 1, None].expand(-1, x.shape[1], -1, -1)
            found = FeatureAblation(value).attribute(
                image, baselines=GREY, feature_mask=mask, perturbations_per_eval=CHUNK
            )
        maps.append(found.to(x.dtype))
        on_progress(index + 1, len(x))
    return torch.cat(maps)


def _counted(
    model: nn.Module,
    classes: Tensor,
    images: int,
    passes: int,
    on_progress: OnProgress,
    should_stop: ShouldStop,
) -> Callable[[Tensor], Tensor]:
    """The score (B,) of what Captum asks, which counts its passes."""
    done = 0

    def value(points: Tensor) -> Tensor:
        nonlocal done
        check(should_stop)
        repeats = len(points) // images  # Captum lays the copies of a whole batch one after the other
        answer = score(model(points).float(), classes.repeat(repeats, *[1] * (classes.dim() - 1)))
        done += 1
        on_progress(min(done, passes), passes)
        return answer

    return value


OCCLUSION_METHOD = Method(
    key="occlusion",
    title="Occlusion",
    source="Zeiler, Fergus 2014, arXiv:1311.2901, Sec. 4.2",
    family="cover",
    cost=226,
    sentence="What the score loses when a grey square of 5x5 pixels covers the place.",
    run=lambda ask: occlusion(ask.model, ask.x, ask.target, on_progress=ask.on_progress, should_stop=ask.should_stop),
    flat=True,
    long=True,
)

FEATURE_ABLATION_METHOD = Method(
    key="feature-ablation",
    title="Superpixel ablation",
    source="As occlusion, on superpixels (Achanta et al. 2012)",
    family="cover",
    cost=25,
    sentence="What the score loses when a piece of the image, alike in colour, turns grey.",
    run=lambda ask: feature_ablation(
        ask.model, ask.x, ask.target, on_progress=ask.on_progress, should_stop=ask.should_stop
    ),
    flat=True,
    long=True,
)
