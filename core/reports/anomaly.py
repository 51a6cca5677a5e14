"""The report `anomaly`: how well detectors tell what is odd from a task's own test images.

Rows, one per model, detector and what stands against the normal images:

- `model`, `sha256` of its weights, `detector`, `kind` ("gradient-unsupervised", "gradient-supervised", "baseline");
- `trained_on`: "" for what never saw an anomaly; of the perceptron the anomalies it was trained on, one of `against`;
- `against`: an attack, a set of `core.data.outliers`, or a corruption and its severity ("jpeg-5"), and `family`:
  "attack", "semantic", "far", "control" or "corruption";
- `auroc`, with `auroc_low`, `auroc_high` (95 %, bootstrap over images of both sides) and `auroc_n` anomalies; `aupr`
  (anomalies are the positives) and `fpr95` (share of normal images flagged where 95 % of the anomalies are), likewise.

Of attacks only images count that were right before and wrong after, against all normal images. Normal images are test
images; attacks are made on test images, too. The perceptron's normal images are those that fit the screen, and its
anomalies are attacks on the same, or the last pictures of a set, of which no row's figures are made. One detector is
trained for each attack and each set but the controls; what it was trained on and what it is tested on make a matrix.

Rows of `kind` "promise" hold the conformal promise: `detector`, `alpha`, `flagged` (share of the normal test images
with a p-value of at most alpha, with `flagged_n`), `promised_low`, `promised_high` (where it must lie, at 1 - 0.05 /
number of promise rows of the model; see `core.anomaly.conformal`), `calibration_n` and `kept`.

Arrays, for display: `score__<model>__<detector>__<against>` float32 (n,), of the first 500 images of a set; `against`
"test" are the normal ones. Of the corruptions and of perceptrons trained on anything but PGD there are none.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.anomaly import perceptron
from core.anomaly.conformal import false_alarm_interval, halves
from core.anomaly.perceptron import Perceptron
from core.anomaly.profiles import features
from core.anomaly.screen import BATCH, DETECTORS, PERCEPTRON, Screen
from core.anomaly.signals import MAIN, Signals, from_arrays, joined
from core.attacks.ddn import Ddn
from core.attacks.fgsm import Fgsm
from core.attacks.pgd import Pgd
from core.data.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from core.data.datasets import LabelledImages
from core.data.outliers import load_outliers, outliers_of
from core.data.tasks import Task
from core.errors import ConfigError
from core.metrics.detection import aupr, auroc, fpr95
from core.metrics.intervals import RESAMPLES
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

NAME = "anomaly"
ATTACKS = ("fgsm", "pgd-quarter", "pgd-half", "pgd", "least-likely", "ddn")
"""FGSM at the task's radius in L-infinity; PGD at a quarter, half and all of it; PGD towards the least likely class;
and the smallest change in L2."""
ALPHAS = (0.01, 0.05, 0.10)
MATRIX = 2_000
"""Images a side for intervals: more are thinned out for them alone, evenly; figures are of all."""
FEWEST = 10
"""Anomalies of a kind that there must be, or the kind is left out."""
SHOWN = 500
_STEPS = 20

OnProgress = Callable[[str, int, int], None]
Part = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class AnomalySettings:
    """What the report measures.

    Attributes:
        images: the first so many test images are the normal ones.
        outliers: so many pictures of each set are tested.
        attacked: the first so many test images are attacked.
        corrupted: as many are corrupted in each way.
        trained: so many images train a perceptron: of a set those that come after the tested ones, of the images that
            fitted the screen, attacked or not, the first.
        seed: of everything that is drawn.

    Raises:
        ConfigError: a count below 1.
    """

    images: int = 10_000
    outliers: int = 5_000
    attacked: int = 2_000
    corrupted: int = 500
    trained: int = 1_000
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.images, self.outliers, self.attacked, self.corrupted, self.trained) < 1:
            raise ConfigError(f"all counts must be at least 1; got {self}")


@dataclass(frozen=True, slots=True)
class Anomaly:
    """The report with its arrays; the module's text says what is in both."""

    report: Report
    arrays: Arrays


def read_anomaly(task: str, folder: Path = ASSETS) -> Anomaly:
    """The report of a task, by the task's key.

    Raises:
        InputError: the report or its arrays are missing or damaged.
    """
    return _read(report_path(task, NAME, folder))


def anomaly_report(
    models: Sequence[tuple[ZooModel, Screen]],
    data: LabelledImages,
    calibration: LabelledImages,
    settings: AnomalySettings,
    scratch: Path,
    path: Path | None = None,
    on_progress: OnProgress = lambda what, done, of: None,
) -> Anomaly:
    """The report over networks of one task.

    Args:
        models: classifiers of one task, each with its detectors.
        data: its test images.
        calibration: the images that the detectors were fitted to and calibrated on, as `fit_screen` was given them.
        settings: what to measure.
        scratch: folder for what is measured so far, a file for each 64 images, so that a killed run goes on where it
            was.
        path: where the report is kept, its arrays beside it. What is there already with the same settings, data and
            weights is kept, other networks' rows too. None keeps nothing.
        on_progress: called with what is measured, images done, and of how many.

    Raises:
        InputError: no images, networks of several tasks, images of another shape, or a folder can't be written.
        ConfigError: the task has no sets of outliers.
        DataMissingError: a set is not on this machine.
    """
    task = common_task([model for model, _ in models], data)
    sets = outliers_of(task)
    stated: dict[str, Any] = {
        **asdict(settings),
        "images": min(settings.images, len(data)),
        "attacked": min(settings.attacked, len(data)),
        "corrupted": min(settings.corrupted, len(data)),
        "data": data.origin,
        "calibration_images": len(calibration),
        "attacks": list(ATTACKS),
        "epsilon": task.radii["linf"],
        "steps": _STEPS,
        "outlier_sets": {each.key: {"title": each.title, "left_out": list(each.left_out)} for each in sets},
        "alphas": list(ALPHAS),
        "interval_images": MATRIX,
        "corruptions": list(CORRUPTIONS),
    }
    kept, seconds = _what_is_kept(path, stated, {m.card.key: m.card.sha256 for m, _ in models})
    bench = _Bench(task, data, calibration, settings, Scratch(scratch / task.key, stated), on_progress)
    result = _result(task.key, stated, kept, seconds)
    for model, screen in models:
        if model.card.key in {row["model"] for row in result.report.rows}:
            continue
        made, took = bench.network(model, screen)
        earlier, before = _what_is_kept(path, stated, {m.card.key: m.card.sha256 for m, _ in models})
        rows = (*(earlier.report.rows if earlier else result.report.rows), *made.report.rows)
        arrays = {**(earlier.arrays if earlier else result.arrays), **made.arrays}
        seconds = max(seconds, before) + took
        result = _result(task.key, stated, Anomaly(Report(task.key, NAME, stated, {}, rows), arrays), seconds)
        if path is not None:
            write_arrays(result.arrays, path.with_suffix(".npz"))
            write_report(result.report, path)
    return result


@dataclass(frozen=True, slots=True, eq=False)
class _Measured:
    """Signals of everything that a network is shown."""

    normal: Signals
    fitting: Signals
    tested: Mapping[str, tuple[str, Signals]]  # by `against`: family and signals
    training: Mapping[str, tuple[Signals, NDArray[np.int64] | None]]  # signals, and which fitting image each is


class _Bench:
    """Measures, looking into the scratch folder first."""

    def __init__(
        self,
        task: Task,
        data: LabelledImages,
        calibration: LabelledImages,
        settings: AnomalySettings,
        scratch: Scratch,
        on_progress: OnProgress,
    ) -> None:
        self.task = task
        self.data = data
        self.fitting = calibration.first(min(halves(len(calibration))[0].stop, settings.trained))
        self.settings = settings
        self.scratch = scratch
        self.on_progress = on_progress
        self.seconds = 0.0

    def network(self, model: ZooModel, screen: Screen) -> tuple[Anomaly, float]:
        """Rows and arrays of one network, and the seconds that measuring took."""
        self.seconds = 0.0
        found = self._measured(model, screen)
        head = {"model": model.card.key, "sha256": model.card.sha256}
        scores: dict[tuple[str, str], dict[str, NDArray[np.float64]]] = {}  # by detector and training
        normal = screen.scores(found.normal)
        for key, values in normal.items():
            if key != PERCEPTRON:
                scores[key, ""] = {"test": values}
        for against, (_, signals) in found.tested.items():
            for key, values in screen.scores(signals).items():
                if key != PERCEPTRON:
                    scores[key, ""][against] = values
        for trained_on, detector in self._perceptrons(found):
            of = {"test": found.normal} | {against: signals for against, (_, signals) in found.tested.items()}
            scores[PERCEPTRON, trained_on] = {
                against: detector.score(features(signals.squared[MAIN])) for against, signals in of.items()
            }
        rows, arrays = [], {}
        for (key, trained_on), by_set in scores.items():
            for against, (family, _) in found.tested.items():
                if family == "corruption" and trained_on not in ("", "pgd"):
                    continue  # the matrix is of attacks and sets
                kind = {"detector": key, "kind": DETECTORS[key][0], "trained_on": trained_on}
                figures = _figures(by_set["test"], by_set[against])
                rows.append({**head, **kind, "against": against, "family": family, **figures})
            for against, values in by_set.items():
                of_corruption = against != "test" and found.tested[against][0] == "corruption"
                if trained_on in ("", "pgd") and not of_corruption:
                    arrays[f"score__{model.card.key}__{key}__{against}"] = values[:SHOWN].astype(np.float32)
        rows += [{**head, **row} for row in _promises(screen, normal)]
        return Anomaly(Report(self.task.key, NAME, {}, {}, tuple(rows)), arrays), self.seconds

    def _measured(self, model: ZooModel, screen: Screen) -> _Measured:
        """All signals; a set of fewer than `FEWEST` anomalies is left out."""
        tested: dict[str, tuple[str, Signals]] = {}
        training: dict[str, tuple[Signals, NDArray[np.int64] | None]] = {}
        test = self.data.first(self.settings.images)
        normal, _ = self._signals(model, screen, "test", test)
        fitting, _ = self._signals(model, screen, "fit", self.fitting)
        for attack in ATTACKS:
            change = partial(_attacked, model, attack)
            found, _ = self._signals(model, screen, attack, self.data.first(self.settings.attacked), change)
            if found is not None and len(found) >= FEWEST:
                tested[attack] = ("attack", found)
            found, index = self._signals(model, screen, f"fit-{attack}", self.fitting, change)
            if found is not None and len(found) >= FEWEST:
                training[attack] = (found, index)
        for each in outliers_of(self.task):
            held = 0 if each.kind == "control" else self.settings.trained
            pictures = load_outliers(self.task, each.key, self.settings.outliers + held)
            count = len(pictures) - min(held, len(pictures) // 2)
            found, _ = self._signals(model, screen, each.key, pictures.first(count))
            assert found is not None
            tested[each.key] = (each.kind, found)
            rest = LabelledImages(pictures.pixels[count:], pictures.labels[count:], pictures.origin)
            if len(rest) >= FEWEST:
                found, _ = self._signals(model, screen, f"train-{each.key}", rest)
                assert found is not None
                training[each.key] = (found, None)
        some = self.data.first(self.settings.corrupted)
        for name in CORRUPTIONS:
            for severity in SEVERITIES:
                pixels = corrupt(some.pixels, name, severity, self.settings.seed)
                changed = LabelledImages(pixels, some.labels, some.origin)
                found, _ = self._signals(model, screen, f"{name}-{severity}", changed)
                assert found is not None
                tested[f"{name}-{severity}"] = ("corruption", found)
        assert normal is not None and fitting is not None
        return _Measured(normal, fitting, tested, training)

    def _signals(
        self,
        model: ZooModel,
        screen: Screen,
        what: str,
        data: LabelledImages,
        change: Callable[[Tensor, Tensor, int], tuple[Tensor, Tensor]] | None = None,
    ) -> tuple[Signals | None, NDArray[np.int64]]:
        """The signals of images, or of what `change` makes of them, None where none is left; and which they are."""
        parts, which = [], []
        for start in range(0, len(data), BATCH):
            stop = min(start + BATCH, len(data))
            make = partial(self._part, model, screen, data, start, stop, change)
            name = f"{model.card.key}-{what}-{start}-{stop}"
            part = self.scratch.get(name, f"{model.card.sha256} {screen.digest}", make)
            self.seconds += float(part.pop("seconds"))
            index = part.pop("index")
            which.append(index)
            if len(index):
                parts.append(from_arrays(part))
            self.on_progress(f"{model.card.key} {what}", stop, len(data))
        return (joined(parts) if parts else None), np.concatenate(which)

    def _part(
        self,
        model: ZooModel,
        screen: Screen,
        data: LabelledImages,
        start: int,
        stop: int,
        change: Callable[[Tensor, Tensor, int], tuple[Tensor, Tensor]] | None,
    ) -> Part:
        x, chosen = data.images(start, stop), torch.arange(stop - start)
        if change is not None:
            x, chosen = change(x, data.labels[start:stop], self.settings.seed * 1_000_003 + start)
        index = (start + chosen).numpy()
        return {"index": index} | (screen.measure(model, x).arrays() if len(x) else {})

    def _perceptrons(self, found: _Measured) -> Iterator[tuple[str, Perceptron]]:
        """One for each kind of anomaly; an image and its attacked twin are on one side of the cut."""
        cut = int(0.8 * len(found.fitting))
        normal = features(found.fitting.squared[MAIN])
        for name, (signals, index) in found.training.items():
            anomalous = features(signals.squared[MAIN])
            early = np.arange(len(anomalous)) < 0.8 * len(anomalous) if index is None else index < cut
            if early.any() and not early.all():
                generator = torch.Generator().manual_seed(self.settings.seed)
                later = (normal[cut:], anomalous[~early])
                yield name, perceptron.fit(normal[:cut], anomalous[early], later, generator)


def _attacked(model: ZooModel, name: str, x: Tensor, labels: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """The attacked images that were right before and are wrong after, and which they are."""
    radius, network = model.task.radii["linf"], model.fast
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        logits = network(x)
    match name:
        case "fgsm":
            x_adv = Fgsm(radius)(network, x, labels)
        case "ddn":
            x_adv = Ddn()(network, x, labels)
        case "least-likely":
            x_adv = Pgd(radius, "linf", _STEPS, targeted=True)(network, x, logits.argmin(1), generator)
        case _:
            share = {"pgd-quarter": 0.25, "pgd-half": 0.5, "pgd": 1.0}[name]
            x_adv = Pgd(share * radius, "linf", _STEPS)(network, x, labels, generator)
    with torch.no_grad():
        hit = (logits.argmax(1) == labels) & (network(x_adv).argmax(1) != labels)
    return x_adv[hit], hit.nonzero()[:, 0]


def _figures(normal: NDArray[np.float64], anomalous: NDArray[np.float64]) -> Row:
    """AUROC, AUPR and false alarms at 95 % detection, with intervals."""
    row: Row = {}
    few = [side[:: -(-len(side) // MATRIX)] for side in (normal, anomalous)]
    draws = _resampled(*few)
    for name, measure in (("auroc", auroc), ("aupr", aupr), ("fpr95", fpr95)):
        low, high = np.quantile(draws[name], [0.025, 0.975])
        row |= {name: measure(normal, anomalous), f"{name}_low": float(low), f"{name}_high": float(high)}
        row[f"{name}_n"] = len(anomalous)
    return row


def _resampled(normal: NDArray[np.float64], anomalous: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """The three figures of 1,000 bootstrap resamples of both sides, seeded, from counts instead of drawn copies."""
    rng = np.random.default_rng(0)
    levels, where = np.unique(np.concatenate([normal, anomalous]), return_inverse=True)
    sides = [where[: len(normal)], where[len(normal) :]]
    found: dict[str, list[float]] = {"auroc": [], "aupr": [], "fpr95": []}
    for _ in range(RESAMPLES):
        drawn = [side[rng.integers(0, len(side), len(side))] for side in sides]
        n, a = (np.bincount(side, minlength=len(levels))[::-1] for side in drawn)  # from the largest score down
        false, true = np.cumsum(n), np.cumsum(a)
        found["auroc"].append(float((n * (true - a / 2)).sum() / (false[-1] * true[-1])))
        found["aupr"].append(float((a * true / np.maximum(true + false, 1)).sum() / true[-1]))
        found["fpr95"].append(float(false[np.searchsorted(true, np.ceil(0.95 * true[-1]))] / false[-1]))
    return {name: np.array(values) for name, values in found.items()}


def _promises(screen: Screen, normal: Mapping[str, NDArray[np.float64]]) -> Iterator[Row]:
    """Whether as many normal images are flagged as was promised."""
    p_values = screen.p_values(normal)
    confidence = 1 - 0.05 / (len(p_values) * len(ALPHAS))
    for key, values in p_values.items():
        for alpha in ALPHAS:
            low, high = false_alarm_interval(len(screen.normals[key]), len(values), alpha, confidence)
            flagged = float((values <= alpha).mean())
            yield {
                "detector": key,
                "kind": "promise",
                "trained_on": "",
                "against": "test",
                "family": "promise",
                "alpha": alpha,
                "flagged": flagged,
                "flagged_n": len(values),
                "promised_low": low,
                "promised_high": high,
                "calibration_n": len(screen.normals[key]),
                "kept": bool(low <= flagged <= high),
            }


def _result(task: str, stated: Mapping[str, Any], made: Anomaly | None, seconds: float) -> Anomaly:
    """Report and arrays, `standard` first."""
    rows = made.report.rows if made else ()
    ordered = tuple(sorted(rows, key=lambda row: (row["model"] != "standard", row["model"])))
    source = provenance(stated["data"], stated["seed"], seconds)
    return Anomaly(Report(task, NAME, stated, source, ordered), made.arrays if made else {})


def _what_is_kept(
    path: Path | None, stated: Mapping[str, Any], weights: Mapping[str, str]
) -> tuple[Anomaly | None, float]:
    """Of an earlier run with the same settings the networks that still are the same, and its seconds."""
    if path is None or not path.exists() or not path.with_suffix(".npz").exists():
        return None, 0.0
    earlier = _read(path)
    if dict(earlier.report.settings) != dict(stated):
        return None, 0.0
    rows = tuple(row for row in earlier.report.rows if weights.get(row["model"], row["sha256"]) == row["sha256"])
    models = {row["model"] for row in rows}
    arrays = {name: array for name, array in earlier.arrays.items() if name.split("__")[1] in models}
    return Anomaly(Report(earlier.report.task, NAME, stated, {}, rows), arrays), float(
        earlier.report.provenance["seconds"]
    )


def _read(path: Path) -> Anomaly:
    return Anomaly(read_report(path), read_arrays(path.with_suffix(".npz")))
