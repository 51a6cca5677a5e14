"""The explorer for a room: the picture as it is now with each network's answer, then a slide a slider."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.state.pictures import ModelInput
from app.ui.data_urls import data_url
from app.ui.elements import percent
from app.ui.presenter import Bar, Face, Slide, answered, network
from app.ui.slider_predictions import ClassColours, Strip, signed, small, spans
from core.data.tasks import Task
from core.latent.strips import DecodedRow
from core.natural.ribbons import ChangedRow


@dataclass(frozen=True, slots=True)
class SliderRow:
    """A slider with what the networks would answer along it.

    Attributes:
        key: of the slider.
        title: of the slider.
        at: where it stands.
        strip: along it.
    """

    key: str
    title: str
    at: float
    strip: Strip


def slides(
    task: Task, models: Sequence[str], now: DecodedRow | ChangedRow, still: ModelInput, rows: Sequence[SliderRow],
    colours: ClassColours,
) -> list[Slide]:  # fmt: skip
    """What the page shows.

    Args:
        task: the task.
        models: keys of the networks, in the order of the rows.
        now: the one picture where the sliders stand, and its answers.
        still: the picture as it is.
        rows: the sliders.
        colours: of the classes on the page.
    """
    pictures = data_url(now.x[0]), data_url(still.x[0])
    first = tuple(
        network(key, answered(task.class_names, now.probs[number, 0], "now", pictures[0]), Face("before", pictures[1]))
        for number, key in enumerate(models)
    )
    return [
        Slide("now", "How far can it change naturally?", first),
        *(_slide(task, models, row, colours) for row in rows),
    ]


def _slide(task: Task, models: Sequence[str], row: SliderRow, colours: ClassColours) -> Slide:
    low, high = float(row.strip.positions[0]), float(row.strip.positions[-1])
    ends = tuple((f"at {signed(value)}", data_url(small(row.strip.x[end]))) for end, value in ((0, low), (-1, high)))
    return Slide(
        row.key,
        row.title,
        tuple(
            network(key, *(Face(name, url, ribbon=_ribbon(task, row.strip, number, colours)) for name, url in ends))
            for number, key in enumerate(models)
        ),
        f"Each bar: its answer from {signed(low)} to {signed(high)}; it stands at {signed(row.at)}",
    )


def _ribbon(task: Task, strip: Strip, number: int, colours: ClassColours) -> tuple[Bar, ...]:
    """A network's answers along a slider, as parts of the way."""
    return tuple(
        Bar(task.class_names[label], last - first, percent(last - first), colours[label])
        for label, first, last in spans(strip, number)
    )
