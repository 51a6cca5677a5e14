"""What networks answer once the region pointed at is covered, blurred or replaced; shared by pages and visitors."""

from collections.abc import Mapping, Sequence

import torch
from numpy.typing import NDArray
from torch import Tensor

from app.state import pictures
from app.state.choice import Choice
from app.state.pictures import ModelInput
from app.state.result_cache import cached_result
from app.state.zoo import model
from core.data.tasks import Task
from core.explanations.perturbed import PerturbedImage
from core.explanations.region import EDITS, edited_answer
from core.metrics.box import Box

Answers = Mapping[str, Sequence[PerturbedImage]]
"""By edit an answer a network."""


def fill_key(choice: Choice) -> str:
    """Key of the gallery picture that the region is replaced from: the one chosen, or the first that is not shown."""
    known = list(pictures.items(choice.task))
    others = [key for key in known if key != choice.image]
    return choice.fill or (others or known)[0]


def fill_picture(choice: Choice) -> ModelInput:
    """The picture that the region is replaced from, fitted as the one that is looked at."""
    return pictures.model_input(choice.task, fill_key(choice), choice.fit, choice.invert)


def edited_answers(task: Task, keys: Sequence[str], shown: ModelInput, box: Box, fill: ModelInput) -> Answers:
    """Each network's answer before and after each edit of the region.

    Raises:
        InputError: a model's files are damaged, or it answers with values that are not finite.
    """
    return {
        edit: [
            _edited_answer(
                task.key, key, model(task.key, key).card.sha256, shown.digest, box, edit,
                fill.digest if EDITS[edit].needs_other else "", shown.x, fill.x,
            )
            for key in keys
        ]
        for edit in EDITS
    }  # fmt: skip


@cached_result
def _edited_answer(
    task: str, key: str, sha256: str, digest: str, box: Box, edit: str, filled: str, _x: NDArray, _fill: NDArray
) -> PerturbedImage:
    return edited_answer(model(task, key), _tensor(_x), box, edit, _tensor(_fill))


def _tensor(x: NDArray) -> Tensor:
    return torch.from_numpy(x.copy())
