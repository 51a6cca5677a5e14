"""The measures that say which maps to trust: each with its sentence, its direction and what it costs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.errors import ConfigError, InputError
from core.metrics.alignment import alignment, alignment_cosine
from core.metrics.localisation import mass_inside, pointing_game
from core.metrics.map_agreement import spearman
from core.metrics.sparsity import gini
from core.saliency.curves import Curve, deletion, insertion
from core.saliency.faithfulness import CHANGES, SAMPLES, floor, infidelity, max_sensitivity
from core.saliency.gradient import gradient
from core.saliency.linearised import linearised_robustness
from core.saliency.randomisation import as_shown, heatmaps_of, without_weights
from core.saliency.registry import Ask, Method, attribute

NOISE = 0.02
"""Deviation of the noise of the stability under noise, in the [0, 1] range."""

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
    ask: Ask
    attributions: Tensor
    seed: int = 0
    inside: Tensor | None = None
    x_adv: Tensor | None = None

    @property
    def heatmaps(self) -> NDArray[np.float32]:
        """The maps (B, H, W) as they are shown."""
        return as_shown(self.method, self.attributions)

    def again(self, x: Tensor, target: Tensor | None = None) -> Ask:
        """The same question about other images, with fresh draws of the case's seed."""
        generator = torch.Generator(self.ask.generator.device).manual_seed(self.seed)
        return Ask(self.ask.model, x, self.ask.target if target is None else target, generator)


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure of maps, or of a network's gradients.

    Attributes:
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

    title: str
    sentence: str
    source: str
    better: Literal["higher", "lower", "neither"]
    cost: str
    run: Callable[[Case], Values]
    of: Literal["map", "network"] = "map"
    needs: Literal["nothing", "inside", "x_adv"] = "nothing"
    range: tuple[float, float] = field(default=(0.0, 1.0))
    floor: float | None = None


def measured(key: str, case: Case) -> Values:
    """One number an image (B,); NaN where the measure has no meaning for it, as none has for a map of zeros.

    Raises:
        ConfigError: no such measure.
        InputError: the case lacks what the measure needs.
    """
    if key not in MEASURES:
        raise ConfigError(f"measure must be one of {', '.join(MEASURES)}; got {key!r}")
    measure = MEASURES[key]
    if measure.needs != "nothing" and getattr(case, measure.needs) is None:
        what = "the object's place" if measure.needs == "inside" else "attacked images"
        raise InputError(f"{measure.title} needs {what}")
    values = np.asarray(measure.run(case), np.float64)
    if measure.of == "network":
        return values
    return np.where(case.attributions.flatten(1).any(1).cpu().numpy(), values, np.nan)


def stability(case: Case, x_changed: Tensor) -> Values:
    """Spearman's correlation (B,) of each map with the map of the changed image, the class explained kept.

    The new map is made with the same draws, so that a method that draws is not called unstable for its draws.
    """
    return _each(spearman, case.heatmaps, heatmaps_of(case.method, case.again(x_changed)))


def _each(measure: Callable[..., float], *arrays: NDArray[Any]) -> Values:
    return np.array([measure(*row) for row in zip(*arrays, strict=True)])


def _noisy(case: Case) -> Values:
    generator = torch.Generator(case.ask.x.device).manual_seed(case.seed)
    x = case.ask.x
    noise = NOISE * torch.randn(x.shape, generator=generator, dtype=x.dtype, device=x.device)
    return stability(case, (x + noise).clamp(0.0, 1.0))


def _attacked(case: Case) -> Values:
    assert case.x_adv is not None
    return stability(case, case.x_adv)


def _sensitivity(case: Case) -> Values:
    def explain(x: Tensor, target: Tensor) -> Tensor:
        return attribute(case.method, case.again(x, target))

    return max_sensitivity(explain, case.ask.x, case.ask.target, case.seed).cpu().numpy()


def _randomised(case: Case) -> Values:
    return without_weights(case.method, case.again(case.ask.x), case.heatmaps, case.seed).similarity


def _on_object(measure: Callable[..., float]) -> Callable[[Case], Values]:
    def run(case: Case) -> Values:
        assert case.inside is not None
        return _each(measure, case.heatmaps, case.inside.cpu().numpy())

    return run


def _top_classes(case: Case) -> Tensor:
    """The class whose probability a curve follows: the one explained, of a contrast the first."""
    return case.ask.target if case.ask.target.dim() == 1 else case.ask.target[:, 0]


def _curve_area(curve: Callable[[nn.Module, Tensor, Tensor, Tensor], Curve]) -> Callable[[Case], Values]:
    def run(case: Case) -> Values:
        maps = torch.from_numpy(case.heatmaps).to(case.ask.x.device)
        return curve(case.ask.model, case.ask.x, maps, _top_classes(case)).area

    return run


def _aligned(measure: Callable[..., Values]) -> Callable[[Case], Values]:
    def run(case: Case) -> Values:
        top = torch.full((len(case.ask.x),), -1, device=case.ask.x.device)
        slopes = gradient(case.ask.model, case.ask.x, top)[0]
        return measure(case.ask.x.cpu().numpy(), slopes.cpu().numpy())

    return run


MEASURES: Mapping[str, Measure] = {
    "alignment": Measure(
        "Alignment",
        "How much of the image lies along the gradient of the predicted class, in pixel units.",
        "Etmann et al. 2019, arXiv:1905.04172",
        "higher",
        "3 k",
        _aligned(alignment),
        of="network",
        range=(0.0, np.inf),
    ),
    "alignment-cosine": Measure(
        "Alignment, cosine",
        "The same over the image's length: the cosine of the angle between the image and its gradient, without sign.",
        "Etmann et al. 2019, arXiv:1905.04172, normalised",
        "higher",
        "3 k",
        _aligned(alignment_cosine),
        of="network",
    ),
    "linearised-robustness": Measure(
        "Linearised robustness",
        "How far away another class is (L2, pixel units), if the network were linear from here on.",
        "Etmann et al. 2019, arXiv:1905.04172",
        "higher",
        "2 k a class",
        lambda case: linearised_robustness(case.ask.model, case.ask.x).double().cpu().numpy(),
        of="network",
        range=(0.0, np.inf),
    ),
    "insertion": Measure(
        "Insertion",
        "The class's mean probability as pixels come back into a blurred image, the map's highest first.",
        "Petsiuk et al. 2018, arXiv:1806.07421, Sec. 3.2",
        "higher",
        "17 k",
        _curve_area(insertion),
    ),
    "deletion": Measure(
        "Deletion",
        "The class's mean probability as pixels turn grey, the map's highest first.",
        "Petsiuk et al. 2018, arXiv:1806.07421, Sec. 3.2",
        "lower",
        "17 k",
        _curve_area(deletion),
    ),
    "infidelity": Measure(
        "Infidelity",
        f"The share of the score's answer to {SAMPLES} draws of noise that the map, scaled at its best, does not "
        f"foretell. A map that knows nothing has 1, and by chance seldom less than {floor():.3f}.",
        "Yeh et al. 2019, arXiv:1901.09392, Def. 2.1, over the size of the answer; unbiased, and with a factor that "
        "keeps the map's sign",
        "lower",
        f"{SAMPLES + 1} k",
        lambda case: (
            infidelity(case.ask.model, case.ask.x, case.attributions, case.ask.target, case.seed).cpu().numpy()
        ),
        range=(0.0, SAMPLES / (SAMPLES - 1)),
        floor=floor(),
    ),
    "max-sensitivity": Measure(
        "Max-sensitivity",
        "The largest change of the map, relative to its length, when the image changes by at most 0.02.",
        "Yeh et al. 2019, arXiv:1901.09392, Def. 3.1",
        "lower",
        f"{CHANGES} m",
        _sensitivity,
        range=(0.0, np.inf),
    ),
    "stability-noise": Measure(
        "Stability under noise",
        "The rank correlation of the map with the map of the image plus noise of deviation 0.02.",
        "Alvarez-Melis, Jaakkola 2018, arXiv:1806.08049, by rank correlation",
        "higher",
        "1 m",
        _noisy,
        range=(-1.0, 1.0),
    ),
    "stability-attack": Measure(
        "Stability under attack",
        "The rank correlation of the map with the map of the image after a small attack, the class explained kept.",
        "Ghorbani et al. 2019, arXiv:1710.10547, by rank correlation",
        "higher",
        "1 m",
        _attacked,
        needs="x_adv",
        range=(-1.0, 1.0),
    ),
    "randomisation": Measure(
        "Randomised weights",
        "The rank correlation of the absolute map with that of the same network after it lost all its weights.",
        "Adebayo et al. 2018, arXiv:1810.03292, Sec. 4.1",
        "lower",
        "1 m",
        _randomised,
        range=(-1.0, 1.0),
    ),
    "pointing-game": Measure(
        "Pointing game",
        "Whether the map's highest place lies on the object; by chance, the object's share of the area.",
        "Zhang et al. 2016, arXiv:1608.00507",
        "higher",
        "none",
        _on_object(pointing_game),
        needs="inside",
    ),
    "mass-inside": Measure(
        "Mass on the object",
        "The share of the map's absolute mass on the object; of an even map, the object's share of the area.",
        "Kohlbrenner et al. 2020, arXiv:1910.09840",
        "higher",
        "none",
        _on_object(mass_inside),
        needs="inside",
    ),
    "sparsity": Measure(
        "Sparsity",
        "The Gini index of the map's absolute values: 0 is even, near 1 a few places hold everything.",
        "Chalasani et al. 2020, arXiv:1810.06583",
        "neither",
        "none",
        lambda case: _each(gini, case.heatmaps),
    ),
}
"""By the key used in files; a passing of the network is `k`, a making of the map `m`."""
