"""What visitors of the Models page share: reports, and the steps of a saliency perturbation, bounded as in `cache`."""

from dataclasses import dataclass

import numpy as np
import streamlit as st
import torch
from numpy.typing import NDArray

from app.models.choice import BOX, GIVEN, LAST_EPOCH, PerturbationChoice
from app.state import device, predictions, zoo
from app.state.pictures import ModelInput, gallery_of
from app.state.reports import cached_report
from app.state.result_cache import cached_result
from core.attacks.pgd import Pgd
from core.data.datasets import data_root
from core.data.tasks import Task
from core.models.step_precision import Precision, stepping
from core.reports.adversarial.report import NAME as AREAS
from core.reports.adversarial.report import Adversarial
from core.reports.form.report import Row, read_report
from core.reports.robustness.report import NAME, Robustness
from core.reports.seeds.report import NAME as SEEDS
from core.reports.student.report import NAME as STUDENTS
from core.reports.student.report import Student
from core.training.inspect_perturbation import Adversity, Construction, adversity, construct, strong_map, worst_found

PGD_STEPS = 10
ORDERINGS = "orderings"
Image = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class PerturbationResult:
    """A construction and what it does to the chosen network.

    Attributes:
        steps: the construction.
        harm: what it does.
        true: whether the loss is of the picture's true class, or else of what the network answers.
    """

    steps: Construction
    harm: Adversity
    true: bool


def robustness(task: str) -> Robustness | None:
    """The report `robustness` of a task, read again when its file changes; None while there is none.

    Raises:
        InputError: it is damaged.
    """
    return cached_report(task, NAME, Robustness.read)


def areas(task: str) -> tuple[Row, ...]:
    """The rows on accuracy-robustness areas, of the report `adversarial`; none while they are not measured.

    Raises:
        InputError: it is damaged.
    """
    found = cached_report(task, AREAS, Adversarial.read)
    return found.report.rows if found else ()


def students(task: str) -> tuple[Row, ...]:
    """The rows on a task's student and its teacher, of the report `student`; none while they are not measured.

    Raises:
        InputError: it is damaged.
    """
    found = cached_report(task, STUDENTS, Student.read)
    return found.report.rows if found else ()


def orderings(task: str) -> tuple[Row, ...]:
    """The rows on what the papers claim; none while they are not measured.

    Raises:
        InputError: the file is damaged.
    """
    found = cached_report(task, ORDERINGS, read_report)
    return found.rows if found else ()


def seed_comparisons(task: str) -> tuple[Row, ...]:
    """The rows on recipes that were trained several times, of networks as they ship now; none where there are none.

    Raises:
        InputError: the file is damaged.
    """
    found = cached_report(task, SEEDS, read_report)
    rows = found.rows if found else ()
    ours = {key: card.sha256 for key, card in zoo.cards_of(task).items()}
    first = {row["model"]: row["sha256"] for row in rows if row.get("kind") == "network" and row.get("seed") == 0}
    now = {key for key, digest in first.items() if ours.get(key) == digest}
    return tuple(row for row in rows if row.get("kind") == "comparison" and {row["model"], row["against"]} <= now)


def perturbation_result(task: Task, shown: ModelInput, image: str, chosen: PerturbationChoice) -> PerturbationResult:
    """The perturbation of the picture as chosen, always from seed 0, and what it does to the chosen network.

    Raises:
        InputError: a network's files are damaged.
    """
    epsilon = chosen.size / 255
    steps = construct(
        torch.from_numpy(shown.x.copy()), _map(task, shown, image, chosen), epsilon, chosen.alpha, chosen.epoch
    )
    label = shown.label
    if label is None:
        label = predictions.predictions_of(task, [chosen.network], shown)[0].target
    network = zoo.model(task.key, chosen.network)
    stamp, precision = network.card.sha256, device.step_precision()
    worst = _worst(task.key, chosen.network, stamp, shown.digest, label, epsilon, precision, shown.x)
    return PerturbationResult(steps, adversity(network.fast, steps, label, worst, LAST_EPOCH), shown.label is not None)


def _map(task: Task, shown: ModelInput, image: str, chosen: PerturbationChoice) -> Image | None:
    """The map s (C, H, W) or (1, H, W); None for noise alone."""
    if chosen.of_teacher:
        sha256 = zoo.model(task.key, chosen.teacher).card.sha256
        return _strong_map(task.key, chosen.teacher, sha256, shown.digest, chosen.maps, shown.x)
    if chosen.maps == BOX:
        box = np.full((1, *task.shape[1:]), -1, np.float32)
        box[0, chosen.down[0] : chosen.down[1] + 1, chosen.across[0] : chosen.across[1] + 1] = 1
        return box
    return _annotation(task.key, image, str(data_root())) if chosen.maps == GIVEN else None


@cached_result
def _strong_map(task: str, teacher: str, sha256: str, digest: str, name: str, _x: Image) -> Image:
    return strong_map(zoo.model(task, teacher).fast, device.picture(_x), name)


@cached_result
def _worst(
    task: str, key: str, sha256: str, digest: str, label: int, epsilon: float, precision: Precision, _x: Image
) -> Image:
    network, attack = stepping(zoo.model(task, key).fast, precision), Pgd(epsilon, steps=PGD_STEPS)
    return worst_found(network, device.picture(_x), label, attack)


@st.cache_data(max_entries=64, show_spinner=False)
def _annotation(task: str, image: str, root: str) -> Image | None:
    return gallery_of(task).annotation(image)
