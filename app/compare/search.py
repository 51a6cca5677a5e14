"""Square attack beside PGD: the work, and what it says of gradients that lead nowhere."""

from collections.abc import Sequence
from functools import partial
from html import escape

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app.compare import columns, files
from app.state import device, zoo
from app.state.durations import duration, seconds_an_answer
from app.state.epsilon_scale import radius_text
from app.state.names import model_name
from app.state.pictures import ModelInput
from app.state.tasks import Call
from app.ui.downloads import downloads, npz
from app.ui.elements import how_to_read
from app.ui.task_progress import LongTask
from core.attacks.pgd import Pgd
from core.attacks.square import Square
from core.data.tasks import Task
from core.explanations.attack_result import AttackResult, attack_result
from core.progress import OnProgress, ShouldStop

QUERIES = 1000


def searching(task: Task, models: Sequence[str], shown: ModelInput, attack: Pgd) -> LongTask:
    """The search against each network, at the radius of the attack beside it."""
    known = tuple((key, zoo.cards_of(task.key)[key].sha256) for key in models)
    seconds = sum(seconds_an_answer(task.key, *each) for each in known) * QUERIES
    return LongTask(
        "search",
        ("search", task.key, known, shown.digest, attack.epsilon, attack.norm),
        partial(_call, task, models, shown, Square(attack.epsilon, attack.norm, QUERIES)),
        f"Square attack asks each network up to {QUERIES:,} times, within {radius_text(attack.norm, attack.epsilon)}, "
        f"and looks at its answers alone: {duration(seconds)} at most.",
        "Search without gradients",
        ":material/grid_view:",
        lambda work: f"Network {work.done + 1} of {work.of}" if work.of else "Begun",
    )


def _call(task: Task, models: Sequence[str], shown: ModelInput, attack: Square) -> Call:
    loaded = [zoo.model(task.key, key) for key in models]

    def call(on_progress: OnProgress, should_stop: ShouldStop) -> list[AttackResult]:
        found: list[AttackResult] = []
        x = device.picture(shown.x)
        for model in loaded:
            on_progress(len(found), len(loaded))
            found.append(attack_result(device.placed(model), x, attack))
        return found

    return call


def program(attack: Pgd) -> str:
    """The search as Python, at the radius of the attack beside it."""
    return (
        "\nfrom core.attacks.square import Square\n\n"
        f"attack = Square({attack.epsilon!r}, {attack.norm!r}, {QUERIES})\n"
        "searched = {key: attack_result(model, x, attack) for key, model in models.items()}\n"
        "for key, found in searched.items():\n"
        '    print(key, "after the search:", task.class_names[found.after], f"{found.probs_adv[found.after]:.1%}")\n'
    )


def show(task: Task, pgd: Sequence[AttackResult], found: Sequence[AttackResult], radius: str) -> None:
    """A column a network, as for PGD, and a sentence for each whose gradient may be masked."""
    columns.challenges(task, found, "searched")
    for key in masked(pgd, found):
        st.warning(
            f"{model_name(key)}: gradients may be masked. A search without them changed the answer where PGD, which "
            "follows them, did not.",
            icon=":material/visibility_off:",
        )
    held = [model_name(one.model) for one in found if not one.changed]
    st.html(f'<div class="rs-small" data-held="{len(held)}">Kept by {escape(", ".join(held) or "none")}.</div>')
    how_to_read(
        f"The search changes squares at random and keeps what lowers the margin, up to {QUERIES:,} times. It knows "
        "less than PGD, so it should find less. Where it turns an answer that PGD could not, the gradient misleads. "
        "One picture is a hint: page Models counts over many.",
        "Andriushchenko et al. 2020, arXiv:1912.00049; the sign: Athalye et al. 2018, arXiv:1802.00420. Seed 0.",
    )
    downloads(
        f"search-{task.key}",
        ("Attack as PNG", "png", partial(files.attack_png, task, found, f"{radius}, {QUERIES:,} queries")),
        ("Answers as CSV", "csv", partial(files.answers_csv, task, found)),
        ("All arrays as NPZ", "npz", partial(to_npz, found)),
    )


def masked(pgd: Sequence[AttackResult], found: Sequence[AttackResult]) -> tuple[str, ...]:
    """The networks whose answer the search changed and PGD did not."""
    kept = {one.model for one in pgd if not one.changed}
    return tuple(one.model for one in found if one.changed and one.model in kept)


def to_npz(found: Sequence[AttackResult]) -> bytes:
    """All arrays by name and network, with what decides them."""
    arrays: dict[str, NDArray[np.float32]] = {
        f"{name}__{one.model}": getattr(one, name) for one in found for name in ("x_adv", "delta", "probs", "probs_adv")
    }
    settings = {"task": found[0].task, "models": {one.model: one.settings for one in found}}
    return npz(arrays | {"x": found[0].x}, settings)
