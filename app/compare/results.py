"""What visitors of the Compare page share: pictures before and after an attack."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from app.state.pictures import ModelInput
from app.state.result_cache import cached_result
from app.state.zoo import model
from core.attacks.pgd import Pgd
from core.data.tasks import Task
from core.explanations.attack_result import AttackResult, attack_result


def attack_results(task: Task, keys: Sequence[str], shown: ModelInput, attack: Pgd) -> list[AttackResult]:
    """The picture before and after the attack on each model, in the order of `keys`; always from seed 0."""
    return [
        _attack_result(task.key, key, model(task.key, key).card.sha256, shown.digest, attack, shown.x) for key in keys
    ]


@cached_result
def _attack_result(task: str, key: str, sha256: str, digest: str, attack: Pgd, _x: NDArray[np.float32]) -> AttackResult:
    return attack_result(model(task, key), torch.from_numpy(_x.copy()), attack)
