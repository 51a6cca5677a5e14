"""The pictures found for a room: a slide a picture, a panel a network, and what each makes of it."""

from collections.abc import Sequence

import numpy as np

from app.find.results import MeasuredPictures, changed_words
from app.ui.data_urls import data_url
from app.ui.elements import percent
from app.ui.presenter import Bar, Face, Panel, Slide, network
from core.data.tasks import Task


def slides(task: Task, measured: MeasuredPictures, places: Sequence[int], rule: str) -> list[Slide]:
    """Pictures by their places among those measured, under the title of the rule that picked them."""
    return [
        Slide(
            measured.facts.keys[place],
            measured.titles[place],
            tuple(_panel(task, measured, row, place) for row in range(len(measured.facts.models))),
            rule,
        )
        for place in places
    ]


def _panel(task: Task, measured: MeasuredPictures, row: int, place: int) -> Panel:
    """One network's answer, its probability, and how small a change turns it, where that was asked."""
    facts = measured.facts
    answer, share = task.class_names[facts.predicted[row, place]], float(facts.probability[row, place])
    picture = data_url(measured.levels[place].astype(np.float32) / 255)
    changed = changed_words(task, facts.changed_at[row, place])
    return network(
        facts.models[row],
        Face(picture=picture, answer=answer, verdict=changed, bars=(Bar(answer, share, percent(share)),)),
    )
