"""The pictures of the page Anomaly to be pointed at: as it came, and for each network pushed, with where it changed."""

from collections.abc import Iterator, Mapping, Sequence

from app.anomaly.choice import AnomalyChoice
from app.anomaly.names import share_text
from app.state import predictions, session
from app.state.names import model_name
from app.state.pictures import ModelInput
from app.ui import region
from app.ui.data_urls import data_url
from app.ui.elements import how_to_read
from app.ui.region_picker import Panel, PanelAnswer, PanelGroup, region_picker
from core.anomaly.verdict import Verdict
from core.data.tasks import Task


def point(task: Task, models: Sequence[str], shown: ModelInput, pushed: Mapping[str, Verdict]) -> None:
    """The picture and, while it is pushed, what became of it, linked."""
    looks = predictions.predictions_of(task, models, shown)
    panels = [region.picture_panel(task, shown, looks), *_pushed(task, pushed)]
    region_picker([PanelGroup("", panels)], *task.shape[1:], "anomaly")
    how_to_read(
        "A box stands on all pictures. While “Push it” is unfolded, each network's pushed picture and its change are "
        "here too: the share is how much of the change, by size, lies in the box. Detectors score the whole picture: "
        "no map says which pixels made it odd.",
        "Change: mean over channels, on a scale of its own.",
    )


def _pushed(task: Task, pushed: Mapping[str, Verdict]) -> Iterator[Panel]:
    """Of each network the picture as it is pushed, with its verdict, and the change."""
    part = session.page_choice(AnomalyChoice)
    for key, one in pushed.items():
        before, now = int(one.probs[0].argmax()), int(one.probs[part.step].argmax())
        note = "pushed"
        if part.detector in one.p_values:
            p_value = float(one.p_values[part.detector][part.step])
            flagged = "flagged" if p_value <= part.alpha else "not flagged"
            note = f"pushed, {flagged}: as odd as {share_text(p_value)} of normal pictures"
        answer = PanelAnswer(key, before != now, task.class_names[now], float(one.probs[part.step, now]))
        yield Panel(f"{key},pushed", model_name(key), note, data_url(one.x[part.step]), model=key, answers=[answer])
        yield region.change_panel(f"{key},change", model_name(key), one.x[part.step] - one.x[0], key)
