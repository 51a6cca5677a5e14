"""The report `fooling`: how far heat maps can be trusted, measured in two ways on each network of a task.

Rows, one per model, method of the heat map and `what` (shares in [0, 1]; a figure `f` comes with `f_low`, `f_high` at
95 % and `f_n` images): `model`, `sha256` of its weights, `method`, `what`, `epsilon` (the task's radius in L-infinity),
and then

`what` = "moved": a change within epsilon that moves the map to the quadrant that held least of it, answer kept
(`core.explanations.manipulate_map`):

- `succeeded`: share of images where the answer is the same, its probability within 0.05, and the map is more like the
  quadrant than like the original map (Pearson's correlation);
- `kept`: share where the answer and its probability are kept, whatever the map;
- `correlation_target`, `correlation_original`: means of the new map's correlation with the quadrant, and with the map
  as it was;
- `mass`, `mass_adv`: mean share of the map that lies in the quadrant, before and after;
- `probability_change`: mean size of the change of the answer's probability;

`what` = "outside": PGD within epsilon, kept to the pixels that the map does not highlight
(`core.explanations.attack_outside_map`):

- `succeeded`: share of images where it changes the answer, nothing of its change being on highlighted pixels;
- `changed_inside`, `changed_anywhere`: share where it does so kept to the highlighted pixels, and kept to nothing;
- `share_outside`: mean share of the energy of the change that is outside what is highlighted, for the attack that is
  kept to nothing;
- `area_outside`: mean share of the pixels that are not highlighted: what `share_outside` is for an attack that does not
  care for the map.

Arrays, the first images of the test set in its order: `moved_<figure>__<model>__<method>` and
`outside_<figure>__<model>__<method>` (n,) for each of these figures, bool or float32.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.explanations import attack_outside_map, manipulate_map, smoothed_network
from core.explanations.attack_outside_map import attacks_outside
from core.explanations.manipulate_map import least_quadrants, manipulate_maps
from core.explanations.smoothed_network import SMOOTHED_METHODS, SmoothedMethod, heat_map_of
from core.models.zoo import ZooModel
from core.reports.form.measuring import Measurer, Measuring, Request
from core.reports.form.report import Arrays, Row, mean, share
from core.reports.form.resume import Measured, Part, ReportDraft
from core.reports.form.settings import ReportSettings

NAME = "fooling"
MODELS = ("standard", "pgd-linf", "pgd-l2")
"""Networks of a task that are measured where none are named."""
BATCH = 20


@dataclass(frozen=True, slots=True)
class FoolingSettings(ReportSettings):
    """What the report measures.

    Attributes:
        images: the first so many test images.
    """

    images: int = 100


class Fooling(Measured):
    """The report with its arrays per image; the module's text says what is in both."""


def fooling_report(request: Request[FoolingSettings]) -> Fooling:
    """The report over networks of one task; the labels of the images are not looked at."""
    settings, task = request.settings, request.task
    data = request.data.first(settings.images)
    stated: dict[str, Any] = {
        **settings.with_images(data),
        "epsilon": task.radii["linf"],
        "batch": BATCH,
        "precision": "float32, fast form",
        "steps": dict(manipulate_map.STEPS),
        "beta": dict(manipulate_map.BETA),
        "points": smoothed_network.POINTS,
        "judged_points": smoothed_network.JUDGED_POINTS,
        "tolerance": manipulate_map.TOLERANCE,
        "highlighted": attack_outside_map.HIGHLIGHTED,
        "outside_steps": attack_outside_map.STEPS,
    }

    def result(draft: ReportDraft) -> Fooling:
        return Fooling(draft.report(task.key, NAME, draft.signed(_rows(draft))), dict(draft.arrays))

    def measure(model: ZooModel) -> tuple[Part, float, list[Row]]:
        return *_measure(bench, model, len(data)), [{"sha256": model.card.sha256}]

    bench = Measurer(request, stated, BATCH)
    return Measuring(request, request.draft(stated), result).networks(measure)


def _measure(bench: Measurer[FoolingSettings], model: ZooModel, count: int) -> tuple[Part, float]:
    """The arrays of a network by their full names, and the seconds that they took."""
    arrays: Part = {}
    seconds = 0.0
    for method in SMOOTHED_METHODS:
        for what, of in MEASUREMENTS.items():
            measure = partial(_of_images, bench, of, model, method)
            found, spent = bench.over(model, f"{what} {method}", count, measure)
            seconds += spent
            arrays |= {f"{what}_{figure}__{model.card.key}__{method}": values for figure, values in found.items()}
    return arrays, seconds


def _of_images(
    bench: Measurer[FoolingSettings], of: "Measurement", model: ZooModel, method: SmoothedMethod, start: int, stop: int
) -> Part:
    """What is measured of the images from `start` to `stop`."""
    return of(model, bench.data.images(start, stop), method, bench.seed(start))


def _moved(model: ZooModel, x: Tensor, method: SmoothedMethod, seed: int) -> Part:
    """The figures of moved maps, an entry an image."""
    with torch.no_grad():
        target = model.fast(x).argmax(1)
    regions = least_quadrants(heat_map_of(model.fast, x, target, method))
    epsilon = model.task.radii["linf"]
    moved = manipulate_maps(model, x, method, regions, epsilon, seed)
    within = [each.linf <= epsilon + 1e-6 and each.x_adv.min() >= 0 and each.x_adv.max() <= 1 for each in moved]
    return {
        "succeeded": np.array([each.succeeded for each in moved]) & np.array(within),
        "kept": np.array([each.kept for each in moved]),
        "correlation_target": _floats([each.correlation_target for each in moved]),
        "correlation_original": _floats([each.correlation_original for each in moved]),
        "mass": _floats([each.mass for each in moved]),
        "mass_adv": _floats([each.mass_adv for each in moved]),
        "probability_change": _floats([abs(each.probability_change) for each in moved]),
    }


def _outside(model: ZooModel, x: Tensor, method: SmoothedMethod, seed: int) -> Part:
    """The figures of attacks kept to a part of the image, an entry an image."""
    epsilon = model.task.radii["linf"]
    out, inside, anywhere = (
        attacks_outside(model, x, method, epsilon, where, seed) for where in attack_outside_map.WHERE
    )
    within = [each.linf <= epsilon + 1e-6 and each.x_adv.min() >= 0 and each.x_adv.max() <= 1 for each in out]
    return {
        "succeeded": np.array([each.changed and each.share_outside == 1 for each in out]) & np.array(within),
        "changed_inside": np.array([each.changed for each in inside]),
        "changed_anywhere": np.array([each.changed for each in anywhere]),
        "share_outside": _floats([each.share_outside for each in anywhere]),
        "area_outside": _floats([1 - each.highlighted.mean() for each in out]),
    }


Measurement = Callable[[ZooModel, Tensor, SmoothedMethod, int], Part]
MEASUREMENTS: Mapping[str, Measurement] = {
    "moved": _moved,
    "outside": _outside,
}
"""By `what`, what is measured of images (n, C, H, W) with a method and a seed."""


def _floats(values: Sequence[float]) -> NDArray[np.float32]:
    return np.array(values, np.float32)


def _rows(draft: ReportDraft) -> Iterator[Row]:
    """A row for each network, method and what is measured of it."""
    for key in draft.keys:
        for method in SMOOTHED_METHODS:
            for what in MEASUREMENTS:
                head = {"model": key, "sha256": draft.weights[key], "method": method, "what": what}
                figures = _figures(what, f"__{key}__{method}", draft.arrays)
                yield head | {"epsilon": draft.settings["epsilon"]} | figures


def _figures(what: str, of: str, arrays: Arrays) -> Row:
    """The figures of a row, from the arrays that belong to it."""
    row: Row = {}
    for name, values in arrays.items():
        if not name.startswith(f"{what}_") or not name.endswith(of):
            continue
        figure = name.removeprefix(f"{what}_").removesuffix(of)
        row |= share(figure, int(values.sum()), len(values)) if values.dtype == bool else mean(figure, values)
    return row
