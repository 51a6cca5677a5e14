"""The parts of the page Adversarial, in the order in which they stand there."""

from dataclasses import replace
from functools import partial

import streamlit as st

from app.adversarial import certificate, explanations, files, fooling, point, python_program, results, slides, transfer
from app.adversarial import report as adversarial_report
from app.adversarial.choice import AWAY, AdversarialChoice
from app.adversarial.results import UNSAID
from app.state import session, zoo
from app.state.errors import guard
from app.state.pictures import ModelInput
from app.ui import controls, elements, presenter, python_code
from app.ui.downloads import downloads
from app.ui.region_pointer import pointed
from app.ui.task_progress import watch
from core.data.tasks import task_named
from core.reports.adversarial.report import Adversarial


@st.fragment
def show_explanations(shown: ModelInput) -> None:
    """The grid, its budget and the path; a move re-runs only this."""
    choice, part = session.now(), session.page_choice(AdversarialChoice)
    task = task_named(choice.task)
    with guard():
        models = elements.differentiable(task, choice.models)
        if not models:
            return
        cards = zoo.cards_of(task.key)
        place = st.container()
        explanations.budget()
        with place:
            found = explanations.with_progress(results.explanations(task, models, shown, part.rho), len(models))
            grid = st.empty()
        with grid:  # the pictures first: the verdicts take as long again
            explanations.grid(task, found, [UNSAID] * len(found), part.shown, cards)
        verdicts = results.verdicts(task, models, shown)
        whole = results.explanations_and_away(task, models, shown, part.rho)
        with grid:
            explanations.grid(task, found, verdicts, part.shown, cards)
        if not any(verdict.evidence or verdict.because for verdict in verdicts):
            explanations.no_verdicts(task)
        explanations.grid_guide(found, part.shown)
        explanations.drawn_on_tests(results.explanations_report(task.key), cards, choice.models)
        downloads(
            f"explanations-{task.key}",
            ("Grid as PNG", "png", partial(files.grid_png, found, [*map(explanations.says_where, verdicts)])),
            ("All arrays as NPZ", "npz", lambda: files.explanations_npz(whole())),
        )
        with st.container(horizontal=True):
            right = {one.model: elements.clean_in_words(cards[one.model]) for one in found}
            presenter.offer(partial(slides.slides, task, found, verdicts, part.rho, right))
            controls.share()
            asked = replace(choice, models=tuple(models))
            head = python_code.picture_and_networks(asked, python_code.FOR_EXPLANATIONS)
            python_code.show(head + python_code.explanations(part.rho))
    elements.folded("path", "How does it get there, step by step?", lambda: show_path(shown))


def show_path(shown: ModelInput) -> None:
    """The way of each network's attack to a class."""
    choice = session.now()
    task = task_named(choice.task)
    models = elements.differentiable(task, choice.models)
    explanations.class_picker(task)
    part = session.page_choice(AdversarialChoice)
    ways = explanations.with_progress(results.paths(task, models, shown, part.target, part.rho), len(models))
    explanations.path_player(task, ways, part.rho)
    explanations.path_guide()
    with st.container(horizontal=True):
        downloads(f"path-{task.key}", ("All arrays as NPZ", "npz", partial(files.paths_npz, ways)))
        target = None if part.target == AWAY else task.class_names.index(part.target)
        asked = replace(choice, models=tuple(models))
        python_code.show(python_code.picture_and_networks(asked, ()) + python_code.paths(part.rho, target))


@st.fragment
def show_region(shown: ModelInput) -> None:
    """A region pointed at, and the attack held to it; another box re-runs only this."""
    shape = task_named(session.now().task).shape
    pointed("Can a change of one region alone turn the answer?", lambda: _region(shown), shape)


def _region(shown: ModelInput) -> None:
    task = task_named(session.now().task)
    if models := elements.differentiable(task, session.now().models):
        point.point(task, models, shown)
    with st.container(horizontal=True):
        controls.share("region")
        choice = session.now()  # as the dial has left it
        if models and choice.box is not None:
            head = python_code.picture_and_networks(choice, python_code.FOR_REGION_ATTACKS)
            python_code.show(head + python_code.region_attacks(choice, choice.box, point.STEPS))


@st.fragment
def show_survival() -> None:
    """Curves with shaded areas, and their figures, for the networks side by side."""
    choice = session.now()
    place = elements.section("survival", "How large must a change be?")
    if place.open:
        with place, guard():
            cards = zoo.cards_of(choice.task)
            report = results.adversarial_report(choice.task)
            adversarial_report.survival(task_named(choice.task), report, [cards[key] for key in choice.models])
            if report is not None:
                python_code.show(python_code.report(choice.task, "adversarial", Adversarial, choice.models))


@st.fragment
def show_transfer(shown: ModelInput) -> None:
    """The transfer matrix, and the picture of the chosen cell; a click re-runs only this."""
    place = elements.section("transfer", "Does what fools one network fool the others?")
    if not place.open:
        return
    choice = session.now()
    task = task_named(choice.task)
    with place, guard():
        report = results.transfer_report(task.key)
        cell = transfer.transfer_matrix(task, report, zoo.cards_of(task.key), choice.models)
        if cell:
            transfer.passed_on(task, results.transferred_image(task, shown, *cell), *cell[:2])
            transfer.transfer_guide()
            transfer.readings_held(task.key, results.transfer_claims(task.key), report)
            with st.container(horizontal=True):
                controls.share("transfer")
                python_code.show(python_program.transferred(choice, cell, shown.label))


@st.fragment
def show_fooling(shown: ModelInput) -> None:
    """The controls, a button, and the two ways to fool a heat map; the work runs beside the page."""
    place = elements.section("fooling", "Can a heat map be fooled?")
    if not place.open:
        return
    choice = session.now()
    task = task_named(choice.task)
    with place:
        fooling.controls(task)
        part = session.page_choice(AdversarialChoice)
        models = fooling.fooled_models(elements.differentiable(task, choice.models))
        if not models:
            return
        with guard():
            report = results.fooling_report(task.key)
            adversarial_report.fooled_shares(task, report, zoo.cards_of(task.key), part.method)
        with guard():
            work = watch(fooling.fooling_task(task, models, shown, part))
            if work is not None:
                fooling.results(task, work.result)
                downloads(f"fooled-{task.key}", ("All arrays as NPZ", "npz", partial(fooling.npz, work.result)))
        with st.container(horizontal=True):
            controls.share("fooling")
            region = fooling.region_mask(part.region, *task.shape[1:])
            python_code.show(python_program.fooled(choice, models, part, region))


@st.fragment
def show_certificate(shown: ModelInput) -> None:
    """The noise, the votes, and the radius that they prove; the work runs beside the page."""
    place = elements.section("certificate", "Within which distance is the answer proved to stay?")
    if not place.open:
        return
    choice = session.now()
    task = task_named(choice.task)
    with place, guard():
        certificate.controls()
        part = session.page_choice(AdversarialChoice)
        done = watch(certificate.certifying(task, choice.models, shown, part.sigma, part.draws))
        if done is not None:
            certificate.show(task, done.result)
            downloads(
                f"certificate-{task.key}",
                ("Certificates as CSV", "csv", partial(certificate.to_csv, task, done.result)),
                ("All votes as NPZ", "npz", partial(certificate.to_npz, task, done.result)),
            )
        with st.container(horizontal=True):
            controls.share("certificate")
            head = python_code.picture_and_networks(choice, ())
            python_code.show(head + python_code.certificates(part.sigma, part.draws))
