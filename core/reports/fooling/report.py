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

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.data.datasets import LabelledImages
from core.errors import ConfigError
from core.explanations import attack_outside_map, manipulate_map, smoothed_network
from core.explanations.attack_outside_map import attacks_outside
from core.explanations.manipulate_map import least_quadrants, manipulate_maps
from core.explanations.smoothed_network import SMOOTHED_METHODS, SmoothedMethod, heat_map_of
from core.models.zoo import ZooModel
from core.progress import OnPartProgress, silent_on_parts
from core.reports.form.parts_cache import PartsCache
from core.reports.form.report import Arrays, Report, Row, common_task, mean, share
from core.reports.form.resume import Measured, Part, ReportDraft, joined

NAME = "fooling"
MODELS = ("standard", "pgd-linf", "pgd-l2")
"""Networks of a task that are measured where none are named."""
BATCH = 20


@dataclass(frozen=True, slots=True)
class FoolingSettings:
    """What the report measures.

    Attributes:
        images: the first so many test images.
        seed: of the random starts.

    Raises:
        ConfigError: images < 1.
    """

    images: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        if self.images < 1:
            raise ConfigError(f"images must be at least 1; got {self.images}")


class Fooling(Measured):
    """The report with its arrays per image; the module's text says what is in both."""


def fooling_report(
    models: Sequence[ZooModel],
    data: LabelledImages,
    settings: FoolingSettings,
    scratch: Path,
    path: Path | None = None,
    on_progress: OnPartProgress = silent_on_parts,
    allow_uncommitted: bool = False,
) -> Fooling:
    """The report over networks of one task.

    Args:
        models: classifiers of one task.
        data: labelled images of that task; the labels are not looked at.
        settings: what to measure.
        scratch: folder for what is measured so far, a file for each batch, so that a killed run goes on where it was.
        path: where the report is kept, its arrays beside it. What is there already with the same settings, data and
            weights is kept, other networks' rows too. None keeps nothing.
        on_progress: called with what is measured, images done, and of how many.
        allow_uncommitted: keep the report also where no commit stands for the code.

    Raises:
        InputError: no images, networks of several tasks, images of another shape, or a folder can't be written.
        ConfigError: the report is to be kept, the code is uncommitted, and that is not allowed.
    """
    task = common_task(models, data)
    data = data.first(settings.images)
    stated: dict[str, Any] = {
        **asdict(settings),
        "images": len(data),
        "data": data.origin,
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
    book = ReportDraft(path, stated, models, allow_uncommitted)
    store = PartsCache(scratch / task.key, stated)
    for model in models:
        if model not in book:
            book.add(model, *_measure(model, data, settings, store, on_progress), [{"sha256": model.card.sha256}])
            _result(task.key, book).write(path)
    return _result(task.key, book)


def _measure(
    model: ZooModel,
    data: LabelledImages,
    settings: FoolingSettings,
    store: PartsCache,
    on_progress: OnPartProgress,
) -> tuple[Part, float]:
    """The arrays of a network by their full names, and the seconds that they took."""
    arrays: Part = {}
    seconds = 0.0
    for method in SMOOTHED_METHODS:
        for what, measure in MEASUREMENTS.items():
            parts = []
            for start in range(0, len(data), BATCH):
                stop = min(start + BATCH, len(data))
                unit = partial(measure, model, data.images(start, stop), method, settings.seed * 1_000_003 + start)
                name = f"{model.card.key}-{what}-{method}-{start}-{stop}"
                parts.append(store.get(name, model.card.sha256, unit))
                on_progress(f"{model.card.key} {method} {what}", stop, len(data))
            found, spent = joined(parts)
            seconds += spent
            arrays |= {f"{what}_{figure}__{model.card.key}__{method}": values for figure, values in found.items()}
    return arrays, seconds


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


MEASUREMENTS: Mapping[str, Callable[[ZooModel, Tensor, SmoothedMethod, int], Part]] = {
    "moved": _moved,
    "outside": _outside,
}
"""By `what`, what is measured of images (n, C, H, W) with a method and a seed."""


def _floats(values: Sequence[float]) -> NDArray[np.float32]:
    return np.array(values, np.float32)


def _result(task: str, book: ReportDraft) -> Fooling:
    """Report and arrays."""
    rows = [
        {
            "model": key,
            "sha256": book.weights[key],
            "method": method,
            "what": what,
            "epsilon": book.settings["epsilon"],
            **_figures(what, f"__{key}__{method}", book.arrays),
        }
        for key in book.keys
        for method in SMOOTHED_METHODS
        for what in ("moved", "outside")
    ]
    return Fooling(Report(task, NAME, book.settings, book.provenance(), book.signed(rows)), dict(book.arrays))


def _figures(what: str, of: str, arrays: Arrays) -> Row:
    """The figures of a row, from the arrays that belong to it."""
    row: Row = {}
    for name, values in arrays.items():
        if not name.startswith(f"{what}_") or not name.endswith(of):
            continue
        figure = name.removeprefix(f"{what}_").removesuffix(of)
        row |= share(figure, int(values.sum()), len(values)) if values.dtype == bool else mean(figure, values)
    return row
