"""What the Anomaly page gives to take away of one picture: detectors' scores, and the picture as it was pushed."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from app.anomaly.choice import AnomalyChoice
from app.anomaly.names import change_title, share_text, strength_text
from app.state.names import model_name
from app.ui import map_png
from app.ui.colours import model_colour
from app.ui.downloads import npz
from app.ui.elements import percent
from app.ui.sheets import Cell, SheetRow, levels, picture_sheet
from core.anomaly.catalogue import DETECTORS
from core.anomaly.verdict import Verdict
from core.data.tasks import Task


def judged_npz(found: Mapping[str, Verdict]) -> bytes:
    """For each network `x` (S, C, H, W), `probs` (S, K), and by detector `score` and `p_value` (S,)."""
    arrays: dict[str, NDArray[Any]] = {}
    for key, one in found.items():
        arrays |= {f"x__{key}": one.x, f"probs__{key}": one.probs}
        arrays |= {f"score__{key}__{name}": values for name, values in one.scores.items()}
        arrays |= {f"p_value__{key}__{name}": values for name, values in one.p_values.items()}
    tasks = {one.task for one in found.values()}
    return npz(arrays, {"task": ", ".join(tasks), "models": {key: dict(one.settings) for key, one in found.items()}})


def pushed_png(task: Task, found: Mapping[str, Verdict], part: AnomalyChoice) -> bytes:
    """A row a network: the picture at the chosen strength, what is said of it, and the change, amplified alike."""
    factor = map_png.amplification([one.x[part.step] - one.x[0] for one in found.values()])
    rows = [
        SheetRow(model_name(key), model_colour(key), _pushed(task, one, part, factor)) for key, one in found.items()
    ]
    note = f"{task.title}; {change_title(part.push)}, {strength_text(task, part.push, part.step)}"
    return picture_sheet(rows, note)


def _pushed(task: Task, one: Verdict, part: AnomalyChoice, factor: int) -> list[Cell]:
    now, change = one.x[part.step], one.x[part.step] - one.x[0]
    answer = int(one.probs[part.step].argmax())
    said = f"{task.class_names[answer]}\n{percent(one.probs[part.step, answer])}"
    if part.detector in one.p_values:
        said += f"\n{DETECTORS[part.detector].name}: {share_text(float(one.p_values[part.detector][part.step]))}"
    return [Cell(levels(now), said), Cell(levels(0.5 + factor * change), f"the change x {factor}")]
