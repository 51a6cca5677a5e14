"""The parts of the page Compare, in the order in which they stand there."""

from functools import partial

import streamlit as st

from app.compare import columns, controls, files, growth, point, results, search, slides
from app.compare.choice import CompareChoice
from app.state import predictions, session, zoo
from app.state.choice import Choice
from app.state.errors import guard
from app.state.pictures import ModelInput
from app.ui import elements, map_png, presenter, python_code
from app.ui.controls import attack_dial, share
from app.ui.downloads import downloads
from app.ui.presenter import Slide
from app.ui.region_pointer import pointed
from app.ui.task_progress import finished, watch
from core.attacks.pgd import Pgd
from core.data.tasks import Task, task_named
from core.explanations.attack_result import AttackResult
from core.explanations.prediction import Prediction

PGD_STEPS = 20
GROWTH = "What moves first as the attack grows: answer, map or detector?"
POINT = "What lies in a region, and does the answer hang on it?"


def show_looks(shown: ModelInput) -> None:
    """One column a network: its answer, its gradient map, its figures."""
    choice = session.now()
    with st.skeleton(height=420):
        looks = predictions.predictions_of(task_named(choice.task), choice.models, shown)
    _looks(looks, shown)
    _show_region(looks, shown)


@st.fragment
def _looks(looks: list[Prediction], shown: ModelInput) -> None:
    """The columns, and the form of their maps; another form re-runs only this."""
    task = session.now().task
    with guard():
        cards = zoo.cards_of(task)
        part = session.page_choice(CompareChoice)
        withheld = results.withheld(task_named(task), looks, shown) if part.withheld == "yes" else {}
        columns.looks(task_named(task), looks, [cards[one.model] for one in looks], part, withheld)
        controls.map_form()
        columns.look_guide()
        drawn = [look for look in looks if look.attributions is not None and look.model not in withheld]
        if drawn:
            png = partial(files.maps_png, task_named(task), drawn, part, map_png.scale(looks))
            downloads(f"maps-{task}", ("Maps as PNG", "png", png), quiet=True)


@st.fragment
def _show_region(looks: list[Prediction], shown: ModelInput) -> None:
    """A region pointed at; another box re-runs only this."""
    task = task_named(session.now().task)
    pointed(POINT, lambda: point.point(task, looks, shown), task.shape)


@st.fragment
def show_attack(shown: ModelInput) -> None:
    """The slider, and one column a network: attacked picture, difference, new answer. The slider re-runs only this."""
    st.header("Which answers survive a small change of the picture?", anchor=False)
    attack_dial()
    choice = session.now()
    task = task_named(choice.task)
    attack = Pgd(choice.dial.epsilon(choice.strength), choice.norm, PGD_STEPS)
    with guard():
        with st.skeleton(height=320):
            found = results.attack_results(task, choice.models, shown, attack)
        columns.challenges(task, found)
        columns.searched(task, choice.models, results.QUERIES)
        columns.challenge_guide(choice.dial.text(choice.strength), PGD_STEPS)
        elements.folded("growth", GROWTH, partial(_show_growth, task, shown))
        _show_search(task, found, shown, attack)
        looks, radius = predictions.predictions_of(task, choice.models, shown), choice.dial.text(choice.strength)
        downloads(
            f"compare-{task.key}",
            ("Attack as PNG", "png", partial(files.attack_png, task, found, radius)),
            ("Answers as CSV", "csv", partial(files.answers_csv, task, found)),
            ("All arrays as NPZ", "npz", partial(files.arrays_npz, task, looks, found)),
        )
    with st.container(horizontal=True):
        presenter.offer(partial(_slides, task, choice, shown, attack))
        share()
        python_code.show(
            python_code.picture_and_networks(choice, [*python_code.FOR_PREDICTIONS, *python_code.FOR_ATTACKS])
            + python_code.PREDICTIONS
            + python_code.attacks(choice, PGD_STEPS)
        )


def _slides(task: Task, choice: Choice, shown: ModelInput, attack: Pgd) -> list[Slide]:
    """What the page shows, for a room."""
    looks, part = predictions.predictions_of(task, choice.models, shown), session.page_choice(CompareChoice)
    withheld = results.withheld(task, looks, shown) if part.withheld == "yes" else {}
    attacked = results.attack_results(task, choice.models, shown, attack)
    shown_to_all = slides.slides(task, looks, attacked, part, withheld, choice.dial.text(choice.strength))
    grown = finished(growth.growing(task, choice, shown))
    return [*shown_to_all, growth.slide(task, choice.dial, grown.result)] if grown and grown.result else shown_to_all


def _show_growth(task: Task, shown: ModelInput) -> None:
    """The attack at every radius of the slider, and all that moves with it."""
    choice = session.now()
    done = watch(growth.growing(task, choice, shown))
    if done is not None:
        growth.show(task, choice, done.result)
        python_code.show(python_code.picture_and_networks(choice, ("Pgd",)) + growth.program(choice.dial))


def _show_search(task: Task, found: list[AttackResult], shown: ModelInput, attack: Pgd) -> None:
    """Square attack at the same radius, beside the page: whether it turns what PGD did not."""
    place = elements.section("search", "Does an attack that sees no gradient do better?")
    if not place.open or attack.epsilon == 0:
        return
    with place:
        choice = session.now()
        done = watch(search.searching(task, choice.models, shown, attack))
        if done is not None:
            search.show(task, found, done.result, choice.dial.text(choice.strength))
            head = python_code.picture_and_networks(choice, ("attack_result",))
            python_code.show(head + search.program(attack))
