"""The explanations for a room: a slide a class, a panel a network, the picture as it was and as it is believed."""

from collections.abc import Mapping, Sequence

import numpy as np

from app.adversarial.explanations import change_factor, says
from app.adversarial.results import EvidenceVerdict
from app.ui.data_urls import data_url
from app.ui.presenter import Face, Slide, answered, network
from core.data.tasks import Task
from core.explanations.class_explanations import Explanations


def slides(
    task: Task,
    results: Sequence[Explanations],
    verdicts: Sequence[EvidenceVerdict],
    rho: float,
    right: Mapping[str, str],
) -> list[Slide]:
    """What the grid holds; of many classes not every network has explained the same.

    Args:
        task: the task.
        results: of each network.
        verdicts: on each network's evidence, in the same order.
        rho: how large a change is.
        right: by network how often it is right, in words.
    """
    factor = change_factor(results)
    every = dict.fromkeys(int(index) for result in results for index in result.classes)
    said = {result.model: says(verdict) for result, verdict in zip(results, verdicts, strict=True)}
    return [
        Slide(
            task.class_names[index],
            f"Towards {task.class_names[index]}, ρ = {rho:g}",
            tuple(
                network(
                    result.model,
                    *_faces(task, result, index, factor, said[result.model]),
                    note=right.get(result.model, ""),
                )
                for result in results
                if index in result.classes
            ),
            over=f"change × {factor:.2g}",
        )
        for index in every
    ]


def _faces(task: Task, result: Explanations, index: int, factor: float, verdict: str) -> tuple[Face, Face]:
    place = int(np.flatnonzero(result.classes == index)[0])
    change, names = data_url(0.5 + factor * result.delta[place]), task.class_names
    return (
        answered(
            names, result.probs_shown[place], "changed", data_url(result.x_adv[place]), over=change, verdict=verdict
        ),
        answered(names, result.probs, "clean", data_url(result.x), over=change),
    )
