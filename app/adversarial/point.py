"""A region pointed at on the page Adversarial: an attack that may change the picture only there, or only elsewhere."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import streamlit as st
import torch
from numpy.typing import NDArray

from app.adversarial.choice import SHOWN, AdversarialChoice
from app.state import device, predictions, session, zoo
from app.state.choice import Choice
from app.state.names import model_name
from app.state.pictures import ModelInput
from app.state.tasks import Call
from app.ui import controls, map_png, region
from app.ui.data_urls import data_url
from app.ui.downloads import downloads, npz
from app.ui.elements import how_to_read
from app.ui.region_picker import Panel, PanelGroup, region_picker
from app.ui.task_progress import LongTask, watch
from core.attacks.pgd import Pgd
from core.data.tasks import Task
from core.explanations.region import PARTS, RegionAttack, attack_region, region_pgd
from core.metrics.box import Box
from core.progress import OnProgress, ShouldStop

STEPS = 20
AT_ONCE = 64  # pixels a side up to which the attack begins by itself
WHERE = {"inside": "attacked inside of the box", "outside": "attacked outside of it"}


def point(task: Task, models: Sequence[str], shown: ModelInput) -> None:
    """The dial, the picture with its attacked forms, linked, and the work beside the page that makes those."""
    controls.attack_dial()
    controls.pick("Show", SHOWN, **session.binding("shown", "adversarial.point.shown"))
    choice = session.now()
    place = st.container()
    found: Sequence[RegionAttack] = ()
    if choice.box is not None:
        attack = region_pgd(choice.dial.epsilon(choice.strength), choice.norm, STEPS)
        done = watch(attacking(task, models, shown, choice.box, attack, choice))
        found = done.result if done is not None else ()
    with place:
        looks = predictions.predictions_of(task, models, shown)
        panels = [region.picture_panel(task, shown, looks)]
        title = ""
        if choice.box is not None:
            title = f"Each network attacked on its own, at most {choice.dial.text(choice.strength)}"
            panels += _panels(task, models, shown, found)
        region_picker([PanelGroup(title, panels)], *task.shape[1:], "adversarial")
    if choice.box is not None and found:
        _guide()
        answers = [(one.part, one) for one in found]
        downloads(
            f"region-attack-{task.key}",
            ("Answers as CSV", "csv", partial(region.answers_csv, task, choice.box, answers)),
            ("All arrays as NPZ", "npz", partial(to_npz, found)),
        )


def attacking(task: Task, models: Sequence[str], shown: ModelInput, box: Box, attack: Pgd, choice: Choice) -> LongTask:
    """The attack on both parts in each network; on small pictures it begins by itself."""
    known = tuple((key, zoo.cards_of(task.key)[key].sha256) for key in models)
    return LongTask(
        "region",
        ("region", task.key, known, shown.digest, box, attack, device.step_precision()),
        partial(_call, task, models, shown, box, attack),
        f"PGD with {STEPS} steps against each network, at most {choice.dial.text(choice.strength)}, once inside of the "
        "box and once outside of it.",
        "Attack the two parts",
        ":material/select:",
        lambda work: f"Step {work.done} of {work.of}" if work.of else "Begun",
        automatic=max(task.shape[1:]) <= AT_ONCE,
    )


def _call(task: Task, models: Sequence[str], shown: ModelInput, box: Box, attack: Pgd) -> Call:
    runs = [(zoo.model(task.key, key), part) for key in models for part in PARTS]
    x, precision = torch.from_numpy(shown.x.copy()), device.step_precision()

    def call(on_progress: OnProgress, should_stop: ShouldStop) -> list[RegionAttack]:
        found: list[RegionAttack] = []
        for model, part in runs:
            before, of = len(found) * attack.steps, len(runs) * attack.steps
            steps = partial(_told, on_progress, before, of)
            found.append(attack_region(model, x, box, part, attack, on_progress=steps, precision=precision))
        return found

    return call


def _told(on_progress: OnProgress, before: int, of: int, done: int, steps: int) -> None:
    """One run's progress among all."""
    on_progress(before + done, of)


def _panels(task: Task, models: Sequence[str], shown: ModelInput, found: Sequence[RegionAttack]) -> Iterator[Panel]:
    """Two panels a network; while the attack is on its way they show the picture as it came."""
    made = {(one.model, one.part): one for one in found}
    change = session.page_choice(AdversarialChoice).shown == "change"
    factor = map_png.amplification([one.delta for one in found])
    for model in models:
        for part in PARTS:
            key, one = f"{model},{part}", made.get((model, part))
            if one is None:
                yield Panel(key, model_name(model), f"to be {WHERE[part]}", data_url(shown.x[0]), model=model)
                continue
            pixels = (0.5 + factor * one.delta).astype(np.float32) if change else one.x_adv
            note = f"the change {WHERE[part].split()[1]}, × {factor}" if change else WHERE[part]
            answer = region.changed_answer(task, one)
            yield Panel(key, model_name(model), note, data_url(pixels), model=model, answers=[answer])


def to_npz(found: Sequence[RegionAttack]) -> bytes:
    """All arrays by name, network and part, with what decides them."""
    arrays: dict[str, NDArray[np.float32]] = {
        f"{name}__{one.model}__{one.part}": getattr(one, name)
        for one in found
        for name in ("x_adv", "delta", "probs", "probs_adv")
    }
    settings = {"task": found[0].task, "attacks": {f"{one.model}__{one.part}": one.settings for one in found}}
    return npz(arrays | {"x": found[0].x}, settings)


def _guide() -> None:
    how_to_read(
        "Each network is attacked on its own, away from its answer: once only pixels in the box may change, once only "
        "those outside. An answer that falls to changes outside hangs on more than what is in the box. The larger "
        "part has more pixels to change: hold it against the box's share of the area.",
        "PGD: Madry et al. 2018, arXiv:1706.06083; in L2 without a random start. That attacks work outside of what "
        "a map marks: Woods, Chen, Teuscher 2019, arXiv:1906.02896, first version." + device.steps_in_words(),
    )
