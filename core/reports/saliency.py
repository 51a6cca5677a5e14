"""The report `saliency`: which maps to trust, measured for each network and method of a task.

Rows, one per model, method and measure (`core.saliency.measures`); the class explained is the one predicted:

- `model`, `sha256` of its weights, `method` ("" for a measure of the network itself), `measure`;
- `value`: the median over the images for which the measure has a meaning, with `value_low`, `value_high` (95 %,
  bootstrap) and `value_n`; null where there are none;
- `mean`: the mean over the same images;
- `better`: "higher", "lower" or "neither".

Of the pointing game and the mass on the object `value` is the mean, for a median of hits says little. Where the task
has masks or boxes, `method` "" also has `measure` "area": the object's share of the picture, which is what a map that
knows nothing reaches in both.

Rows of `method` "zoo" hold a published relation against this zoo (Etmann et al. 2019, arXiv:1905.04172): `measure` is
"relation-" and a measure of networks, `value` Spearman's correlation over the networks between its median and their
accuracy under PGD at the task's radius in L2 (right under both of two runs: on logits as they are, and divided by their
deviation, since a distilled network hides its gradient from the first), with its interval over resampled networks and
`value_n` networks. `model` is "" and `sha256` "".

Arrays, the first images of the test set in its order (n differs: take the array's length):
`<measure>__<model>__<method>` float32 (n,), NaN where a measure has no meaning; `<measure>__<model>` for measures of
networks; `pgd__<model>` bool (n,), right under both runs of PGD.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.attacks.pgd import Pgd
from core.data.datasets import LabelledImages
from core.data.tasks import Task
from core.errors import ConfigError
from core.metrics.intervals import bootstrap
from core.metrics.localisation import area
from core.metrics.map_agreement import spearman
from core.models.zoo import ZooModel
from core.reports.report import (
    ASSETS,
    Arrays,
    Report,
    Row,
    common_task,
    provenance,
    read_arrays,
    read_report,
    report_path,
    write_arrays,
    write_report,
)
from core.reports.scratch import Scratch
from core.saliency.measures import MEASURES, Case, measured
from core.saliency.registry import METHODS, Ask, attribute

NAME = "saliency"
BATCH = 10
COSTLY = 200
SHARE_OF_RADIUS = 0.25
"""The small attack's radius in L-infinity, in units of the task's."""
PGD_STEPS = 10
RELATED = ("alignment", "alignment-cosine", "linearised-robustness")
"""The measures of networks that are held against robustness."""
ON_OBJECT = ("pointing-game", "mass-inside")
FEWEST = 4
"""Networks that a rank correlation needs to say anything."""

Part = dict[str, NDArray[Any]]
OnProgress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class SaliencySettings:
    """What the report measures.

    Attributes:
        images: the first so many test images, for measures of maps.
        costly_images: as many for the methods that cost more than `COSTLY` passes a map.
        network_images: as many for the measures of networks, and for the accuracy under PGD.
        methods: keys of the methods.
        measures: keys of the measures; those that a task cannot have are left out.
        seed: of everything that is drawn.

    Raises:
        ConfigError: a count below 1, or an unknown key.
    """

    images: int = 50
    costly_images: int = 20
    network_images: int = 200
    methods: tuple[str, ...] = tuple(METHODS)
    measures: tuple[str, ...] = tuple(MEASURES)
    seed: int = 0

    def __post_init__(self) -> None:
        unknown = [key for key in self.methods if key not in METHODS]
        unknown += [key for key in self.measures if key not in MEASURES]
        counts = (self.images, self.costly_images, self.network_images)
        if min(counts) < 1 or unknown:
            raise ConfigError(f"need counts of at least 1, and known methods and measures; got {counts} and {unknown}")

    def images_of(self, method: str) -> int:
        """How many images a method is measured on; of "", the network itself."""
        if not method:
            return self.network_images
        return self.costly_images if METHODS[method].cost > COSTLY else self.images


@dataclass(frozen=True, slots=True)
class SaliencyReport:
    """The report with its arrays per image; the module's text says what is in both."""

    report: Report
    arrays: Arrays


def read_saliency(task: str, folder: Path = ASSETS) -> SaliencyReport:
    """The report of a task, by the task's key.

    Raises:
        InputError: the report or its arrays are missing or damaged.
    """
    return _read(report_path(task, NAME, folder))


def saliency_report(
    models: Sequence[ZooModel],
    data: LabelledImages,
    settings: SaliencySettings,
    scratch: Path,
    path: Path | None = None,
    on_progress: OnProgress = lambda what, done, of: None,
) -> SaliencyReport:
    """The report over the networks of one task.

    Args:
        models: classifiers of one task.
        data: labelled images of that task; those with maps bring the measures of place.
        settings: what to measure.
        scratch: folder for what is measured so far, a file for each method and ten images of each network.
        path: where the report is kept, its arrays beside it. What is there already with the same settings, data and
            weights is kept, other networks' rows too. None keeps nothing.
        on_progress: called with what is measured, images done, and of how many.

    Raises:
        InputError: no images, networks of several tasks, images of another shape, or a folder can't be written.
    """
    task = common_task(models, data)
    placed = data.maps is not None
    stated: dict[str, Any] = {
        **asdict(settings),
        "test_images": len(data),
        "methods": list(settings.methods),
        "measures": [key for key in settings.measures if placed or MEASURES[key].needs != "inside"],
        "data": data.origin,
        "target": "the class predicted",
        "small_attack": f"PGD L-infinity, {PGD_STEPS} steps, radius {SHARE_OF_RADIUS} of the task's, no random start",
        "pgd": f"PGD L2, {PGD_STEPS} steps, epsilon {task.radii['l2']:g}; the worse of logits as they are and divided "
        "by their deviation",
        "batch": BATCH,
        "precision": "float32, fast form",
    }
    bench = _Bench(task, data, settings, stated, Scratch(scratch / task.key, stated), on_progress)
    known: dict[str, str] = {}
    arrays: Part = {}
    spent = 0.0
    for model in models:
        known, arrays, spent = _joined(path, stated, known, arrays, spent, models)
        if model.card.key not in known:
            found, seconds = bench.network(model)
            known, arrays, spent = _joined(path, stated, known, arrays, spent, models)
            known[model.card.key] = model.card.sha256
            arrays |= found
            spent += seconds
            result = _result(task.key, stated, known, arrays, spent)
            if path is not None:
                write_arrays(result.arrays, path.with_suffix(".npz"))
                write_report(result.report, path)
    return _result(task.key, stated, known, arrays, spent)


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


class _Bench:
    """Measures, looking into the scratch folder first."""

    def __init__(
        self,
        task: Task,
        data: LabelledImages,
        settings: SaliencySettings,
        stated: Mapping[str, Any],
        scratch: Scratch,
        on_progress: OnProgress,
    ) -> None:
        self.task = task
        self.data = data
        self.settings = settings
        self.stated = stated
        self.scratch = scratch
        self.on_progress = on_progress

    def network(self, model: ZooModel) -> tuple[Part, float]:
        """All arrays of one network by their full names, and the seconds that they took."""
        key = model.card.key
        found, spent = self._batches(model, "")
        arrays = {f"{name}__{key}": array for name, array in found.items()}
        for method in self.stated["methods"]:
            found, seconds = self._batches(model, method)
            arrays |= {f"{name}__{key}__{method}": array for name, array in found.items()}
            spent += seconds
        return arrays, spent

    def _batches(self, model: ZooModel, method: str) -> tuple[Part, float]:
        parts = []
        count = min(self.settings.images_of(method), len(self.data))
        for start in range(0, count, BATCH):
            stop = min(start + BATCH, count)
            make = partial(self._maps if method else self._network, model, method, start, stop)
            name = f"{model.card.key}-{method or 'network'}-{start}-{stop}"
            parts.append(self.scratch.get(name, model.card.sha256, make))
            self.on_progress(f"{model.card.key} {method or 'network'}", stop, count)
        spent = sum(float(part.pop("seconds")) for part in parts)
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}, spent

    def _network(self, model: ZooModel, method: str, start: int, stop: int) -> Part:
        """Measures of the network itself, and whether it stands PGD."""
        x, labels = self.data.images(start, stop), self.data.labels[start:stop]
        case = self._case(model, "gradient", x, start, None)
        found: Part = {
            key: measured(key, case).astype(np.float32)
            for key in self.stated["measures"]
            if MEASURES[key].of == "network"
        }
        attack = Pgd(self.task.radii["l2"], "l2", PGD_STEPS)
        found["pgd"] = np.ones(len(x), bool)
        for attacked in (model.fast, _Calm(model.fast)):
            x_adv = attack(attacked, x, labels, generator=self._generator(start))
            with torch.no_grad():
                found["pgd"] &= (model.fast(x_adv).argmax(1) == labels).numpy()
        inside = self._inside(start, stop)
        if inside is not None:
            found["area"] = np.array([area(one) for one in inside.numpy()], np.float32)
        return found

    def _maps(self, model: ZooModel, method: str, start: int, stop: int) -> Part:
        """Measures of a method's maps."""
        x = self.data.images(start, stop)
        keys = [key for key in self.stated["measures"] if MEASURES[key].of == "map"]
        x_adv = self._attacked(model, x) if "stability-attack" in keys else None
        case = self._case(model, method, x, start, x_adv, self._inside(start, stop))
        return {key: measured(key, case).astype(np.float32) for key in keys}

    def _case(
        self,
        model: ZooModel,
        method: str,
        x: Tensor,
        start: int,
        x_adv: Tensor | None,
        inside: Tensor | None = None,
    ) -> Case:
        with torch.no_grad():
            predicted = model.fast(x).argmax(1)
        ask = Ask(model.fast, x, predicted, self._generator(start))
        return Case(method, ask, attribute(method, ask), self._seed(start), inside, x_adv)

    def _attacked(self, model: ZooModel, x: Tensor) -> Tensor:
        """A small attack on the class predicted."""
        with torch.no_grad():
            predicted = model.fast(x).argmax(1)
        attack = Pgd(SHARE_OF_RADIUS * self.task.radii["linf"], "linf", PGD_STEPS, random_start=False)
        return attack(model.fast, x, predicted)

    def _inside(self, start: int, stop: int) -> Tensor | None:
        maps = self.data.maps
        return None if maps is None else maps[start:stop, 0] > 0

    def _seed(self, start: int) -> int:
        return int(self.stated["seed"]) * 1_000_003 + start

    def _generator(self, start: int) -> torch.Generator:
        return torch.Generator().manual_seed(self._seed(start))


def _result(
    task: str, stated: Mapping[str, Any], known: Mapping[str, str], arrays: Arrays, seconds: float
) -> SaliencyReport:
    """Report and arrays."""
    keys = sorted(known, key=lambda key: (key != "standard", key))
    rows = []
    for key in keys:
        head = {"model": key, "sha256": known[key]}
        for measure in stated["measures"]:
            methods = [""] if MEASURES[measure].of == "network" else stated["methods"]
            for method in methods:
                values = arrays["__".join(filter(None, (measure, key, method)))]
                better = MEASURES[measure].better
                rows.append(
                    {**head, "method": method, "measure": measure, "better": better, **_figure(measure, values)}
                )
        if f"area__{key}" in arrays:
            values = arrays[f"area__{key}"]
            rows.append({**head, "method": "", "measure": "area", "better": "neither", **_figure("area", values)})
    rows += [_relation(measure, keys, arrays) for measure in RELATED if measure in stated["measures"]]
    source = provenance(stated["data"], stated["seed"], seconds)
    return SaliencyReport(Report(task, NAME, stated, source, tuple(rows)), arrays)


def _figure(measure: str, values: NDArray[Any]) -> Row:
    """Median (of hits and shares of the object the mean) with its interval and n, and the mean; null without images."""
    values = values[np.isfinite(values)].astype(np.float64)
    if len(values) == 0:
        return {"value": None, "value_low": None, "value_high": None, "value_n": 0, "mean": None}
    middle = np.mean if measure in (*ON_OBJECT, "area") else np.median
    low, high = bootstrap(values, lambda drawn: float(middle(drawn)))
    return {
        "value": float(middle(values)),
        "value_low": low,
        "value_high": high,
        "value_n": len(values),
        "mean": float(values.mean()),
    }


def _relation(measure: str, keys: Sequence[str], arrays: Arrays) -> Row:
    """Spearman's correlation over networks between the median of a measure and the accuracy under PGD."""
    medians = [_figure(measure, arrays[f"{measure}__{key}"])["value"] for key in keys]
    pairs = [
        (median, float(arrays[f"pgd__{key}"].mean()))
        for key, median in zip(keys, medians, strict=True)
        if median is not None
    ]
    head: Row = {"model": "", "sha256": "", "method": "zoo", "measure": f"relation-{measure}", "better": "neither"}
    nothing: Row = {"value": None, "value_low": None, "value_high": None, "value_n": len(pairs), "mean": None}
    if len(pairs) < FEWEST:
        return head | nothing
    table = np.array(pairs)
    value = _rank_correlation(table)
    if np.isnan(value):
        return head | nothing
    # A resample may hold one network only, of which nothing can be said; it counts as no correlation.
    low, high = bootstrap(table, lambda drawn: float(np.nan_to_num(_rank_correlation(drawn))))
    return head | {"value": value, "value_low": low, "value_high": high, "value_n": len(pairs), "mean": None}


def _rank_correlation(table: NDArray[np.floating[Any]]) -> float:
    return spearman(table[:, 0], table[:, 1])


def _joined(
    path: Path | None,
    stated: Mapping[str, Any],
    known: dict[str, str],
    arrays: Part,
    seconds: float,
    models: Sequence[ZooModel],
) -> tuple[dict[str, str], Part, float]:
    """What is known, with what the file holds and still is true: another run may have written meanwhile."""
    if path is None or not path.exists() or not path.with_suffix(".npz").exists():
        return known, arrays, seconds
    earlier = _read(path)
    if dict(earlier.report.settings) != dict(stated):
        return known, arrays, seconds
    weights = {model.card.key: model.card.sha256 for model in models}
    of_file = {str(row["model"]): str(row["sha256"]) for row in earlier.report.rows if row["model"]}
    still = {key: sha for key, sha in of_file.items() if weights.get(key, sha) == sha}
    kept = {name: array for name, array in earlier.arrays.items() if name.split("__")[1] in still}
    return still | known, kept | arrays, max(seconds, float(earlier.report.provenance["seconds"]))


def _read(path: Path) -> SaliencyReport:
    return SaliencyReport(read_report(path), read_arrays(path.with_suffix(".npz")))
