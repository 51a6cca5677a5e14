"""One picture on the Anomaly page for a room: each network's verdict, and what every detector says."""

from collections.abc import Sequence

from app.anomaly.choice import AnomalyChoice
from app.anomaly.figures import ALARM
from app.anomaly.names import KINDS, alpha_text, share_text
from app.state.pictures import ModelInput
from app.ui.data_urls import data_url
from app.ui.presenter import Bar, Face, Slide, answered, network
from core.anomaly.catalogue import DETECTORS
from core.anomaly.verdict import Verdict
from core.data.tasks import Task
from core.explanations.prediction import Prediction


def slides(
    task: Task, shown: ModelInput, looks: Sequence[Prediction], judged: dict[str, Verdict | None], part: AnomalyChoice
) -> list[Slide]:
    """Verdicts beside the answers, then the detectors of the networks that are calibrated."""
    told = [one for one in judged.values() if one is not None]
    caption = f"{DETECTORS[part.detector].name}, {alpha_text(part.alpha)} false alarms"
    first = tuple(network(look.model, _verdict(task, shown, look, judged.get(look.model), part)) for look in looks)
    return [
        Slide("verdicts", "Is it odd?", first, caption),
        *(
            Slide(
                kind, title, tuple(network(one.model, _detectors(one, kind, part)) for one in told),
                "How many normal pictures look at least as odd; red is flagged",
            )
            for kind, title in KINDS.items()
            if any(DETECTORS[key].kind == kind for one in told for key in one.p_values)
        ),
    ]  # fmt: skip


def _verdict(task: Task, shown: ModelInput, look: Prediction, one: Verdict | None, part: AnomalyChoice) -> Face:
    """A network's answer and verdict; that there is none, where it is not calibrated."""
    if one is None or part.detector not in one.p_values:
        word = "no verdict"
    else:
        word = "odd" if part.detector in one.flags(part.alpha) else "not flagged"
    return answered(task.class_names, look.probs, picture=data_url(shown.x[0]), verdict=word)


def _detectors(one: Verdict, kind: str, part: AnomalyChoice) -> Face:
    """What the detectors of a kind say."""
    flagged = one.flags(part.alpha)
    return Face(
        bars=tuple(
            Bar(
                DETECTORS[key].name, float(values[0]), share_text(float(values[0])), ALARM if key in flagged else "",
            )
            for key, values in one.p_values.items()
            if DETECTORS[key].kind == kind
        )
    )  # fmt: skip
