"""What the report `anomaly` measures of one network: signals of normal images, anomalies and corrupted images."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.anomaly import perceptron
from core.anomaly.attacked import ATTACKS, attacked
from core.anomaly.calibration import BATCH, Calibration
from core.anomaly.conformal import halves
from core.anomaly.measurements import MAIN, GradientMeasurements, from_arrays, joined
from core.anomaly.norm_detectors import features
from core.anomaly.perceptron import Perceptron
from core.data.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from core.data.datasets import LabelledImages
from core.data.outliers import OUTLIERS, load_outliers
from core.data.tasks import Task
from core.errors import ConfigError
from core.models.zoo import ZooModel
from core.reports.form.measuring import Measurer, Request
from core.reports.form.resume import Part
from core.reports.form.settings import ReportSettings

FEWEST = 10
"""Anomalies of a kind that there must be, or the kind is left out."""
FORM = "with layers"
"""What is measured of an image, in words: parts of another form are no longer good."""
_TRAINED_SHARE = 0.8  # of the images that train a perceptron; the others choose the epoch

Change = Callable[[Tensor, Tensor, int], tuple[Tensor, Tensor]]
"""Images, labels and a seed to changed images, and which of the images they are."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of a network is measured.

    Attributes:
        images: the first so many test images are the normal ones.
        outliers: so many pictures of each set are tested, those after the ones that train.
        attacked: the first so many test images are attacked.
        corrupted: as many are corrupted in each way.
        trained: so many images train a perceptron: the first of a set, in the order it is drawn in, and the first of
            the images that fitted the screen, attacked or not.

    Raises:
        ConfigError: a count below 1.
    """

    images: int
    outliers: int
    attacked: int
    corrupted: int
    trained: int

    def __post_init__(self) -> None:
        if min(self.images, self.outliers, self.attacked, self.corrupted, self.trained) < 1:
            raise ConfigError(f"all counts must be at least 1; got {self}")


@dataclass(frozen=True, slots=True, eq=False)
class Measurements:
    """Signals of everything that a network is shown.

    Attributes:
        normal: of test images.
        fitting: of images that fitted the screen.
        tested: by what it is the signals of anomalies and of corrupted images.
        families: of the same, in the same order.
        classes: of the pictures of sets whose classes are a sample, the class each is of (n,).
        training: signals of anomalies that train a perceptron, and which of `fitting` each is made of; None for
            pictures of a set.
    """

    normal: GradientMeasurements
    fitting: GradientMeasurements
    tested: Mapping[str, GradientMeasurements]
    families: Mapping[str, str]
    classes: Mapping[str, NDArray[np.int64]]
    training: Mapping[str, tuple[GradientMeasurements, NDArray[np.int64] | None]]

    def perceptrons(self, seed: int) -> Iterator[tuple[str, Perceptron]]:
        """One for each kind of anomaly; an image and its attacked twin are on one side of the cut."""
        cut = int(_TRAINED_SHARE * len(self.fitting))
        normal = features(self.fitting.squared[MAIN])
        for name, (signals, index) in self.training.items():
            anomalous = features(signals.squared[MAIN])
            order, limit = (
                (np.arange(len(anomalous)), _TRAINED_SHARE * len(anomalous)) if index is None else (index, cut)
            )
            early = order < limit
            if early.any() and not early.all():
                later = (normal[cut:], anomalous[~early])
                generator = torch.Generator().manual_seed(seed)
                yield name, perceptron.fit(normal[:cut], anomalous[early], later, generator)


class AnomalyMeasurer(Measurer[ReportSettings]):
    """Measures the signals of one network, `BATCH` images at a time.

    Attributes:
        seconds: that what it measured took.
    """

    def __init__(
        self,
        request: Request[Any],
        parts: Mapping[str, Any],
        model: ZooModel,
        screen: Calibration,
        calibration: LabelledImages,
        light: bool = False,
    ) -> None:
        """Nothing is measured yet.

        Args:
            request: what is asked of the report.
            parts: everything that decides the signals of a batch, as plain values.
            model: the network.
            screen: its detectors.
            calibration: the images that the screen was made with.
            light: measure `light`, see `core.anomaly.measurements.measure`, and nothing that trains a perceptron.
        """
        super().__init__(request, parts, BATCH)
        self.model = model
        self.screen = screen
        self.fitting = calibration.first(halves(len(calibration))[0].stop)
        self.light = light
        self.seconds = 0.0

    def __getstate__(self) -> dict[str, Any]:
        """What measures a batch: no detectors, which read what was measured and can't travel."""
        return super().__getstate__() | {"screen": self.screen.of(())}

    def normal(self, count: int) -> GradientMeasurements:
        """The signals of the first `count` test images."""
        return self._signals("test", self.data.first(count))[0]

    def everything(self, sizes: Sizes) -> Measurements:
        """All signals; attacks that turn fewer than `FEWEST` images are left out."""
        tested: dict[str, GradientMeasurements] = {}
        families: dict[str, str] = {}
        classes: dict[str, NDArray[np.int64]] = {}
        training: dict[str, tuple[GradientMeasurements, NDArray[np.int64] | None]] = {}
        normal, fit = self.normal(sizes.images), self.fitting.first(sizes.trained)
        fitting = normal.rows(slice(0)) if self.light else self._signals("fit", fit)[0]
        for attack in ATTACKS:
            change = partial(attacked, self.model, attack)
            found, index = self._signals(attack, self.data.first(sizes.attacked), change)
            if len(index) >= FEWEST:
                tested[attack], families[attack] = found, "attack"
            if not self.light:
                found, index = self._signals(f"fit-{attack}", fit, change)
                if len(index) >= FEWEST:
                    training[attack] = (found, index)
        task = self.model.task
        for each in OUTLIERS.get(task.key, ()):
            held = 0 if each.kind == "control" else sizes.trained
            pictures = load_outliers(task, each.key, held + sizes.outliers)
            held = min(held, len(pictures) // 2)
            rest = LabelledImages(pictures.pixels[held:], pictures.labels[held:], pictures.origin)
            drawn = json.dumps(each.definition, sort_keys=True)
            tested[each.key], _ = self._signals(f"{each.key}-after-{held}", rest, of=drawn)
            families[each.key] = each.kind
            if each.sampled:
                classes[each.key] = rest.labels.cpu().numpy()
            if held >= FEWEST and not self.light:
                training[each.key] = (self._signals(f"{each.key}-first", pictures.first(held), of=drawn)[0], None)
        some = self.data.first(sizes.corrupted)
        for corruption in CORRUPTIONS:
            for severity in SEVERITIES:
                pixels = corrupt(some.pixels, corruption, severity, self.settings.seed)
                name = f"{corruption}-{severity}"
                tested[name], _ = self._signals(name, LabelledImages(pixels, some.labels, some.origin))
                families[name] = "corruption"
        return Measurements(normal, fitting, tested, families, classes, training)

    def _signals(
        self, what: str, data: LabelledImages, change: Change | None = None, of: str = ""
    ) -> tuple[GradientMeasurements, NDArray[np.int64]]:
        """The signals of images, or of what `change` makes of them, and which they are.

        Parts in the scratch folder are good for the same network, screen and `of`: what the images are, if they aren't
        the task's own.
        """
        parts, which = [], []
        how = f"{FORM} light" if self.light else FORM
        measure, of = partial(self._part, data, change), f"{self.screen.measuring} {of} {how}"
        for part in self.each(self.model, what, len(data), measure, of):
            self.seconds += float(part.pop("seconds"))
            which.append(part.pop("index"))
            parts.append(from_arrays(part))
        return joined(parts), np.concatenate(which)

    def _part(self, data: LabelledImages, change: Change | None, start: int, stop: int) -> Part:
        x, chosen = data.images(start, stop), torch.arange(stop - start, device=data.labels.device)
        if change is not None:
            x, chosen = change(x, data.labels[start:stop], self.seed(start))
        shown = x if len(x) else data.images(start, start + 1)
        found = self.screen.measure(self.model, shown, BATCH, self.light)
        return {"index": (start + chosen).cpu().numpy(), **found.rows(slice(len(x))).arrays()}


def task_sets(task: Task) -> dict[str, dict[str, object]]:
    """For each set of outliers of a task what it is, as plain values; empty where the task has none."""
    return {each.key: each.definition for each in OUTLIERS.get(task.key, ())}
