"""What each network answers to a picture, shared by all pages and visitors."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.state import device
from app.state.pictures import ModelInput
from app.state.result_cache import cached_result
from app.state.zoo import model
from core.data.tasks import Task
from core.explanations.prediction import Prediction, predict


def predictions_of(task: Task, keys: Sequence[str], shown: ModelInput) -> list[Prediction]:
    """How each model looks at the picture, in the order of `keys`."""
    return [_prediction(task.key, key, model(task.key, key).card.sha256, shown.digest, shown.x) for key in keys]


@cached_result
def _prediction(task: str, key: str, sha256: str, digest: str, _x: NDArray[np.float32]) -> Prediction:
    return predict(model(task, key), device.picture(_x))
