"""What visitors of the Compare page share: attacked pictures, and whose answer is withheld."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.state import device
from app.state.judgements import ALPHA, judgements_of
from app.state.pictures import ModelInput
from app.state.result_cache import cached_result
from app.state.zoo import model, with_gradients
from core.anomaly.catalogue import DEFAULT, DETECTORS
from core.attacks.pgd import Pgd
from core.attacks.square import Square
from core.data.tasks import Task
from core.explanations.attack_result import AttackResult, attack_result
from core.explanations.prediction import Prediction
from core.models.step_precision import Precision

QUERIES = 300  # of the random search that stands in for gradients


def attack_results(task: Task, keys: Sequence[str], shown: ModelInput, attack: Pgd) -> list[AttackResult]:
    """The picture before and after the attack on each model, in the order of `keys`; always from seed 0.

    A network without gradients is attacked by random search, within the same ball.
    """
    sharp = with_gradients(task.key, keys)
    return [
        _attack_result(
            task.key, key, model(task.key, key).card.sha256, shown.digest,
            attack if key in sharp else searching(attack), device.step_precision(), shown.x,
        )
        for key in keys
    ]  # fmt: skip


def searching(attack: Pgd) -> Square:
    """The random search in place of an attack that follows gradients, within the same ball."""
    return Square(attack.epsilon, attack.norm, QUERIES)


@cached_result
def _attack_result(
    task: str, key: str, sha256: str, digest: str, attack: Pgd | Square, precision: Precision, _x: NDArray[np.float32]
) -> AttackResult:
    return attack_result(model(task, key), device.picture(_x), attack, precision=precision)


def withheld(task: Task, looks: Sequence[Prediction], shown: ModelInput) -> dict[str, str]:
    """By network why its answer is withheld; networks that answer are left out, as are those that are not calibrated.

    A picture is odd to a network where the default detector flags it at the default false-alarm rate.
    """
    found = {}
    for look in looks:
        verdict = judgements_of(task, look.model, shown)
        if verdict is None or DEFAULT not in verdict.p_values:
            continue
        p_value = float(verdict.p_values[DEFAULT][0])
        if p_value <= ALPHA:
            found[look.model] = (
                f"The picture is odd to it: {p_value * 100:.1f} % of normal pictures look at least as odd to "
                f"{DETECTORS[DEFAULT].name}, and the limit is {ALPHA * 100:g} %."
            )
    return found
