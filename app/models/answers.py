"""Answers of two networks to the first test images, counted by class and set against how sure they were."""

from functools import partial
from html import escape

import streamlit as st

from app.models import answer_figures, answer_files, measured_answers, python_program
from app.models.choice import COUNTED, SEARCHES, TEMPERATURES, UNDER, PerturbationChoice
from app.models.measured_answers import Found
from app.state import pictures, session
from app.state.epsilon_scale import radius_text
from app.state.names import model_name
from app.ui import charts, python_code
from app.ui.colours import model_colour
from app.ui.controls import pick
from app.ui.downloads import downloads
from app.ui.elements import how_to_read, ink, percent
from core.data.tasks import Task
from core.explanations.labelled_answers import AnswerSettings, LabelledAnswers
from core.metrics.calibration import BINS, Reliability, reliability, tempered
from core.metrics.confusion import ClassShare, class_share
from core.norms import Norm
from core.reports.form.masking import black_box_wins
from core.training.zoo_plans import CHOSEN_ON_TEST, chosen_note

QUERIES = 500


def show(task: Task, norm: Norm) -> None:
    """Choose two networks, have them asked, and see by class and by confidence what came out."""
    part, here = session.page_choice(PerturbationChoice), pictures.data_there(task.key)
    _controls(task, here)
    keys = tuple(dict.fromkeys((part.one, part.other)))
    settings = AnswerSettings(task.radii[norm], norm, queries=QUERIES if here and part.square == "yes" else 0)
    found = measured_answers.measured(task, keys, part.counted, settings)
    if found:
        _say_chosen(task, found)
        _by_class(task, found, settings, part.under)
        _by_confidence(task, found, part.temperature)
        python_code.show(_program(task, found, settings, part.temperature))


def _program(task: Task, found: Found, settings: AnswerSettings, temperature: float) -> str:
    """The Python of what is shown; networks of the report and others that were asked stand apart."""
    images, shipped = len(next(iter(found.values())).labels), measured_answers.of_the_report(found)
    parts = [
        python_program.answers(task.key, keys, keys is shipped, images, settings)
        for keys in (shipped, [key for key in found if key not in shipped])
        if keys
    ]
    return python_program.counted(task.key, parts, images, settings, temperature)


def _controls(task: Task, here: bool) -> None:
    """Whose answers; where the data set is `here`, to how many images and under which attacks, too."""
    models = session.models()[task.key]
    left, middle, *more = st.columns(4 if here else 2, gap="medium", vertical_alignment="bottom")
    for place, label, field in ((left, "One network", "one"), (middle, "Another", "other")):
        place.selectbox(label, models, format_func=model_name, **session.binding(field, f"models.{field}.{task.key}"))
    if not more:
        return
    right, last = more
    right.select_slider(
        "First test images", COUNTED, format_func="{:,}".format, **session.binding("counted", "models.counted")
    )
    pick(
        "Attacks", SEARCHES, place=last,
        help=f"Square attack asks for answers alone, up to {QUERIES} for each image: it takes several times as long.",
        **session.binding("square", "models.square"),
    )  # fmt: skip


def _say_chosen(task: Task, found: Found) -> None:
    """Whose recipes were chosen on these images."""
    for key in found:
        if (task.key, key) in CHOSEN_ON_TEST:
            st.caption(f"{model_name(key)}: {chosen_note(task.key, key)}")


def _by_class(task: Task, found: Found, settings: AnswerSettings, under: str) -> None:
    st.subheader("Which classes does each get right?", anchor=False)
    radius = radius_text(settings.norm, settings.epsilon)
    n = len(next(iter(found.values())).labels)
    st.html(f'<div class="rs-says">{"".join(_overall(key, one, radius) for key, one in found.items())}</div>')
    _masked(found, settings)
    shares = {key: answer_files.shares_of(task, one) for key, one in found.items()}
    charts.show(
        answer_figures.by_class(task.class_names, shares, ink()), key="answers-by-class",
        alt="Right answers of each class, clean and attacked; the figures are in the CSV file below",
    )  # fmt: skip
    how_to_read(
        f"The first {n:,} test images. For each class: hollow, the share of its images that a network gets right; "
        f"filled, the share under PGD-{settings.steps} at {radius}, one start, seed {settings.seed}. Bars are 95 % "
        "Wilson intervals: with few images a class they are wide, and a difference inside of them is none.",
        "PGD: Madry et al. 2018, arXiv:1706.06083.",
    )
    st.subheader("Which class is taken for which?", anchor=False)
    pick("Images", UNDER, **session.binding("under", "models.under"))
    counts = {key: answer_files.counts_of(task, one, under) for key, one in found.items()}
    for place, (key, matrix) in zip(st.columns(max(2, len(found)), gap="medium"), counts.items(), strict=False):
        place.html(_name(key))
        with place:
            charts.show(
                answer_figures.confusions(task.class_names, matrix, model_colour(key), ink()),
                key=f"confusions-{key}",
                alt=f"{model_name(key)}: true class by row, answer by column",
            )
    how_to_read(
        "A row is the true class, a column the answer; a cell counts images. On the diagonal the answer is right. An "
        "attack may move a class's images all to one neighbour, or spread them.",
        "Counts of the images above; no intervals.",
    )
    downloads(
        f"answers-{task.key}",
        ("Confusions as PNG", "png", partial(answer_files.confusions_png, task, found, under)),
        ("Classes as CSV", "csv", partial(answer_files.classes_csv, task, found)),
        ("All logits as NPZ", "npz", partial(answer_files.answers_npz, task, found)),
    )


def _masked(found: Found, settings: AnswerSettings) -> None:
    """What Square attack broke, beside PGD: where it breaks more, PGD did not see the way."""
    if not settings.queries:
        return
    for key, one in found.items():
        pgd, square = one.answers_adv == one.labels, one.standing_square
        alone, wins = int((pgd & ~square).sum()), black_box_wins(pgd, square)
        left = class_share(int(square.sum()), len(square))
        st.html(
            f'<p class="rs-small" data-square="{escape(key)}" data-alone="{alone}" data-masked="{wins}">'
            f"<b>{escape(model_name(key))}</b>: Square attack, {settings.queries:,} queries, leaves {_words(left)}; "
            f"{alone} that PGD left it breaks.</p>"
        )
        if wins:
            st.warning(
                f"{model_name(key)}: gradients may be masked. An attack that sees none breaks more than PGD does "
                "(paired, 95 %).",
                icon=":material/visibility_off:",
            )
    how_to_read(
        "Square attack changes squares of pixels at random, keeps what lowers the margin, and asks for answers alone. "
        "With fewer looks than gradients give, it should break less than PGD. Where it breaks more, the gradient "
        "misleads, and the network is weaker than PGD says. A few images that it alone breaks are no sign.",
        "Andriushchenko et al. 2020, arXiv:1912.00049; the sign: Athalye et al. 2018, arXiv:1802.00420.",
    )


def _overall(key: str, one: LabelledAnswers, radius: str) -> str:
    clean, attacked = (share_of(one.labels, answers) for answers in (one.answers, one.answers_adv))
    return (
        f'<p data-counted="{escape(key)}" data-clean="{clean.hits}" data-attacked="{attacked.hits}" '
        f'data-n="{clean.n}"><b>{escape(model_name(key))}</b>: {_words(clean)} right on clean images, '
        f"{_words(attacked)} at {radius}.</p>"
    )


def share_of(labels: answer_files.Classes, answers: answer_files.Classes) -> ClassShare:
    """The share of answers that are right."""
    return class_share(int((labels == answers).sum()), len(labels))


def _words(share: ClassShare) -> str:
    return f"{percent(share.value)} ({share.low * 100:.1f} to {share.high * 100:.1f}; {share.hits:,} of {share.n:,})"


def _by_confidence(task: Task, found: Found, temperature: float) -> None:
    st.subheader("Is it as sure as it is right?", anchor=False)
    st.slider(
        "Temperature T: logits are divided by it", *TEMPERATURES, step=0.05, format="%.2f",
        help="1 is the network as trained. Above 1 it is less sure; no answer changes.",
        **session.binding("temperature", "models.temperature"),
    )  # fmt: skip
    for place, (key, one) in zip(st.columns(max(2, len(found)), gap="medium"), found.items(), strict=False):
        pair = {
            name: reliability(tempered(logits, temperature), one.labels)
            for name, logits in (("clean", one.logits), ("attacked", one.logits_adv))
        }
        place.html(_name(key) + "".join(_sure(key, name, each) for name, each in pair.items()))
        with place:
            charts.show(
                answer_figures.reliability_plot(pair, model_colour(key), ink()),
                key=f"reliability-{key}",
                alt=f"{model_name(key)}: share of right answers against confidence, clean and attacked",
            )
    how_to_read(
        f"Answers are sorted by their probability into {BINS} bins of equal width; a point is a bin, larger with more "
        "answers. On the diagonal the network is as sure as it is right, below it too sure. ECE is the mean distance "
        "from it. Under attack a wrong answer is often a sure one. The temperature here is yours to move: one that is "
        "to be used must be chosen on other images than these.",
        "Guo et al. 2017, arXiv:1706.04599, Sec. 2 and 4.2. ECE depends on the number of bins.",
    )
    downloads(
        f"calibration-{task.key}",
        ("Reliability as CSV", "csv", partial(answer_files.reliability_csv, found, temperature)),
        ("Reliability as NPZ", "npz", partial(answer_files.reliability_npz, found, temperature)),
    )


def _name(key: str) -> str:
    return (
        f'<div class="rs-head" style="--rs-colour: {model_colour(key)}"><span class="rs-name">'
        f"{escape(model_name(key))}</span></div>"
    )


def _sure(key: str, name: str, found: Reliability) -> str:
    way = "too sure" if found.overconfidence > 0 else "not sure enough"
    return (
        f'<div class="rs-small" data-ece="{escape(key)}-{name}" data-value="{found.ece:.4f}">{name.capitalize()}: ECE '
        f"<b>{percent(found.ece)}</b>, on the whole {way} by {percent(abs(found.overconfidence))}</div>"
    )
