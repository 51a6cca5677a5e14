"""The grid of maps for a room: a slide a method, a panel a network."""

from collections.abc import Mapping, Sequence

from app.saliency.choice import SaliencyChoice
from app.saliency.colouring import explains, map_pixels, scales, strength_css, why_empty
from app.saliency.results import Cell
from app.ui.data_urls import bytes_url, data_url
from app.ui.presenter import SIGNED, Face, Legend, Slide, network
from core.data.tasks import Task
from core.explanations.catalogue import ATTRIBUTION_METHODS
from core.saliency.grid import SaliencyMap

STRENGTH = Legend(strength_css(), ("0", "full strength"))


def slides(task: Task, models: Sequence[str], part: SaliencyChoice, found: Mapping[Cell, SaliencyMap]) -> list[Slide]:
    """The maps that are there, in the colours and on the scales of the page."""
    full = scales(found, part.scale)
    return [
        Slide(
            method,
            ATTRIBUTION_METHODS[method].title,
            tuple(network(model, _face(task, (model, method), found, full, part)) for model in models),
            ATTRIBUTION_METHODS[method].sentence,
            over="map",
            covered=True,
            legend=SIGNED if part.colours == "signed" else STRENGTH,
        )
        for method in part.methods
    ]


def _face(
    task: Task, cell: Cell, found: Mapping[Cell, SaliencyMap], full: Mapping[Cell, float], part: SaliencyChoice
) -> Face:
    one = found.get(cell)
    problem = "This map is not made yet." if one is None else why_empty(one)
    if one is None or problem:
        return Face(problem=problem)
    return Face(
        picture=data_url(one.x),
        over=bytes_url(map_pixels(one, full[cell], part.colours, part.over)),
        answer=explains(one, task.class_names),
    )
