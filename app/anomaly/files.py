"""What the Anomaly page gives to take away of one picture: every detector's scores at each strength of a change."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from app.ui.downloads import npz
from core.anomaly.verdict import Verdict


def judged_npz(found: Mapping[str, Verdict]) -> bytes:
    """For each network `x` (S, C, H, W), `probs` (S, K), and by detector `score` and `p_value` (S,)."""
    arrays: dict[str, NDArray[Any]] = {}
    for key, one in found.items():
        arrays |= {f"x__{key}": one.x, f"probs__{key}": one.probs}
        arrays |= {f"score__{key}__{name}": values for name, values in one.scores.items()}
        arrays |= {f"p_value__{key}__{name}": values for name, values in one.p_values.items()}
    tasks = {one.task for one in found.values()}
    return npz(arrays, {"task": ", ".join(tasks), "models": {key: dict(one.settings) for key, one in found.items()}})
