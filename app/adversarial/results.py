"""What visitors of the Adversarial page share: explanations, paths, reports; keyed and bounded as in `cache`."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from app.adversarial.choice import AWAY
from app.state import device, zoo
from app.state.pictures import ModelInput
from app.state.reports import cached_report
from app.state.result_cache import cached_result
from core.data.tasks import Task, task_named
from core.errors import CoreError
from core.explanations.attack_path import Path, path
from core.explanations.class_evidence import JUDGES, Evidence, Thresholds, evidence
from core.explanations.class_explanations import Explanations, explain
from core.explanations.prediction import probabilities
from core.reports.adversarial.report import Adversarial
from core.reports.explanations.report import ExplanationsReport
from core.reports.fooling.report import Fooling
from core.reports.form.report import Report, read_report
from core.reports.transfer.report import Transfer, made_against

Image = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class EvidenceVerdict:
    """Whether one model's attacks draw a class.

    Attributes:
        evidence: what was measured; None while nobody can say.
        because: why not, where it is the network's fault; empty where the report is missing.
    """

    evidence: Evidence | None
    because: str


UNSAID = EvidenceVerdict(None, "")


def explanations(task: Task, keys: Sequence[str], shown: ModelInput, rho: float) -> Iterator[Explanations]:
    """The explanations of every class by each model, in the order of `keys`, each as soon as it is there.

    Without the change away from the answer, which no page shows.

    Raises:
        InputError: a model's files are damaged, or it answers with values that are not finite.
    """
    for key in keys:
        sha256 = zoo.model(task.key, key).card.sha256
        yield _explanations(task.key, key, sha256, shown.digest, rho, shown.x)


@cached_result
def _explanations(task: str, key: str, sha256: str, digest: str, rho: float, _x: Image) -> Explanations:
    return explain(zoo.model(task, key), device.picture(_x), rho, precision=device.step_precision(), away=False)


def explanations_and_away(
    task: Task, keys: Sequence[str], shown: ModelInput, rho: float
) -> Callable[[], list[Explanations]]:
    """What makes the same with the change away from each answer; it may be called outside of the visitor's session.

    Raises:
        InputError: a model's files are damaged.
    """
    models = [zoo.model(task.key, key) for key in keys]

    def made() -> list[Explanations]:
        x, precision = device.picture(shown.x), device.step_precision()
        return [explain(device.placed(model), x, rho, precision=precision) for model in models]

    return lambda: device.bounded(made)


def paths(task: Task, keys: Sequence[str], shown: ModelInput, target: str, rho: float) -> Iterator[Path]:
    """Each model's path to the class named, or away from its own answer, in the order of `keys`.

    Raises:
        InputError: a model's files are damaged, or it answers with values that are not finite.
    """
    for key in keys:
        sha256 = zoo.model(task.key, key).card.sha256
        yield _path(task.key, key, sha256, shown.digest, target, rho, shown.x)


@cached_result
def _path(task: str, key: str, sha256: str, digest: str, target: str, rho: float, _x: Image) -> Path:
    model, x, precision = zoo.model(task, key), device.picture(_x), device.step_precision()
    if target == AWAY:
        with torch.no_grad():
            answer = int(model.fast(x).argmax())
        return path(model, x, answer, rho, away=True, precision=precision)
    return path(model, x, task_named(task).class_names.index(target), rho, precision=precision)


def verdicts(task: Task, keys: Sequence[str], shown: ModelInput) -> list[EvidenceVerdict]:
    """Whether each model's attacks on the picture draw a class, in the order of `keys`.

    The thresholds are those of the report `explanations`, and hold for its budget alone, whatever is shown.
    """
    report = explanations_report(task.key)
    if report is None:
        return [UNSAID] * len(keys)
    judges = tuple(key for key in JUDGES if key in zoo.cards_of(task.key))
    found = []
    for key in keys:
        stamps = tuple(zoo.model(task.key, one).card.sha256 for one in (key, *judges))
        try:
            made = _evidence(task.key, key, judges, stamps, shown.digest, report.rho, report.thresholds, shown.x)
            found.append(EvidenceVerdict(made, ""))
        except CoreError as error:  # such as a network without gradients: the others still have theirs
            found.append(EvidenceVerdict(None, str(error)))
    return found


@cached_result
def _evidence(
    task: str,
    key: str,
    judges: tuple[str, ...],
    stamps: tuple[str, ...],
    digest: str,
    rho: float,
    thresholds: Thresholds,
    _x: Image,
) -> Evidence:
    others = [zoo.model(task, judge) for judge in judges]
    x, precision = device.picture(_x), device.step_precision()
    return evidence(zoo.model(task, key), others, x, rho, thresholds, precision=precision)


def explanations_report(task: str) -> ExplanationsReport | None:
    """The report `explanations` of a task, read again when its file changes; None while there is none.

    Raises:
        InputError: it is damaged.
    """
    return cached_report(task, "explanations", ExplanationsReport.read)


def adversarial_report(task: str) -> Adversarial | None:
    """The report `adversarial` of a task, likewise."""
    return cached_report(task, "adversarial", Adversarial.read)


def transfer_report(task: str) -> Transfer | None:
    """The report `transfer` of a task, likewise."""
    return cached_report(task, "transfer", Transfer.read)


def transfer_claims(task: str) -> Report | None:
    """The report `transfer-readings` of a task, likewise."""
    return cached_report(task, "transfer-readings", read_report)


def fooling_report(task: str) -> Fooling | None:
    """The report `fooling` of a task, likewise."""
    return cached_report(task, "fooling", Fooling.read)


@dataclass(frozen=True, slots=True)
class TransferredImage:
    """One picture made against one model and shown to another.

    Attributes:
        label: the class that the attack was about.
        true: whether that is the picture's true class, or else the source's answer.
        x: the picture (C, H, W), float32 in [0, 1].
        x_adv: what the attack made of it.
        source: probabilities (2, K) of the source, before and after.
        seen: those of the model that is asked.
    """

    label: int
    true: bool
    x: Image
    x_adv: Image
    source: Image
    seen: Image


def transferred_image(
    task: Task, shown: ModelInput, source: str, seen: str, attack: str, epsilon: float
) -> TransferredImage:
    """The picture, attacked as the report `transfer` does it.

    Raises:
        InputError: a model's files are damaged, or it answers with values that are not finite.
        ConfigError: no such attack.
    """
    stamps = (zoo.model(task.key, source).card.sha256, zoo.model(task.key, seen).card.sha256)
    return _transferred_image(task.key, source, seen, stamps, shown.digest, shown.label, attack, epsilon, shown.x)


@cached_result
def _transferred_image(
    task: str,
    source: str,
    seen: str,
    stamps: tuple[str, str],
    digest: str,
    label: int | None,
    attack: str,
    epsilon: float,
    _x: Image,
) -> TransferredImage:
    made_by, asked = zoo.model(task, source), zoo.model(task, seen)
    x = device.picture(_x)
    with torch.no_grad():
        own = probabilities(made_by, made_by.fast(x)).argmax(1)
    about = own if label is None else torch.full_like(own, label)
    x_adv = made_against(made_by.fast, x, about, attack, epsilon)
    both = torch.cat([x, x_adv])
    with torch.no_grad():
        answers = [probabilities(model, model.fast(both)).cpu().numpy() for model in (made_by, asked)]
    return TransferredImage(int(about), label is not None, _x[0], x_adv[0].contiguous().cpu().numpy(), *answers)
