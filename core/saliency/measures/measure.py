"""What every measure of maps is: its names and source, its direction and range, and one call that all share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.metrics.map_agreement import spearman
from core.saliency.method import AttributionRequest, Method
from core.saliency.randomisation import as_shown, heatmaps_of

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Case:
    """Maps of one method, one network and a batch of images, with what measures need besides.

    Attributes:
        method: the method, or its key.
        ask: network, images, classes explained and the source of draws; a measure that explains again draws from a
            generator seeded with `seed`.
        attributions: (B, C, H, W), of the method; of one that draws, from a generator seeded with `seed`.
        seed: of noise, fresh weights and repeated draws.
        inside: where the object is, (B, H, W), bool; None where that is not known.
        x_adv: the images after a small attack, (B, C, H, W); None where there was none.
    """

    method: str | Method
    ask: AttributionRequest
    attributions: Tensor
    seed: int = 0
    inside: Tensor | None = None
    x_adv: Tensor | None = None

    @property
    def heatmaps(self) -> NDArray[np.float32]:
        """The maps (B, H, W) as they are shown."""
        return as_shown(self.method, self.attributions)

    def again(self, x: Tensor, target: Tensor | None = None) -> AttributionRequest:
        """The same question about other images, with fresh draws of the case's seed."""
        generator = torch.Generator(self.ask.generator.device).manual_seed(self.seed)
        return AttributionRequest(self.ask.model, x, self.ask.target if target is None else target, generator)


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure of maps, or of a network's gradients.

    Attributes:
        key: its name in files and URLs.
        title: its name for people.
        sentence: its definition.
        source: the paper.
        better: which direction is better; "neither" where that is not known.
        cost: passes an image, about, in passes of the network (`k`) and maps (`m`), as text.
        run: from a case to one number an image (B,); NaN where the measure has no meaning.
        of: what is measured: the "map", or the "network" whatever the method.
        needs: what a case must have besides.
        range: of the values.
        floor: what maps that know nothing seldom get better than by chance; None where that is not known.
    """

    key: str
    title: str
    sentence: str
    source: str
    better: Literal["higher", "lower", "neither"]
    cost: str
    run: Callable[[Case], Values]
    of: Literal["map", "network"] = "map"
    needs: Literal["nothing", "inside", "x_adv"] = "nothing"
    range: tuple[float, float] = (0.0, 1.0)
    floor: float | None = None


def stability(case: Case, x_changed: Tensor) -> Values:
    """Spearman's correlation (B,) of each map with the map of the changed image, the class explained kept.

    The new map is made with the same draws, so that a method that draws is not called unstable for its draws.
    """
    return map_by_map(spearman, case.heatmaps, heatmaps_of(case.method, case.again(x_changed)))


def on_object(function: Callable[..., float]) -> Callable[[Case], Values]:
    """The run of a measure of a map (H, W) and of where the object is, bool (H, W)."""

    def run(case: Case) -> Values:
        assert case.inside is not None
        return map_by_map(function, case.heatmaps, case.inside.cpu().numpy())

    return run


def map_by_map(function: Callable[..., float], *arrays: NDArray[Any]) -> Values:
    """A function's number (B,) for each row of arrays (B, ...)."""
    return np.array([function(*row) for row in zip(*arrays, strict=True)])
