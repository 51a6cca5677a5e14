"""The views of the page Anomaly for a room: one picture's verdicts, many pictures, and whole sets."""

from collections.abc import Sequence

import numpy as np

from app.anomaly.choice import AnomalyChoice
from app.anomaly.figures import ALARM
from app.anomaly.names import FAMILIES, KINDS, against_name, alpha_text, share_text
from app.state.pictures import ModelInput
from app.ui.data_urls import data_url
from app.ui.elements import percent
from app.ui.presenter import Bar, Face, Panel, Slide, answered, network
from core.anomaly.batch_table import ManyScores
from core.anomaly.catalogue import DETECTORS
from core.anomaly.verdict import Verdict
from core.data.tasks import Task
from core.explanations.prediction import Prediction
from core.reports.form.report import Row

MOST = 24  # of many pictures that have a slide of their own


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


def many_slides(task: Task, found: ManyScores, places: Sequence[int], detector: str, alpha: float) -> list[Slide]:
    """How many pictures are odd to each network, then the first `MOST` of the places that could be scored."""
    caption = f"{DETECTORS[detector].name}, {alpha_text(alpha)} false alarms"
    shown = [place for place in places if found.pictures[place] is not None and not found.errors[place]][:MOST]
    counts = tuple(network(key, _count(found, key, detector, alpha)) for key in found.models)
    return [
        Slide("counts", "How many are odd?", counts, caption),
        *(
            Slide(
                str(place),
                found.paths[place],
                tuple(_scored(task, found, place, key, detector, alpha) for key in found.models),
                f"{caption}; the bar: how many normal pictures look at least as odd",
            )
            for place in shown
        ),
    ]


def _count(found: ManyScores, key: str, detector: str, alpha: float) -> Face:
    """The share of the pictures scored that a network's detector flags."""
    p_values = found.p_values[key][detector]
    read, odd = int(np.isfinite(p_values).sum()), int((p_values <= alpha).sum())
    share = odd / read if read else 0.0
    return Face(answer=f"{odd:,} of {read:,}", bars=(Bar("odd", share, percent(share)),))


def _scored(task: Task, found: ManyScores, place: int, key: str, detector: str, alpha: float) -> Panel:
    """One of many pictures to a network."""
    levels, p_value = found.pictures[place], float(found.p_values[key][detector][place])
    assert levels is not None
    face = Face(
        picture=data_url(np.asarray(levels / 255, np.float32)),
        answer=task.class_names[int(found.answers[key][place])],
        verdict="odd" if p_value <= alpha else "not flagged",
        bars=(Bar("as odd", p_value, share_text(p_value), ALARM if p_value <= alpha else ""),),
    )
    return network(key, face)


def set_slides(rows: Sequence[Row], models: Sequence[str], detector: str) -> list[Slide]:
    """A slide a family of attacks or sets: a detector's AUROC on each, the networks beside each other."""
    caption = f"{DETECTORS[detector].name}: AUROC, 0.5 is a guess and 1 finds all"
    slides = []
    for family, title in FAMILIES.items():
        own = [row for row in rows if row["family"] == family]
        panels = tuple(
            network(key, Face(bars=tuple(_auroc(row) for row in own if row["model"] == key))) for key in models
        )
        if own:
            slides.append(Slide(family, title, panels, caption))
    return slides


def _auroc(row: Row) -> Bar:
    """A figure of the report `anomaly`."""
    return Bar(against_name(str(row["against"])), float(row["auroc"]), f"{row['auroc']:.3f}")
