"""The smallest change that fools: its controls, the work behind the button, and what came out for each network."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import streamlit as st
import torch
from numpy.typing import NDArray

from app import cache, latent_cache, state
from app.adversarial_files import npz as npz_of
from app.background import OnProgress, Work, works
from app.colours import model_colour
from app.jobs import session
from app.latent_cache import Place
from app.latent_choice import CENTRES
from app.names import model_name
from app.pictures import data_url
from app.views import how_to_read, percent
from core.data.tasks import Task
from core.latent.noise import typical_norm
from core.latent.search import Found, Search, search
from core.latent.strips import Strip, strip

SEARCH = Search()  # the minimum search, as in the report
FRAMES = 7  # of a film strip


@dataclass(frozen=True, slots=True)
class Fooled:
    """What came out for one network.

    Attributes:
        model: its key.
        number: its place among the networks asked.
        found: the search's result for the one code.
        film: the way from the centre straight to the code found, as all networks see it; of one picture where nothing
            had to move.
    """

    model: str
    number: int
    found: Found
    film: Strip


def controls() -> None:
    """Where the search starts."""
    st.segmented_control(
        "Search around",
        CENTRES,
        format_func=lambda centre: f"it, decayed for ε = {centre:g}" if centre else "the picture above",
        required=True,
        help="The paper searches around the middle of the codes that random noise of size ε gives: a shorter code.",
        **state.bound("centre", "latent.centre"),
    )


def work_of(place: Place, models: Sequence[str], centre: float) -> Work | None:
    """What is under way or done for this view."""
    return works().find(session(), _key(place, models, centre))


def start(place: Place, models: Sequence[str], centre: float) -> None:
    """Begin the work for this view."""
    loaded = [cache.model(place.task, key) for key in models]
    generator, z = latent_cache.generator(place.task), latent_cache.code_at(place)

    def call(on_progress: OnProgress, should_stop: Any) -> list[Fooled]:
        results: list[Found] = []

        def told(done: int, of: int) -> None:
            on_progress(len(results) * of + done, len(loaded) * of)

        for model in loaded:
            results.append(search(generator, model.fast, z, place.labels, centre, SEARCH, 0, told, should_stop))
        classifiers = [model.fast for model in loaded]
        made = []
        for number, (key, found) in enumerate(zip(models, results, strict=True)):
            codes = way_there(found)
            shares = np.linspace(0, 1, len(codes)).tolist()
            seen = strip(generator, classifiers, codes, place.labels.expand(len(codes)), shares, codes[:1])
            made.append(Fooled(key, number, found, seen))
        return made

    works().start(session(), _key(place, models, centre), call)


def way_there(found: Found) -> torch.Tensor:
    """Codes (P, n) from the centre of a search straight to the code found, in equal steps; one where nothing moved."""
    shares = np.linspace(0, 1, FRAMES if found.norm[0] > 0 else 1, dtype=np.float32)[:, None]
    return torch.from_numpy(found.z_decayed + shares * (found.z_adv - found.z_decayed))


def stop() -> None:
    """End what this session has under way."""
    works().stop(session())


def _key(place: Place, models: Sequence[str], centre: float) -> tuple[object, ...]:
    checksums = tuple(cache.model(place.task, key).card.sha256 for key in models)
    return ("latent", place, *models, checksums, centre)


def invite(place: Place, models: Sequence[str], centre: float, work: Work | None) -> None:
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
            key="latent.fool", on_click=start, args=(place, models, centre),
        )  # fmt: skip


def watch(work: Work) -> None:
    """How far the work is, with a button that ends it; the page runs again once it is over."""
    if not work.active:
        st.rerun()
    work.look()
    said = "Waiting for others" if work.state == "waiting" else f"Run {work.done} of {work.of}" if work.of else "Begun"
    st.progress(work.done / work.of if work.of else 0.0, said)
    st.button("Stop", on_click=stop, icon=":material/stop_circle:", key="latent.stop")


def results(task: Task, found: Sequence[Fooled], centre: float) -> None:
    """A row a network: what it was shown, what fools it, and whether that fools the others."""
    largest = max(float(np.quantile(np.abs(one.found.x_adv - one.found.x_decayed), 0.99)) for one in found)
    factor = max(1, int(0.5 / largest)) if largest > 0 else 1  # alike for all; nearly all values stay in range
    st.html(f'<div class="rs-films">{"".join(_fooled(task, one, found, centre, factor) for one in found)}</div>')


def _fooled(task: Task, one: Fooled, others: Sequence[Fooled], centre: float, factor: int) -> str:
    names, found, label = task.class_names, one.found, int(one.found.labels[0])
    answers = one.film.probs[one.number].argmax(1)
    before, after = names[answers[0]], names[answers[-1]]
    if found.already_wrong[0]:
        verdict, fell = "wrong already", True
    else:
        verdict, fell = ("fooled", True) if found.found[0] else ("not fooled", False)
    title = before if before == after else f"{before} → {after}"
    data = (
        f'data-fooled="{escape(one.model)}" data-found="{bool(found.found[0])}" data-norm="{float(found.norm[0]):.4f}"'
    )
    return (
        f'<section style="--rs-colour: {model_colour(one.model)}" {data}><div class="rs-head">'
        f'<span class="rs-name">{escape(model_name(one.model))}</span></div>'
        f'<div class="rs-answer"><span class="rs-class">{escape(title)}</span>'
        f'<span class="rs-verdict{" rs-changed" if fell else ""}">{verdict}</span></div>'
        f'<div class="rs-film">{_frames(task, one)}{_difference(found, factor)}</div>'
        f'<div class="rs-small">{_numbers(names[label], found, centre)}</div>'
        f'<div class="rs-passed-on">{_passed_on(task, one, others)}</div></section>'
    )


def _frames(task: Task, one: Fooled) -> str:
    label, probs = int(one.found.labels[0]), one.film.probs[one.number]
    frames = []
    for number, (x, seen) in enumerate(zip(one.film.x, probs, strict=True)):
        answer = int(seen.argmax())
        name, mark = escape(task.class_names[answer]), ' class="rs-wrong"' if answer != label else ""
        frames.append(
            f'<figure{mark}><img src="{data_url(x)}" alt="Step {number}: {name}">'
            f"<figcaption><b>{name}</b> {percent(float(seen[answer]))}</figcaption></figure>"
        )
    return "".join(frames)


def _difference(found: Found, factor: int) -> str:
    if not found.norm[0] > 0:
        return ""
    change = (0.5 + factor * (found.x_adv[0] - found.x_decayed[0])).astype(np.float32)
    url = data_url(change)
    return f'<figure><img src="{url}" alt="The change"><figcaption>the change × {factor}</figcaption></figure>'


def _numbers(label: str, found: Found, centre: float) -> str:
    if found.already_wrong[0]:
        return f"It does not take the picture that the search starts from for {escape(label)}: nothing has to change."
    size = float(found.norm[0])
    usual = f" (random noise of ε = {centre:g} moves it by {typical_norm(centre):.2f})" if centre else ""
    start = "" if found.found[0] else f"Nothing was found within {found.settings['rho']:g}. Where the first run ended: "
    way = "longer, so less likely" if found.outward[0] > 0 else "shorter, so no less likely"
    return (
        f"{start}<b>{size:.3f}</b> in latent space{usual}; the code becomes {way} "
        f"({_signed(float(found.outward[0]))}). "
        f"In the picture: <b>{float(found.l2[0]):.3f}</b> (RMSE), {float(found.l1[0]):.3f} (mean size)."
    )


def _passed_on(task: Task, one: Fooled, others: Sequence[Fooled]) -> str:
    """What the other networks say of the picture that fools this one."""
    if not one.found.found[0] or len(others) < 2:
        return ""
    names, label, said = task.class_names, int(one.found.labels[0]), []
    for other in others:
        if other.model != one.model:
            was, answer = (int(one.film.probs[other.number, end].argmax()) for end in (0, -1))
            word = (
                "fooled, too" if answer != label and was == label else "wrong before" if was != label else "not fooled"
            )
            said.append(
                f'<span data-passed="{escape(other.model)}" data-fools="{answer != label}">'
                f'<i style="background: {model_colour(other.model)}"></i>{escape(model_name(other.model))}: '
                f"<b>{escape(names[answer])}</b> ({word})</span>"
            )
    return f"Shown to the others: {''.join(said)}"


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def guide() -> None:
    """How to read the films."""
    how_to_read(
        "From left to right the code goes straight from where the search starts to the nearest code found that the "
        "network answers with another class; framed pictures are answered so. Look at the last one: if it still shows "
        "the class, the network errs; if not, the generator drew something else. Distances in latent space are scaled: "
        "1 is a standard deviation of every number of the code. A network that is hard to fool with small changes of "
        "pixels need not have a longer way here, but tends to need a larger change of the picture.",
        f"Buzhinsky et al. 2020, arXiv:2003.01993: {SEARCH.restarts} runs of {SEARCH.steps} steps within a shrinking "
        "radius, then bisection.",
    )


def npz(found: Sequence[Fooled]) -> bytes:
    """All arrays by name, `__` and the model's key after each, with the settings."""
    names = ("z_decayed", "z_adv", "x_decayed", "x_adv", "path", "path_margin")
    arrays: dict[str, NDArray[Any]] = {
        f"{name}__{one.model}": getattr(one.found, name) for one in found for name in names
    }
    arrays |= {f"film__{one.model}": one.film.x for one in found}
    arrays |= {f"probs_film__{one.model}": one.film.probs[one.number] for one in found}
    figures = ("norm", "outward", "l2", "l1", "found", "already_wrong")
    models = {one.model: {name: getattr(one.found, name)[0].item() for name in figures} for one in found}
    first = found[0].found
    return npz_of(arrays | {"z": first.z, "labels": first.labels}, {**first.settings, "models": models})
