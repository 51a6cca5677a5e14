"""The search for the smallest change that fools: its controls, and the work behind the button."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st
import torch

from app.latent import explorer
from app.latent.choice import CENTRES, LatentChoice
from app.latent.position import ResolvedPosition
from app.state import device, pictures, session
from app.state.tasks import Call
from app.ui.task_progress import LongTask
from core.data.tasks import task_named
from core.latent.decoder import OneClass
from core.latent.noise import decayed
from core.latent.search import Search, SearchResult, search
from core.latent.strips import DecodedRow, decode_row
from core.progress import OnProgress, ShouldStop

SEARCH = Search()  # the minimum search, as in the report
FRAMES = 7  # of a film strip


@dataclass(frozen=True, slots=True)
class LatentFoolingResult:
    """What came out for one network.

    Attributes:
        model: its key.
        number: its place among the networks asked.
        label: the class that is drawn.
        found: the search's result for the one code: the nearest that changes the network's answer, which need not be
            the class that is drawn.
        film: the way from the centre straight to the code found, as all networks see it.
    """

    model: str
    number: int
    label: int
    found: SearchResult
    film: DecodedRow

    @property
    def answers(self) -> list[int]:
        """What the network answers along the film."""
        return [int(answer) for answer in self.film.predicted[self.number]]

    @property
    def right(self) -> bool:
        """Whether it took the picture that the search starts from for what is drawn."""
        return int(self.found.labels[0]) == self.label

    def fools(self, other: int) -> bool:
        """Whether the picture found makes another network, right before, err too, by its number."""
        answers = self.film.predicted[other]
        return int(answers[0]) == self.label != int(answers[-1])


def controls() -> None:
    """Where the search starts."""
    st.segmented_control(
        "Search around",
        CENTRES,
        format_func=lambda centre: f"it, decayed for ε = {centre:g}" if centre else "the picture above",
        required=True,
        help="The paper searches around the middle of the codes that random noise of size ε gives: a shorter code.",
        **session.binding("centre", "latent.centre"),
    )


def search_task(position: ResolvedPosition, centre: float) -> LongTask:
    """The search for one view."""
    return LongTask(
        "latent.search",
        ("latent", *position.cache_key, centre),
        partial(_call, position, centre),
        "For each network a search looks for the nearest code whose picture it answers with another class than the one "
        "that the search starts from. It takes some seconds.",
        "Find the smallest change that fools",
        ":material/travel_explore:",
        lambda work: f"Run {work.done:,} of {work.of:,}" if work.of else "Begun",
        latest=_offered_here,
    )


def _offered_here() -> LongTask:
    """The search for where the visitor stands when the button is pressed: it may have been drawn before a move."""
    choice, part = session.now(), session.page_choice(LatentChoice)
    task = task_named(choice.task)
    shown = pictures.chosen(choice)
    begin = explorer.start_of(task, shown, part)
    return search_task(explorer.position_of(task, begin, part, choice.models), part.centre)


def _call(position: ResolvedPosition, centre: float) -> Call:
    return partial(fool, position, centre)


def fool(
    position: ResolvedPosition,
    centre: float,
    on_progress: OnProgress,
    should_stop: ShouldStop,
) -> list[LatentFoolingResult]:
    """For each network, the smallest change of the code at a position that changes what it answers."""
    decoder, z, label = position.decoder, position.code, position.place.label
    classifiers = position.classifiers
    with torch.no_grad():
        x = decoder.decode(decayed(z, centre), position.labels)
        answers = [classifier(x).argmax(1) for classifier in classifiers]
    drawing = OneClass(decoder, label)
    results: list[SearchResult] = []

    def told(done: int, of: int) -> None:
        on_progress(len(results) * of + done, len(classifiers) * of)

    for classifier, answer in zip(classifiers, answers, strict=True):
        results.append(search(drawing, classifier, z, answer, centre, SEARCH, 0, told, should_stop))
    made = []
    for number, (model, found) in enumerate(zip(position.models, results, strict=True)):
        codes = way_there(found)
        shares = np.linspace(0, 1, len(codes)).tolist()
        seen = decode_row(
            decoder, classifiers, codes, position.labels.expand(len(codes)), shares, codes[:1], alone=True
        )
        made.append(LatentFoolingResult(model, number, label, found, seen))
    return made


def way_there(found: SearchResult) -> torch.Tensor:
    """Codes (P, n) from the centre of a search straight to the code found; one where nothing moves it."""
    shares = np.linspace(0, 1, FRAMES if found.norm[0] > 0 else 1, dtype=np.float32)[:, None]
    codes = found.z_decayed + shares * (found.z_adv - found.z_decayed)
    if len(codes) > 1:
        codes[-1] = found.z_adv[0]  # as it was found, to the last digit
    return device.picture(codes)
