"""The report `transfer`: how often each network of a task is right on images made against each other one.

As in Ross, Doshi-Velez 2018 (arXiv:1711.09404): the matrix accuracy(evaluated, source) for four attacks and several
radii in L-infinity, on the first 256 test images. Rows, one per `source`, `model` (evaluated), `attack` and `epsilon`
([0, 1] pixel units): `accuracy` with `accuracy_low`, `accuracy_high` (Wilson, 95 %) and `accuracy_n`. Where source and
model are the same the attack knows the network, elsewhere the images are passed on.

`attack` is one of the catalogue (`core.attacks.catalogue`; none starts at random here, so that any image can be made
again by itself):

- `fgsm`: one signed step up the cross-entropy of the true label;
- `tgsm`: one signed step down that of the next label, (label + 1) mod K;
- `iterated-tgsm`: ten such steps of a tenth of epsilon. (In the paper each has the length 0.1, without a ball.)
- `pgd`: ten steps of a quarter of epsilon up the cross-entropy of the true label, run to the end.

The checksums of the networks' weights are in the provenance, as `weights`.

Arrays, in the data set's order of images (n):

- `epsilons` float32 (E,): the radii, from 0;
- `right_<attack>__<source>__<model>` bool (E, n): the model is right on the image made against the source;
- `unchanged_<attack>__<source>` bool (E, n): that image is, to the last bit, the one it was made from;
- `gradient_norm__<model>`, `gradient_norm_other__<model>` float32 (n,): L2 norm of the input gradient of cross-entropy
  with the true label, and with the next one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.attacks.attack import AttackRequest
from core.attacks.catalogue import ATTACKS, attack_named, run_attack
from core.data.datasets import LabelledImages
from core.data.tasks import Task
from core.errors import ConfigError
from core.models.zoo import ZooModel
from core.progress import OnPartProgress, silent_on_parts
from core.reports.form.parts_cache import PartsCache
from core.reports.form.report import Report, Row, common_task, share
from core.reports.form.resume import Measured, Part, ReportDraft, standard_first
from core.reports.robustness.measurements import RobustnessSettings, Unit, gradients, right

NAME = "transfer"
STEPS = 10
BATCH = 128
EPSILONS: Mapping[str, tuple[float, ...]] = {"fashion-mnist": (0.0, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4)}
"""The radii by task; for other tasks a quarter, a half, one and two times the task's own, and 0."""


@dataclass(frozen=True, slots=True)
class TransferSettings:
    """What the report measures.

    Attributes:
        images: the first so many test images.
        seed: stated with the report; nothing in it is drawn at random.

    Raises:
        ConfigError: images < 1.
    """

    images: int = 256
    seed: int = 0

    def __post_init__(self) -> None:
        if self.images < 1:
            raise ConfigError(f"images must be at least 1; got {self.images}")


class Transfer(Measured):
    """The report with its arrays per image; the module's text says what is in both."""


def epsilons(task: Task) -> tuple[float, ...]:
    """The radii of a task's matrices, increasing from 0, in [0, 1] pixel units."""
    radius = task.radii["linf"]
    return EPSILONS.get(task.key, (0.0, radius / 4, radius / 2, radius, 2 * radius))


def made_against(model: nn.Module, x: Tensor, labels: Tensor, attack: str, epsilon: float) -> Tensor:
    """The images that an attack makes against a network, within epsilon of `x` in every entry and in [0, 1].

    Args:
        model: images (B, C, H, W) to logits (B, K), in eval mode.
        x: clean images (B, C, H, W), float in [0, 1]; left unchanged.
        labels: the true classes (B,), int64.
        attack: one of `ATTACKS`.
        epsilon: in [0, 1] pixel units; 0 is the identity.

    Raises:
        ConfigError: epsilon < 0, or no such attack.
    """
    about = _next(model, x, labels) if attack_named(attack).aims else labels
    return run_attack(attack, AttackRequest(model, x, about, epsilon, STEPS))


def _next(model: nn.Module, x: Tensor, labels: Tensor) -> Tensor:
    """The class that a targeted attack aims at, (B,)."""
    with torch.no_grad():
        classes = model(x[:1]).shape[1]
    following: Tensor = (labels + 1) % classes
    return following


def transfer_report(
    models: Sequence[ZooModel],
    data: LabelledImages,
    settings: TransferSettings,
    scratch: Path,
    path: Path | None = None,
    on_progress: OnPartProgress = silent_on_parts,
    allow_uncommitted: bool = False,
) -> Transfer:
    """The report over the networks of one task.

    Args:
        models: classifiers of one task.
        data: labelled images of that task.
        settings: what to measure.
        scratch: folder for what is measured so far, a file for each attack and source, so that a killed run goes on
            where it was.
        path: where the report is kept, its arrays beside it. Cells that are there already with the same settings, data
            and weights are kept, other networks' too; a new network's images are passed on to all that are named, and
            theirs are made again for it. None keeps nothing.
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
        "epsilons": list(epsilons(task)),
        "steps": STEPS,
        "batch": BATCH,
        "precision": "float32, fast form",
    }
    book = ReportDraft(path, stated, models, allow_uncommitted)
    store = PartsCache(scratch / task.key, stated)
    for source in models:
        missing = [model for model in models if not _known(book, source.card.key, model.card.key)]
        if missing:
            book.add_arrays(*_passed_on(source, missing, data, store, on_progress))
            _result(task, book).write(path)
    return _result(task, book)


def _known(book: ReportDraft, source: str, model: str) -> bool:
    """Whether the cells of a source and a network are known."""
    return all(f"right_{attack}__{source}__{model}" in book.arrays for attack in ATTACKS)


def _passed_on(
    source: ZooModel,
    models: Sequence[ZooModel],
    data: LabelledImages,
    store: PartsCache,
    on_progress: OnPartProgress,
) -> tuple[Part, float]:
    """The arrays of one source and the networks that get its images, and the seconds they took."""
    key = source.card.key
    subject = " ".join(model.card.sha256 for model in (source, *models))
    parts = []
    for done, attack in enumerate(ATTACKS, 1):
        measure = partial(_row_of_matrix, source, models, data, attack)
        parts.append(store.get(f"{NAME}-{key}-{attack}", subject, measure))
        on_progress(f"{key} passed on", done * len(data), len(ATTACKS) * len(data))
    parts.append(store.get(f"{NAME}-{key}-gradients", source.card.sha256, partial(_gradients, source, data)))
    seconds = sum(float(part.pop("seconds")) for part in parts)
    return {name: array for part in parts for name, array in part.items()}, seconds


def _row_of_matrix(source: ZooModel, models: Sequence[ZooModel], data: LabelledImages, attack: str) -> Part:
    """`right_…` and `unchanged_…` of one source and attack."""
    radii = epsilons(source.task)
    shape = (len(radii), len(data))
    names = {model.card.key: f"right_{attack}__{source.card.key}__{model.card.key}" for model in models}
    found = {name: np.zeros(shape, bool) for name in names.values()}
    unchanged = np.zeros(shape, bool)
    for start in range(0, len(data), BATCH):
        here = slice(start, start + BATCH)
        x, labels = data.images(start, start + BATCH), data.labels[here]
        for index, epsilon in enumerate(radii):
            x_adv = made_against(source.fast, x, labels, attack, epsilon)
            unchanged[index, here] = (x_adv == x).flatten(1).all(1).numpy()
            for model in models:
                found[names[model.card.key]][index, here] = right(model.fast, x_adv, labels).numpy()
    return {**found, f"unchanged_{attack}__{source.card.key}": unchanged}


def _gradients(model: ZooModel, data: LabelledImages) -> Part:
    """`gradient_norm__…` and `gradient_norm_other__…`, as the report `robustness` measures them."""
    found = []
    for start in range(0, len(data), BATCH):
        x, labels = data.images(start, start + BATCH), data.labels[start : start + BATCH]
        found.append(gradients(Unit(model.fast, model.task, x, labels, RobustnessSettings(), 0)))
    names = ("gradient_norm", "gradient_norm_other")
    return {f"{name}__{model.card.key}": np.concatenate([part[name] for part in found]) for name in names}


def _result(task: Task, book: ReportDraft) -> Transfer:
    """Report and arrays."""
    weights = {**book.weights, **book.asked}
    radii = book.settings["epsilons"]
    rows = [
        row
        for attack in ATTACKS
        for source in standard_first(weights)
        for model in standard_first(weights)
        if (cell := book.arrays.get(f"right_{attack}__{source}__{model}")) is not None
        for row in _rows(attack, source, model, radii, cell)
    ]
    signed = book.signed(rows, lambda row: [f"{row['source']}__{row['model']}"])
    report = Report(task.key, NAME, book.settings, book.provenance() | {"weights": weights}, signed)
    return Transfer(report, {"epsilons": np.array(radii, np.float32), **book.arrays})


def _rows(attack: str, source: str, model: str, radii: Sequence[float], cell: NDArray[np.bool_]) -> list[Row]:
    """A row for each radius."""
    return [
        {
            "source": source,
            "model": model,
            "attack": attack,
            "epsilon": epsilon,
            **share("accuracy", int(hits.sum()), len(hits)),
        }
        for epsilon, hits in zip(radii, cell, strict=True)
    ]
