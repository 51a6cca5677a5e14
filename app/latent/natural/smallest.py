"""The smallest natural change that fools each network, alone and of several at once: the work, and its table."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from html import escape

from app.latent.natural.results import NaturalScene
from app.state import zoo
from app.state.names import model_name
from app.state.tasks import Call
from app.ui.colours import model_colour
from app.ui.data_urls import data_url
from app.ui.elements import how_to_read
from app.ui.task_progress import LongTask
from core.natural.catalogue import CHANGES, changes_of
from core.natural.change import Change
from core.natural.smallest import STEPS, SmallestChange, smallest_change
from core.natural.together import STARTS, SmallestTogether, smallest_together
from core.natural.together import STEPS as STEPS_TOGETHER
from core.progress import OnProgress, ShouldStop, check


@dataclass(frozen=True, slots=True)
class SmallestChanges:
    """What was found for one picture.

    Attributes:
        alone: for each change that the picture can have, by network.
        together: of several changes at once, by network; None for one that has no gradients.
    """

    alone: list[list[SmallestChange]]
    together: list[SmallestTogether | None]


def search_task(here: NaturalScene) -> LongTask:
    """The search for one picture and its networks."""
    return LongTask(
        "latent.natural.search",
        ("natural", *here.cache_key),
        partial(_call, here),
        "For each network the smallest change is sought that makes it answer otherwise than to the picture as it is: "
        "each change alone, then several at once. It takes some seconds a network, a minute for photographs at 224 "
        "pixels.",
        "Find the smallest natural changes",
        ":material/travel_explore:",
        lambda work: f"Search {work.done} of {work.of}" if work.of else "Begun",
    )


def _call(here: NaturalScene) -> Call:
    return partial(search, here, zoo.with_gradients(here.task.key, here.models))


def search(
    here: NaturalScene, sloping: Sequence[str], on_progress: OnProgress, should_stop: ShouldStop
) -> SmallestChanges:
    """What is found along each change for each network, and of several changes for those of `sloping`.

    Raises:
        StoppedError: `should_stop` says so.
    """
    known, x, classifiers = changes_of(here.task.shape[0]), here.x, here.placed
    alone: list[list[SmallestChange]] = []
    of = len(known) * (len(classifiers) + len(sloping))  # several at once take about as long as each alone
    for change in known.values():
        row: list[SmallestChange] = []
        for classifier in classifiers:
            check(should_stop)
            row.append(smallest_change(classifier, x, change))
            on_progress(len(alone) * len(classifiers) + len(row), of)
        alone.append(row)
    together: list[SmallestTogether | None] = []
    for number, (key, classifier) in enumerate(zip(here.models, classifiers, strict=True)):
        before = len(known) * (len(classifiers) + sum(one is not None for one in together))

        def told(step: int, steps: int, before: int = before) -> None:
            on_progress(before + len(known) * step // steps, of)

        start = nearest([row[number] for row in alone if known[row[number].change].differentiable])
        amounts = {start.change: start.amount} if start.found else None
        found = smallest_together(classifier, x, amounts, 0, told, should_stop) if key in sloping else None
        together.append(found)
    return SmallestChanges(alone, together)


def nearest(found: Sequence[SmallestChange]) -> SmallestChange:
    """The change that needs the smallest share of its slider."""
    return min(found, key=lambda one: one.share)


def table_html(here: NaturalScene, found: SmallestChanges) -> str:
    """Several at once, then a row a change; a column a network. The least change alone, by its slider, is marked."""
    known = changes_of(here.task.shape[0])
    least = [nearest([row[number] for row in found.alone]) for number in range(len(here.models))]
    heads = "".join(
        f'<th><i style="background: {model_colour(key)}"></i>{escape(model_name(key))}<br><small>as it is: '
        f"{escape(here.task.class_names[found.alone[0][number].label])}</small></th>"
        for number, key in enumerate(here.models)
    )
    several = "".join(_several(here, key, one) for key, one in zip(here.models, found.together, strict=True))
    body = f"<tr><th>Several at once</th>{several}</tr>" + "".join(
        f"<tr><th>{escape(known[row[0].change].title)}</th>"
        + "".join(
            _cell(here, key, known[one.change], one, one is least[number])
            for number, (key, one) in enumerate(zip(here.models, row, strict=True))
        )
        + "</tr>"
        for row in found.alone
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
        "on each side an answer may turn and turn back. Several at once: a little of some changes turns an answer "
        "sooner than much of one. Their size is the root of the sum of their squared shares, which of one change alone "
        "is its share; it is an upper bound, too, and at most that of the best change alone.",
        "Alone: a scan of each side, then bisection to 1/4096 of a step; of JPEG to whole qualities. Several at once: "
        "along the gradient of the other class's lead, length and direction apart as in DDN (Rony et al. 2019, "
        f"arXiv:1811.09600), {STARTS} starts of {STEPS_TOGETHER} steps, seed 0; all changes but JPEG, which has none.",
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


def _several(here: NaturalScene, key: str, one: SmallestTogether | None) -> str:
    if one is None:
        return f'<td data-several="{escape(key)}"><small>needs gradients, which it lacks</small></td>'
    marks = f'data-several="{escape(key)}" data-size="{one.size:g}"'
    if not one.found:
        return f"<td {marks}><small>nothing found</small></td>"
    return (
        f'<td {marks}><img src="{data_url(one.x)}" alt=""><b>size {one.size * 100:.1f} %</b><br>'
        f"{escape(here.task.class_names[one.answer])} <small>{escape(in_words(one))}</small></td>"
    )


def in_words(one: SmallestTogether) -> str:
    """The changes with their amounts, such as "rotation 3.2°, fog 0.12"."""
    said = {key: CHANGES[key].words(amount).replace(" ", "\N{NO-BREAK SPACE}") for key, amount in one.amounts.items()}
    return ", ".join(f"{CHANGES[key].title.lower()} {amount}" for key, amount in said.items())
