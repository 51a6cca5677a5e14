"""What every saliency method is: its names and source, what it costs, and one call that all share."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from core.models.asking import USUAL_PIXELS
from core.models.step_precision import Precision, stepping
from core.progress import OnProgress, ShouldStop, never, silent

Family = Literal["gradient", "path", "rule", "place", "cover", "attack"]

FAMILIES: dict[Family, str] = {
    "gradient": "Gradients: how the score answers to a small change of each pixel.",
    "path": "Paths: gradients gathered between a reference image and this one.",
    "rule": "Other ways back: gradients changed on their way through the activations.",
    "place": "Places: which parts of the last feature map speak for the class.",
    "cover": "Covering: what the score loses when a part of the image is hidden.",
    "attack": "Attacks: what the network would change in the image to be surer of the class.",
}

STEPS = 32
"""Points of integrated gradients, and samples of the methods that average over some, when asked for by name."""
STEPS_LARGE = 16
"""The same on large images, whose passes cost more."""
MASKED = 256
"""Covered images of KernelSHAP and LIME."""


@dataclass(frozen=True, slots=True)
class AttributionRequest:
    """One call of a method.

    Attributes:
        model: images (B, C, H, W) to logits (B, K), in eval mode; never changed.
        x: images (B, C, H, W), float in [0, 1].
        target: the classes explained (B,), or contrasts (B, 2), int64.
        generator: source of all draws.
        on_progress: called with passes done, and of how many.
        should_stop: asked before each pass of a long method.
        layer: the name of the layer that methods of places look at; "" is the network's own default.
    """

    model: nn.Module
    x: Tensor
    target: Tensor
    generator: torch.Generator
    on_progress: OnProgress = silent
    should_stop: ShouldStop = never
    layer: str = ""


def is_large(x: Tensor) -> bool:
    """Whether images (B, C, H, W) are larger than those that all methods were measured on: 64 pixels a side."""
    return x.shape[2:].numel() > USUAL_PIXELS


def steps_for(x: Tensor) -> int:
    """Points or samples of a method that is asked for by name, for images (B, C, H, W)."""
    return STEPS_LARGE if is_large(x) else STEPS


Run = Callable[[AttributionRequest], Tensor]
"""The call that all methods share; it gives attributions (B, C, H, W)."""


def plain(function: Callable[[nn.Module, Tensor, Tensor], Tensor]) -> Run:
    """The run of a method that needs the network, the images and the classes explained, and nothing else."""
    return lambda ask: function(ask.model, ask.x, ask.target)


@dataclass(frozen=True, slots=True)
class Method:
    """A saliency method.

    Attributes:
        key: its name in files and URLs.
        title: its name for people.
        source: the paper, with section or equation.
        family: what it is built on.
        cost: forward and backward passes an image, about; 1 is one pass forward, and a pass back counts as two.
        sentence: what its map shows.
        run: attributions (B, C, H, W).
        signed: whether attributions may be negative.
        random: whether it draws from the generator.
        of_class: whether it explains the class asked for; False is the same for every class.
        flat: whether all channels of a pixel are the same, so that the map is one of places (B, H, W).
        long: whether it reports progress and can be stopped.
        averages: whether it averages gradients over many passes, which evens their rounding out.
        precision: of the gradients that it averages.
    """

    key: str
    title: str
    source: str
    family: Family
    cost: int
    sentence: str
    run: Run
    signed: bool = True
    random: bool = False
    of_class: bool = True
    flat: bool = False
    long: bool = False
    averages: bool = False
    precision: Precision = "float32"

    def looking_at(self, layer: str) -> "Method":
        """The same method, where it is one of places, on a layer by name; "" is each network's default."""
        if self.family != "place" or not layer:
            return self
        return replace(self, run=lambda ask: self.run(replace(ask, layer=layer)))

    def averaged_in(self, precision: Precision) -> "Method":
        """The same method, where it is one that averages gradients, with these in a precision."""
        if not self.averages or precision == self.precision:
            return self
        return replace(
            self, precision=precision, run=lambda ask: self.run(replace(ask, model=stepping(ask.model, precision)))
        )
