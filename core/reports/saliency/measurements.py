"""What the report `saliency` measures on one network: its gradients, and each method's maps, ten images at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.attacks.pgd import Pgd
from core.data.datasets import LabelledImages
from core.data.tasks import Task
from core.errors import ConfigError
from core.explanations.catalogue import ATTRIBUTION_METHODS
from core.metrics.localisation import area
from core.models.zoo import ZooModel
from core.reports.form.measuring import Measurer, Request
from core.reports.form.resume import Part
from core.reports.form.settings import ReportSettings
from core.saliency.catalogue import attribute
from core.saliency.faithfulness import SAMPLES, floor
from core.saliency.measures.catalogue import SALIENCY_MEASURES, run_measure
from core.saliency.measures.measure import Case
from core.saliency.method import AttributionRequest
from core.saliency.randomisation import as_shown

BATCH = 10
COSTLY = 200
SENSITIVITY = "max-sensitivity"
"""The measure that makes the most maps."""
SHARE_OF_RADIUS = 0.25
"""The small attack's radius in L-infinity, in units of the task's."""
PGD_STEPS = 10


@dataclass(frozen=True, slots=True)
class SaliencySettings(ReportSettings):
    """What the report measures.

    Attributes:
        images: the first so many test images, for measures of maps.
        costly_images: as many for the methods that cost more than `COSTLY` passes a map.
        sensitivity_images: as many for max-sensitivity, which makes eight maps of each.
        network_images: as many for the measures of networks, and for the accuracy under PGD.
        methods: keys of the methods.
        measures: keys of the measures; those that a task cannot have are left out.

    Raises:
        ConfigError: a count below 1, or an unknown key.
    """

    counts: ClassVar = ("images", "costly_images", "sensitivity_images", "network_images")

    images: int = 30
    costly_images: int = 10
    sensitivity_images: int = 10
    network_images: int = 200
    methods: tuple[str, ...] = tuple(ATTRIBUTION_METHODS)
    measures: tuple[str, ...] = tuple(SALIENCY_MEASURES)

    def __post_init__(self) -> None:
        ReportSettings.__post_init__(self)
        unknown = [key for key in self.methods if key not in ATTRIBUTION_METHODS]
        unknown += [key for key in self.measures if key not in SALIENCY_MEASURES]
        if unknown:
            raise ConfigError(f"methods and measures must be known; got {', '.join(unknown)}")

    def images_of(self, method: str, measure: str = "") -> int:
        """How many images a method is measured on, by one measure or most of them."""
        count = self.costly_images if ATTRIBUTION_METHODS[method].cost > COSTLY else self.images
        return min(count, self.sensitivity_images) if measure == SENSITIVITY else count

    def stated(self, task: Task, data: LabelledImages) -> dict[str, Any]:
        """Everything that decides the figures, as plain values."""
        return {
            **asdict(self),
            "test_images": len(data),
            "methods": list(self.methods),
            "measures": [
                key for key in self.measures if data.maps is not None or SALIENCY_MEASURES[key].needs != "inside"
            ],
            "data": data.origin,
            "target": "the class predicted",
            "small_attack": f"PGD L-infinity, {PGD_STEPS} steps, radius {SHARE_OF_RADIUS} of the task's, no random "
            "start; on logits divided by their deviation where the others give no gradient",
            "pgd": f"PGD L2, {PGD_STEPS} steps, epsilon {task.radii['l2']:g}; the worse of logits as they are and "
            "divided by their deviation",
            "infidelity": f"{SAMPLES} draws, unbiased, the map's factor at least 0; of an image 19 in 20 maps that "
            f"know nothing lie above {floor():.4f}",
            "batch": BATCH,
            "precision": "float32, fast form",
        }


class _Calm(nn.Module):
    """A network whose logits (B, K) are divided by their deviation: the same answers, and no saturated cross-entropy.

    Without it, PGD finds no gradient on a distilled network, and would call it robust.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        """Logits of deviation 1."""
        logits: Tensor = self.model(x)
        return logits / logits.detach().std(1, keepdim=True).clamp_min(1e-12)


def slightly_attacked(model: ZooModel, x: Tensor) -> Tensor:
    """The images (n, C, H, W) after a small attack on the class predicted.

    A distilled network gives no gradient to the attack on its logits as they are, which would leave the image as it is
    and let each of its maps look stable.
    """
    with torch.no_grad():
        predicted = model.fast(x).argmax(1)
    attack = Pgd(SHARE_OF_RADIUS * model.task.radii["linf"], "linf", PGD_STEPS, random_start=False)
    x_adv = attack(model.fast, x, predicted)
    still = (x_adv == x).flatten(1).all(1)
    if bool(still.any()):
        x_adv[still] = attack(_Calm(model.fast), x[still], predicted[still])
    return x_adv


class SaliencyMeasurer(Measurer[SaliencySettings]):
    """Measures of networks and of their maps."""

    def __init__(self, request: Request[SaliencySettings], parts: Mapping[str, Any], measures: Sequence[str]) -> None:
        """Measure what the settings say; of their measures, those that the task can have."""
        super().__init__(request, parts, BATCH)
        self.measures = measures

    def network(self, model: ZooModel) -> tuple[Part, float]:
        """All arrays of one network by their full names, and the seconds that they took."""
        key = model.card.key
        found, spent = self.over(
            model, "network", self._clipped(self.settings.network_images), partial(self._network, model)
        )
        arrays = {f"{name}__{key}": array for name, array in found.items()}
        of_maps = [measure for measure in self.measures if SALIENCY_MEASURES[measure].of == "map"]
        alone = [[measure] for measure in of_maps if measure == SENSITIVITY]
        rest = [measure for measure in of_maps if measure != SENSITIVITY]
        for method in self.settings.methods:
            for asked in (rest, *alone):
                if not asked:
                    continue
                what = f"{method} {SENSITIVITY if asked != rest else 'measures'}"
                count = self._clipped(self.settings.images_of(method, asked[0]))
                found, seconds = self.over(model, what, count, partial(self._scores, model, method, asked))
                arrays |= {f"{name}__{key}__{method}": array for name, array in found.items()}
                spent += seconds
        return arrays, spent

    def heatmaps(self, model: ZooModel, method: str) -> NDArray[np.float32]:
        """The maps (n, H, W) of a method."""
        count = self._clipped(self.settings.images_of(method))
        made = [self._maps(model, method, *ends) for ends in self.bounds(count)]
        return as_shown(ATTRIBUTION_METHODS[method], torch.cat(made))

    def values(self, model: ZooModel, method: str, measure: str, count: int) -> NDArray[Any]:
        """What a measure gives for the first `count` images (n,); `method` is "" for a measure of the network."""
        make = partial(self._scores, model, method, [measure]) if method else partial(self._network, model)
        return self.over(model, f"{method or 'network'} {measure}", self._clipped(count), make)[0][measure]

    def _clipped(self, count: int) -> int:
        return min(count, len(self.data))

    def _network(self, model: ZooModel, start: int, stop: int) -> Part:
        """Measures of the network itself, and whether it stands PGD."""
        x, labels = self.data.images(start, stop), self.data.labels[start:stop]
        case = Case("gradient", self._ask(model, start, stop), torch.zeros_like(x), self.seed(start))
        found: Part = {
            key: run_measure(key, case).astype(np.float32)
            for key in self.measures
            if SALIENCY_MEASURES[key].of == "network"
        }
        attack = Pgd(self.task.radii["l2"], "l2", PGD_STEPS)
        found["pgd"] = np.ones(len(x), bool)
        for attacked in (model.fast, _Calm(model.fast)):
            x_adv = attack(attacked, x, labels, generator=self._generator(start))
            with torch.no_grad():
                found["pgd"] &= (model.fast(x_adv).argmax(1) == labels).cpu().numpy()
        inside = self._inside(start, stop)
        if inside is not None:
            found["area"] = np.array([area(one) for one in inside.cpu().numpy()], np.float32)
        return found

    def _scores(self, model: ZooModel, method: str, measures: Sequence[str], start: int, stop: int) -> Part:
        """Measures of a method's maps."""
        attacked = "stability-attack" in measures
        x_adv = self._attacked(model, start, stop) if attacked else None
        case = Case(
            ATTRIBUTION_METHODS[method],
            self._ask(model, start, stop),
            self._maps(model, method, start, stop),
            self.seed(start),
            self._inside(start, stop),
            x_adv,
        )
        return {key: run_measure(key, case).astype(np.float32) for key in measures}

    def _maps(self, model: ZooModel, method: str, start: int, stop: int) -> Tensor:
        """A method's attributions (n, C, H, W)."""

        def make(start: int, stop: int) -> Part:
            return {"attributions": attribute(ATTRIBUTION_METHODS[method], self._ask(model, start, stop)).cpu().numpy()}

        return torch.from_numpy(self.part(model, f"{method} maps", start, stop, make)["attributions"]).to(model.device)

    def _attacked(self, model: ZooModel, start: int, stop: int) -> Tensor:
        """The images after a small attack (n, C, H, W)."""

        def make(start: int, stop: int) -> Part:
            return {"x_adv": slightly_attacked(model, self.data.images(start, stop)).cpu().numpy()}

        return torch.from_numpy(self.part(model, "attacked", start, stop, make)["x_adv"]).to(model.device)

    def _ask(self, model: ZooModel, start: int, stop: int) -> AttributionRequest:
        x = self.data.images(start, stop)
        with torch.no_grad():
            predicted = model.fast(x).argmax(1)
        return AttributionRequest(model.fast, x, predicted, self._generator(start))

    def _inside(self, start: int, stop: int) -> Tensor | None:
        maps = self.data.maps
        return None if maps is None else maps[start:stop, 0] > 0

    def _generator(self, start: int) -> torch.Generator:
        return torch.Generator().manual_seed(self.seed(start))
