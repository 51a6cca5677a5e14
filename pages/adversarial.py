"""Adversarial: what each network would change in a picture to believe another class, and what that says of it."""

from functools import partial

import streamlit as st

from app import (
    adversarial_cache,
    adversarial_choice,
    adversarial_fooling,
    adversarial_reports,
    adversarial_views,
    cache,
    state,
    views,
    widgets,
)
from app import adversarial_files as files
from app.adversarial_cache import UNSAID
from app.cache import ModelInput
from app.choice import Choice
from app.errors import guard
from core.data.tasks import task_named


@st.fragment
def show_explanations(shown: ModelInput) -> None:
    """The budget, the grid and the path; a move re-runs only this."""
    st.header("What does each network add to see each class?", anchor=False)
    adversarial_views.budget()
    choice, part = state.now(), state.page_choice()
    task = task_named(choice.task)
    with guard():
        found = adversarial_views.with_progress(
            adversarial_cache.explanations(task, choice.models, shown, part.rho), len(choice.models)
        )
        place = st.empty()
        with place:  # the pictures first: the verdicts take as long again
            adversarial_views.grid(task, found, [UNSAID] * len(found), part.shown)
        verdicts = adversarial_cache.verdicts(task, choice.models, shown)
        with place:
            adversarial_views.grid(task, found, verdicts, part.shown)
        if not any(verdict.evidence or verdict.because for verdict in verdicts):
            adversarial_views.no_verdicts(task)
        adversarial_views.grid_guide(found, part.shown)
        adversarial_views.drawn_on_tests(
            adversarial_cache.explanations_report(task.key), cache.cards_of(task.key), choice.models
        )
        adversarial_views.downloads(
            f"explanations-{task.key}",
            ("Grid as PNG", "png", partial(files.grid_png, found, [*map(adversarial_views.says_where, verdicts)])),
            ("All arrays as NPZ", "npz", partial(files.explanations_npz, found)),
        )
    st.header("How does it get there, step by step?", anchor=False)
    adversarial_views.class_picker(task)
    part = state.page_choice()
    with guard():
        ways = adversarial_views.with_progress(
            adversarial_cache.paths(task, choice.models, shown, part.target, part.rho), len(choice.models)
        )
        adversarial_views.path_player(task, ways, part.rho)
        adversarial_views.path_guide()
        adversarial_views.downloads(f"path-{task.key}", ("All arrays as NPZ", "npz", partial(files.paths_npz, ways)))
    widgets.share()


def show_survival(choice: Choice) -> None:
    """Curves with shaded areas, and their figures, for the networks side by side."""
    st.header("How large must a change be?", anchor=False)
    with guard():
        cards = cache.cards_of(choice.task)
        report = adversarial_cache.adversarial_report(choice.task)
        adversarial_reports.survival(task_named(choice.task), report, [cards[key] for key in choice.models])


@st.fragment
def show_transfer(shown: ModelInput) -> None:
    """The transfer matrix, and the picture of the chosen cell; a click re-runs only this."""
    st.header("Does what fools one network fool the others?", anchor=False)
    choice = state.now()
    task = task_named(choice.task)
    with guard():
        report = adversarial_cache.transfer_report(task.key)
        cell = adversarial_reports.transfer_matrix(task, report, cache.cards_of(task.key), choice.models)
        if cell:
            adversarial_reports.passed_on(task, adversarial_cache.transferred_image(task, shown, *cell), *cell[:2])
            adversarial_reports.transfer_guide()
            adversarial_reports.readings_held(adversarial_cache.transfer_claims(task.key), report)
            widgets.share()


@st.fragment
def show_fooling(shown: ModelInput) -> None:
    """The controls, a button, and the two ways to fool a heat map; the work runs beside the page."""
    st.header("Can a heat map be fooled?", anchor=False)
    choice = state.now()
    task = task_named(choice.task)
    adversarial_fooling.controls(task)
    part = state.page_choice()
    models = adversarial_fooling.fooled_models(choice.models)
    with guard():
        report = adversarial_cache.fooling_report(task.key)
        adversarial_reports.fooled_shares(task, report, cache.cards_of(task.key), part.method)
    with guard():
        work = adversarial_fooling.work_of(task, models, shown, part)
        if work is None or work.state in ("stopped", "failed"):
            adversarial_fooling.invite(task, models, shown, part, work)
        elif work.active:
            st.fragment(adversarial_fooling.watch, run_every=0.4)(work)
        else:
            adversarial_fooling.results(task, work.result)
            adversarial_views.downloads(
                f"fooled-{task.key}", ("All arrays as NPZ", "npz", partial(adversarial_fooling.npz, work.result))
            )
    widgets.share()


def page() -> None:
    """Choose, run, show."""
    if not cache.zoo_tasks():
        views.no_zoo(cache.zoo_folder())
        return
    choice = state.start("adversarial", adversarial_choice.read)
    widgets.model_panel()
    task = task_named(choice.task)
    views.summary(task, choice.models)
    views.notes(state.notes())
    with guard():
        shown = widgets.chosen_picture()
        show_explanations(shown)
        show_survival(state.now())
        show_transfer(shown)
        show_fooling(shown)


views.style()
st.title("What would each network change to believe another class?", anchor=False)
with guard():
    page()
