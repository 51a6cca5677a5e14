"""The smallest natural change that fools each network: the work behind the button, and its table."""

from functools import partial
from html import escape

from app.latent.natural.results import NaturalScene
from app.state.names import model_name
from app.state.tasks import Call
from app.ui.colours import model_colour
from app.ui.data_urls import data_url
from app.ui.elements import how_to_read
from app.ui.task_progress import LongTask
from core.natural.catalogue import changes_of
from core.natural.change import Change
from core.natural.smallest import STEPS, SmallestChange, smallest_change
from core.progress import OnProgress, ShouldStop, check

Found = list[list[SmallestChange]]
"""For each change of the catalogue that the pictures can have, what was found for each network."""


def search_task(here: NaturalScene) -> LongTask:
    """The search for one picture and its networks."""
    return LongTask(
        "latent.natural.search",
        ("natural", *here.cache_key),
        partial(_call, here),
        "For each network and each change alone, the smallest amount is sought that makes it answer otherwise than to "
        "the picture as it is. It takes some seconds a network, half a minute for photographs at 224 pixels.",
        "Find the smallest natural changes",
        ":material/travel_explore:",
        lambda work: f"Search {work.done} of {work.of}" if work.of else "Begun",
    )


def _call(here: NaturalScene) -> Call:
    return partial(search, here)


def search(here: NaturalScene, on_progress: OnProgress, should_stop: ShouldStop) -> Found:
    """What is found along each change for each network.

    Raises:
        StoppedError: `should_stop` says so.
    """
    known, x, found = changes_of(here.task.shape[0]), here.x, []
    classifiers = here.placed
    for done, change in enumerate(known.values()):
        row = []
        for number, classifier in enumerate(classifiers):
            check(should_stop)
            row.append(smallest_change(classifier, x, change))
            on_progress(done * len(classifiers) + number + 1, len(known) * len(classifiers))
        found.append(row)
    return found


def table_html(here: NaturalScene, found: Found) -> str:
    """A row a change, a column a network; the change that needs the smallest share of its slider is marked."""
    known = changes_of(here.task.shape[0])
    least = [min((row[number] for row in found), key=lambda one: one.share) for number in range(len(here.models))]
    heads = "".join(
        f'<th><i style="background: {model_colour(key)}"></i>{escape(model_name(key))}<br><small>as it is: '
        f"{escape(here.task.class_names[found[0][number].label])}</small></th>"
        for number, key in enumerate(here.models)
    )
    body = "".join(
        f"<tr><th>{escape(known[row[0].change].title)}</th>"
        + "".join(
            _cell(here, key, known[one.change], one, one is least[number])
            for number, (key, one) in enumerate(zip(here.models, row, strict=True))
        )
        + "</tr>"
        for row in found
    )
    return (
        f'<div class="rs-wide" tabindex="0"><table class="rs-table rs-smallest"><tr><th>n = 1 picture</th>{heads}</tr>'
        f"{body}</table></div>"
    )


def guide() -> None:
    """How to read the table."""
    how_to_read(
        "Each change is made alone, outwards from rest to both sides, until the network's own answer to the picture as "
        "it is turns, right or wrong. Framed: the change that needs the smallest share "
        "of its slider to turn this network; how far a slider goes is our choice, so compare networks along one row "
        f"before changes down a column. The amounts are upper bounds: between two of the {STEPS} amounts tried "
        "on each side an answer may turn and turn back.",
        "A scan of each side, then bisection to 1/4096 of a step; of JPEG to whole qualities.",
    )


def _cell(here: NaturalScene, key: str, change: Change, one: SmallestChange, least: bool) -> str:
    marks = (
        f'data-smallest="{escape(change.key)}" data-network="{escape(key)}" data-found="{one.found}" '
        f'data-amount="{one.amount:g}"'
    )
    if not one.found:
        return f"<td {marks}><small>stands all along</small></td>"
    frame = ' class="rs-least"' if least else ""
    return (
        f'<td {marks}{frame}><img src="{data_url(one.x)}" alt=""><b>{change.words(one.amount)}</b><br>'
        f"{escape(here.task.class_names[one.answer])} <small>{one.share:.0%} of the slider</small></td>"
    ).replace("% of", " % of")
