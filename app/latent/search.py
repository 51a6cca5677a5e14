"""The search for the smallest change that fools: its controls, and the work behind the button."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st
import torch

from app.latent import explorer
from app.latent.choice import CENTRES, LatentChoice
from app.latent.position import ResolvedPosition
from app.state import pictures, session
from app.state.errors import guard
from app.state.tasks import BackgroundTask, OnProgress, task_pool
from app.state.training_queue import session_id
from core.data.tasks import task_named
from core.latent.decoder import OneClass
from core.latent.noise import decayed
from core.latent.search import Search, SearchResult, search
from core.latent.strips import DecodedRow, decode_row

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
        **session.bound("centre", "latent.centre"),
    )


def work_of(position: ResolvedPosition, centre: float) -> BackgroundTask | None:
    """What is under way or done for this view."""
    return task_pool().find(session_id(), _key(position, centre))


def start_here() -> None:
    """Begin the work for where the visitor stands when the button is pressed: it may have been drawn before a move."""
    with guard():
        choice, part = session.now(), session.page_choice(LatentChoice)
        task = task_named(choice.task)
        shown = pictures.model_input(choice.task, choice.image, choice.fit, choice.invert)
        begin = explorer.start_of(task, shown, part)
        start(explorer.position_of(task, begin, part, choice.models), part.centre)


def start(position: ResolvedPosition, centre: float) -> None:
    """Begin the work for one view."""
    task_pool().start(session_id(), _key(position, centre), partial(fool, position, centre))


def fool(
    position: ResolvedPosition,
    centre: float,
    on_progress: OnProgress,
    should_stop: Callable[[], bool],
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
        seen = decode_row(decoder, classifiers, codes, position.labels.expand(len(codes)), shares, codes[:1])
        made.append(LatentFoolingResult(model, number, label, found, seen))
    return made


def way_there(found: SearchResult) -> torch.Tensor:
    """Codes (P, n) from the centre of a search straight to the code found; one where nothing moves it."""
    shares = np.linspace(0, 1, FRAMES if found.norm[0] > 0 else 1, dtype=np.float32)[:, None]
    return torch.from_numpy(found.z_decayed + shares * (found.z_adv - found.z_decayed))


def stop() -> None:
    """End what this session has under way."""
    task_pool().stop(session_id())


def _key(position: ResolvedPosition, centre: float) -> tuple[object, ...]:
    return ("latent", *position.key, centre)


def invite(work: BackgroundTask | None) -> None:
    """What stands in place of results until somebody asks for them."""
    if work is not None and work.state == "failed":
        st.error(work.sentence, icon=":material/error:")
    stopped = "Stopped. " if work is not None and work.state == "stopped" else ""
    with st.container(border=True, key="latent-invite"):
        st.markdown(
            f"{stopped}For each network a search looks for the nearest code whose picture it no longer takes for "
            "what is drawn. It takes some seconds."
        )
        st.button(
            "Find the smallest change that fools", type="primary", icon=":material/travel_explore:",
            key="latent.fool", on_click=start_here,
        )  # fmt: skip


def watch(work: BackgroundTask) -> None:
    """How far the work is, with a button that ends it; the page runs again once it is over."""
    if not work.active:
        st.rerun()
    work.look()
    said = "Waiting for others" if work.state == "waiting" else f"Run {work.done} of {work.of}" if work.of else "Begun"
    st.progress(work.done / work.of if work.of else 0.0, said)
    st.button("Stop", on_click=stop, icon=":material/stop_circle:", key="latent.stop")
