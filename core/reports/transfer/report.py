"""The report `transfer`: how often each network of a task is right on images made against each other one.

As in Ross, Doshi-Velez 2018 (arXiv:1711.09404): the matrix accuracy(evaluated, source) for four attacks and several
radii in L-infinity, on the first 256 test images. Rows, one per `source`, `model` (evaluated), `attack` and `epsilon`
([0, 1] pixel units): `accuracy` with `accuracy_low`, `accuracy_high` (Wilson, 95 %) and `accuracy_n`. Where source and
model are the same the attack knows the network, elsewhere the images are passed on.

`attack` is one of the catalogue that follows a gradient (`core.attacks.catalogue`; none starts at random here, so that
any image can be made again by itself):

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

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core.attacks.attack import AttackRequest
from core.attacks.catalogue import ATTACKS, attack_named, run_attack
from core.data.datasets import LabelledImages
from core.data.tasks import Task
from core.models.zoo import ZooModel
from core.reports.form.measuring import Measurer, Measuring, Request
from core.reports.form.report import Row, share
from core.reports.form.resume import Measured, Part, ReportDraft, standard_first
from core.reports.form.settings import ReportSettings
from core.reports.robustness.measurements import RobustnessSettings, Unit, gradients, right

NAME = "transfer"
STEPS = 10
BATCH = 128
EPSILONS: Mapping[str, tuple[float, ...]] = {"fashion-mnist": (0.0, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4)}
"""The radii by task; for other tasks a quarter, a half, one and two times the task's own, and 0."""


@dataclass(frozen=True, slots=True)
class TransferSettings(ReportSettings):
    """What the report measures.

    Attributes:
        images: the first so many test images.

    The seed is stated with the report; nothing in it is drawn at random.
    """

    images: int = 256


class Transfer(Measured):
    """The report with its arrays per image; the module's text says what is in both."""


def epsilons(task: Task) -> tuple[float, ...]:
    """The radii of a task's matrices, increasing from 0, in [0, 1] pixel units."""
    radius = task.radii["linf"]
    return EPSILONS.get(task.key, (0.0, radius / 4, radius / 2, radius, 2 * radius))


def transferred_attacks() -> tuple[str, ...]:
    """The keys of the attacks that are passed on: those of the catalogue that follow a gradient.

    A search by queries is left out: what it finds rests on the answers of the one network that it asked.
    """
    return tuple(key for key, attack in ATTACKS.items() if not attack.queries)


def made_against(model: nn.Module, x: Tensor, labels: Tensor, attack: str, epsilon: float) -> Tensor:
    """The images that an attack makes against a network, within epsilon of `x` in every entry and in [0, 1].

    Args:
        model: images (B, C, H, W) to logits (B, K), in eval mode.
        x: clean images (B, C, H, W), float in [0, 1]; left unchanged.
        labels: the true classes (B,), int64.
        attack: key of an attack.
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


def transfer_report(request: Request[TransferSettings]) -> Transfer:
    """The report over the networks of one task.

    Cells that its file holds are kept, other networks' too; a new network's images are passed on to all that are asked
    for, and theirs are made again for it.
    """
    task, data = request.task, request.data.first(request.settings.images)
    stated: dict[str, Any] = {
        **request.settings.with_images(data),
        "epsilons": list(epsilons(task)),
        "steps": STEPS,
        "batch": BATCH,
        "precision": "float32, fast form",
    }
    bench, draft = Measurer(request, stated, BATCH), request.draft(stated)

    def result(draft: ReportDraft) -> Transfer:
        weights = {**draft.weights, **draft.asked}
        signed = draft.signed(_rows(draft, standard_first(weights)), lambda row: [f"{row['source']}__{row['model']}"])
        report = draft.report(task.key, NAME, signed)
        report = replace(report, provenance={**report.provenance, "weights": weights})
        return Transfer(report, {"epsilons": np.array(draft.settings["epsilons"], np.float32), **draft.arrays})

    def lacking(source: ZooModel) -> list[ZooModel]:
        return [model for model in request.models if not _known(draft, source.card.key, model.card.key)]

    return Measuring(request, draft, result).more(lacking, partial(_passed_on, bench, data))


def _known(draft: ReportDraft, source: str, model: str) -> bool:
    """Whether the cells of a source and a network are known."""
    return all(f"right_{attack}__{source}__{model}" in draft.arrays for attack in transferred_attacks())


def _passed_on(
    bench: Measurer[TransferSettings], data: LabelledImages, source: ZooModel, models: Sequence[ZooModel]
) -> tuple[Part, float]:
    """The arrays of one source and the networks that get its images, and the seconds they took."""
    key = source.card.key
    subject = " ".join(model.card.sha256 for model in (source, *models))
    parts = []
    attacks = transferred_attacks()
    for done, attack in enumerate(attacks, 1):
        measure = partial(_row_of_matrix, source, models, data, attack)
        parts.append(bench.parts.get(f"{NAME}-{key}-{attack}", subject, measure))
        bench.on_progress(f"{key} passed on", done * len(data), len(attacks) * len(data))
    parts.append(bench.parts.get(f"{NAME}-{key}-gradients", source.card.sha256, partial(_gradients, source, data)))
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
            unchanged[index, here] = (x_adv == x).flatten(1).all(1).cpu().numpy()
            for model in models:
                found[names[model.card.key]][index, here] = right(model.fast, x_adv, labels).cpu().numpy()
    return {**found, f"unchanged_{attack}__{source.card.key}": unchanged}


def _gradients(model: ZooModel, data: LabelledImages) -> Part:
    """`gradient_norm__…` and `gradient_norm_other__…`, as the report `robustness` measures them."""
    found = []
    for start in range(0, len(data), BATCH):
        x, labels = data.images(start, start + BATCH), data.labels[start : start + BATCH]
        found.append(gradients(Unit(model.fast, model.task, x, labels, RobustnessSettings(), 0)))
    names = ("gradient_norm", "gradient_norm_other")
    return {f"{name}__{model.card.key}": np.concatenate([part[name] for part in found]) for name in names}


def _rows(draft: ReportDraft, keys: Sequence[str]) -> Iterator[Row]:
    """A row for each cell that is known, and radius."""
    for attack in transferred_attacks():
        for source, model in product(keys, keys):
            cell = draft.arrays.get(f"right_{attack}__{source}__{model}")
            for epsilon, hits in () if cell is None else zip(draft.settings["epsilons"], cell, strict=True):
                head = {"source": source, "model": model, "attack": attack, "epsilon": epsilon}
                yield head | share("accuracy", int(hits.sum()), len(hits))
