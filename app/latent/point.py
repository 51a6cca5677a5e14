"""The pictures of the page Latent to be pointed at: the one now, the one it came from, and where they differ."""

from collections.abc import Sequence

from app.state import predictions
from app.state.pictures import ModelInput
from app.ui import elements, region
from app.ui.data_urls import data_url
from app.ui.region_picker import Panel, PanelAnswer, PanelGroup, region_picker
from app.ui.region_pointer import pointed
from core.data.tasks import Task
from core.latent.strips import DecodedRow
from core.natural.ribbons import ChangedRow


def show(task: Task, shown: ModelInput, models: Sequence[str], now: DecodedRow | ChangedRow) -> None:
    """The part of the page, folded as it comes.

    Args:
        task: the task.
        shown: the picture as it came.
        models: keys of the networks.
        now: where the sliders stand, its one picture with these networks' answers.
    """
    pointed("What lies in a region, and did it change there?", lambda: _point(task, shown, models, now), task.shape)


def _point(task: Task, shown: ModelInput, models: Sequence[str], now: DecodedRow | ChangedRow) -> None:
    """The picture as it came, as it is now, and the change, linked."""
    looks = predictions.predictions_of(task, models, shown)
    before = {look.model: look.target for look in looks}
    answers = [
        PanelAnswer(key, before[key] != label, task.class_names[label], float(probs[label]))
        for key, label, probs in zip(before, now.predicted[:, 0].tolist(), now.probs[:, 0], strict=True)
    ]
    region_picker(
        [
            PanelGroup(
                "",
                [
                    region.picture_panel(task, shown, looks),
                    Panel("now", "Now", "where the sliders stand", data_url(now.x[0]), answers=answers),
                    region.change_panel("change", "What changed", now.x[0] - shown.x[0]),
                ],
            )
        ],
        *task.shape[1:],
        "latent",
    )
    elements.how_to_read(
        "A box stands on all three. The share is how much of the change, by size, lies in the box; what a generator "
        "can't draw of a picture counts as changed.",
        "Change: mean over channels, on a scale of its own.",
    )
