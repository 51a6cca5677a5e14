"""The report `explanations`: whose attacks draw a class, and whose look like noise, with thresholds frozen on `val`.

Rows, one per model (a figure `f` comes with `f_low`, `f_high` at 95 % and `f_n` images): `model`, `sha256` of its
weights, `judges` (keys joined by commas), `rho`, and

- `draws`: share of images on which at least two of the three measures reach their thresholds;
- `transfer`, `low_frequency`, `agreement`: means of the measures (`core.explanations.class_evidence`), over the images
  where the network gives a gradient; null where it gives none at all.

The settings hold the `thresholds` by measure. They are chosen on the first `val_images` images of `val`, one measure at
a time: the cut that best parts `NOISE` from `DRAWN` (the largest sum of the share of one below and of the other at or
above it), in the middle of the widest gap where several are as good. `val_draws` is what the vote then says there.

Arrays, in the data set's order of images: `transfer__<model>`, `low_frequency__<model>`, `agreement__<model>` float32
(n,), NaN without a gradient; `draws__<model>` bool (n,); and the measures on `val` that the thresholds came from,
`val_transfer__<model>` and so on.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from core.data.datasets import LabelledImages
from core.errors import ConfigError, InputError
from core.explanations.class_evidence import (
    CLASSES,
    EVIDENCE_MEASURES,
    JUDGES,
    START,
    Measures,
    Thresholds,
    judges_of,
    measures,
)
from core.metrics.frequency import CUT_OFF
from core.models.zoo import ZooModel
from core.reports.form.measuring import Measurer, Measuring, Request
from core.reports.form.provenance import refuse_uncommitted
from core.reports.form.report import Row, common_task, mean, share
from core.reports.form.resume import Measured, Part, ReportDraft
from core.reports.form.settings import ReportSettings

NAME = "explanations"
NOISE, DRAWN = "standard", "pgd-l2"
"""The networks that the thresholds part: what is held to look like noise, and what to draw the class."""
BATCH = 20


@dataclass(frozen=True, slots=True)
class ExplanationsSettings(ReportSettings):
    """What the report measures.

    Attributes:
        images: the first so many test images.
        val_images: the first so many images of `val`, for the thresholds.
        rho: RMSE of the explanations, in [0, 1] pixel units.

    The seed is of the starts, the same for every image.

    Raises:
        ConfigError: a count below 1, or rho <= 0.
    """

    counts: ClassVar = ("images", "val_images")

    images: int = 100
    val_images: int = 100
    rho: float = 0.1

    def __post_init__(self) -> None:
        ReportSettings.__post_init__(self)
        if not self.rho > 0:
            raise ConfigError(f"rho must be above 0; got {self.rho}")


class ExplanationsReport(Measured):
    """The report with its arrays per image; the module's text says what is in both."""

    @property
    def thresholds(self) -> Thresholds:
        """The frozen thresholds, good for the report's task and rho."""
        return Thresholds(**self.report.settings["thresholds"])

    @classmethod
    def read(cls, path: Path) -> Self:
        """Report and arrays from the report's file and the NPZ beside it.

        Raises:
            InputError: one of them is missing or damaged, or the report holds no thresholds.
        """
        found = super().read(path)
        settings = found.report.settings
        cuts = settings.get("thresholds")
        if (
            not isinstance(cuts, Mapping)
            or cuts.keys() != {*EVIDENCE_MEASURES}
            or not all(_finite(value) for value in (settings.get("rho"), *cuts.values()))
        ):
            raise InputError(f"{path.name} holds no thresholds")
        return found

    @property
    def rho(self) -> float:
        """The RMSE that the thresholds hold for."""
        return float(self.report.settings["rho"])


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and np.isfinite(value)


def explanations_report(
    request: Request[ExplanationsSettings], judges: Sequence[ZooModel], val: LabelledImages
) -> ExplanationsReport:
    """The report over networks of one task; the labels of the images are not looked at.

    Args:
        request: what is asked. What its file holds is good only for the same judges.
        judges: the task's networks in `core.explanations.class_evidence.JUDGES`, `NOISE` and `DRAWN` among them.
        val: images that the thresholds are chosen on.

    Raises:
        InputError: a judge is missing.
    """
    settings, task = request.settings, common_task([*request.models, *judges], request.data)
    common_task(judges, val)
    refuse_uncommitted(request.path, request.allow_uncommitted)  # before thresholds are chosen, which takes minutes
    known = {judge.card.key: judge for judge in judges if judge.card.key in JUDGES}
    if not {NOISE, DRAWN} <= known.keys():
        raise InputError(f"thresholds part {NOISE} from {DRAWN}; the judges given are {sorted(known) or 'none'}")
    data, val = request.data.first(settings.images), val.first(settings.val_images)
    stated: dict[str, Any] = {
        **asdict(settings),
        "images": len(data),
        "val_images": len(val),
        "data": data.origin,
        "val": val.origin,
        "judges": {key: known[key].card.sha256 for key in JUDGES if key in known},
        "classes": CLASSES,
        "start": START,
        "cut_off": CUT_OFF,
        "batch": BATCH,
        "precision": "float32, fast form",
    }
    bench = ExplanationsMeasurer(request, stated, list(known.values()))
    chosen, arrays, spent = _frozen(request.path, stated) or _chosen(known, bench, val)
    stated |= chosen
    thresholds = Thresholds(**stated["thresholds"])
    draft = request.draft(stated)
    if not draft.arrays:
        draft.add_arrays(arrays, spent)

    def measure(model: ZooModel) -> tuple[Part, float, list[Row]]:
        found, seconds = bench.measure(model, data, "test")
        of_model: Part = {f"{name}__{model.card.key}": _single(found, name) for name in EVIDENCE_MEASURES}
        of_model[f"draws__{model.card.key}"] = found.draws(thresholds)
        judged_by = ",".join(judge.card.key for judge in judges_of(model, bench.judges))
        return of_model, seconds, [{"sha256": model.card.sha256, "judges": judged_by}]

    def result(draft: ReportDraft) -> ExplanationsReport:
        return ExplanationsReport(draft.report(task.key, NAME, draft.signed(_rows(draft))), dict(draft.arrays))

    return Measuring(request, draft, result).networks(measure)


def _chosen(
    judges: Mapping[str, ZooModel], bench: "ExplanationsMeasurer", val: LabelledImages
) -> tuple[dict[str, Any], Part, float]:
    """What the settings say of thresholds chosen on `val`, the arrays that they came from, and seconds."""
    on_val = {key: bench.measure(judges[key], val, "val") for key in (NOISE, DRAWN)}
    thresholds = choose_thresholds(on_val[NOISE][0], on_val[DRAWN][0])
    chosen = {
        "thresholds": asdict(thresholds),
        "thresholds_part": f"{NOISE},{DRAWN}",
        "val_draws": {key: float(found.draws(thresholds).mean()) for key, (found, _) in on_val.items()},
    }
    arrays: Part = {
        f"val_{name}__{key}": _single(found, name) for key, (found, _) in on_val.items() for name in EVIDENCE_MEASURES
    }
    return chosen, arrays, sum(seconds for _, seconds in on_val.values())


def _frozen(path: Path | None, stated: dict[str, Any]) -> tuple[dict[str, Any], Part, float] | None:
    """The same from the file, where one is there that was made with these settings: thresholds are chosen once."""
    if path is None or not path.exists() or not path.with_suffix(".npz").exists():
        return None
    earlier = ExplanationsReport.read(path)
    chosen = {name: value for name, value in earlier.report.settings.items() if name not in stated}
    if {**stated, **chosen} != dict(earlier.report.settings) or "thresholds" not in chosen:
        return None
    arrays: Part = {name: array for name, array in earlier.arrays.items() if name.startswith("val_")}
    return chosen, arrays, float(earlier.report.provenance["seconds"])


def choose_thresholds(noise: Measures, drawn: Measures) -> Thresholds:
    """The cut of each measure that best parts the images of one network from those of another.

    Raises:
        InputError: a network that gives no gradient for any image.
    """
    return Thresholds(*(_best_cut(getattr(noise, name), getattr(drawn, name)) for name in EVIDENCE_MEASURES))


def _best_cut(below: NDArray[np.floating], above: NDArray[np.floating]) -> float:
    """The value with the largest sum of the shares of `below` under it and of `above` not under it."""
    below, above = below[~np.isnan(below)], above[~np.isnan(above)]
    if len(below) == 0 or len(above) == 0:
        raise InputError("no threshold can be chosen where a network gives no gradient")
    values = np.unique(np.concatenate([below, above]))
    if len(values) == 1:
        return float(values[0])
    cuts, gaps = (values[:-1] + values[1:]) / 2, np.diff(values)
    right = (below[:, None] < cuts).mean(0) + (above[:, None] >= cuts).mean(0)
    best = np.flatnonzero(right >= right.max() - 1e-12)
    return float(cuts[best[gaps[best].argmax()]])


class ExplanationsMeasurer(Measurer[ExplanationsSettings]):
    """Measures a network's attacks in the eyes of others."""

    def __init__(
        self, request: Request[ExplanationsSettings], stated: Mapping[str, Any], judges: list[ZooModel]
    ) -> None:
        """Measure with what the report states, judged by `judges`."""
        super().__init__(request, stated, BATCH)
        self.judges = judges

    def measure(self, model: ZooModel, data: LabelledImages, split: str) -> tuple[Measures, float]:
        """The measures of a network on all the images, and the seconds that they took."""
        part = partial(_batch, model, judges_of(model, self.judges), data, self.settings)
        whole, seconds = self.over(model, split, len(data), part)
        return Measures(**whole), seconds


def _batch(
    model: ZooModel,
    judges: Sequence[ZooModel],
    data: LabelledImages,
    settings: ExplanationsSettings,
    start: int,
    stop: int,
) -> Part:
    """The measures of the images from `start` to `stop`."""
    found = measures(model, judges, data.images(start, stop), settings.rho, settings.seed)
    return {name: getattr(found, name) for name in EVIDENCE_MEASURES}


def _single(found: Measures, name: str) -> NDArray[np.float32]:
    return np.asarray(getattr(found, name), np.float32)


def _rows(draft: ReportDraft) -> Iterator[Row]:
    """A row for each network."""
    for key in draft.keys:
        draws = draft.arrays[f"draws__{key}"]
        facts = {name: draft.rows[key][0][name] for name in ("sha256", "judges")}
        row: Row = {"model": key, **facts, "rho": draft.settings["rho"]}
        row |= share("draws", int(draws.sum()), len(draws))
        for name in EVIDENCE_MEASURES:
            row |= mean(name, draft.arrays[f"{name}__{key}"])
        yield row
