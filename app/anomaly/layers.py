"""Which layers would have to change: the profile of an image over the band of normal ones, and its nearest of those."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from html import escape

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app.anomaly import figures, results
from app.anomaly.choice import TENSORS, AnomalyChoice, heads
from app.anomaly.names import HEADS, LABELS, enumeration, share_text
from app.state import judgements, pictures, session, zoo
from app.state.choice import Choice
from app.state.errors import guard
from app.state.names import model_name
from app.state.pictures import ModelInput
from app.ui import charts, tiles
from app.ui.colours import model_colour
from app.ui.controls import pick
from app.ui.data_urls import data_url
from app.ui.elements import how_to_read, ink, network_name
from app.ui.task_progress import LongTask, watch
from core.anomaly.measurements import MAIN, PROBES
from core.anomaly.reference import Reference
from core.data.tasks import Task

NEAREST = 6


def controls(task: Task) -> None:
    """Label, loss, and the tensors that count."""
    part = session.page_choice(AnomalyChoice)
    left, middle, right = st.columns([1.4, 1.4, 1.2], gap="medium", vertical_alignment="bottom")
    with left:
        st.selectbox(
            "Label that is asked for", list(LABELS), format_func=LABELS.__getitem__,
            help="A confounding label is one that no training picture had.",
            **session.binding("label", "anomaly.label"),
        )  # fmt: skip
        if part.some:
            st.slider("Classes in it, m", 1, task.classes, **session.binding("m", f"anomaly.m.{task.key}"))
    middle.segmented_control(
        "Loss", heads(part.label), format_func=HEADS.__getitem__, required=True, width="stretch",
        help="Binary cross-entropy on sigmoids or on the softmax, summed over classes; or cross-entropy.",
        **session.binding("head", "anomaly.head"),
    )  # fmt: skip
    pick(
        "Layers",
        TENSORS,
        place=right,
        width="stretch",
        help="Every tensor: BatchNorm's scales and shifts and biases, too.",
        **session.binding("tensors", "anomaly.tensors"),
    )


def references(task: Task, models: Sequence[str]) -> dict[str, Reference]:
    """By network where normal pictures lie under the chosen label; those that are not known are left out."""
    part = session.page_choice(AnomalyChoice)
    found = {}
    for key in models:
        with guard():
            one = results.reference_of(task.key, key, part.probe, part.tensors == "all")
            if one is not None:
                found[key] = one
    return found


def normals_invitation(task: Task, models: Sequence[str]) -> None:
    """Measure the normal pictures under the chosen label beside the page, where the data set is; else say so."""
    part = session.page_choice(AnomalyChoice)
    own = judgements.on_own_pictures(task.key, models)
    if own and part.probe != PROBES[MAIN]:
        st.caption(
            f"What is normal to {enumeration([model_name(key) for key in own])} was measured on pictures of somebody's "
            f"own, under one label alone: {LABELS['ones']}, {HEADS['sigmoid']}."
        )
        models = [key for key in models if key not in own]
    missing = [key for key in models if results.normal_norms(task.key, key, part.probe) is None]
    if not missing:
        return
    if not pictures.data_there(task.key):
        known = references(task, models)
        unknown = [model_name(key) for key in models if key not in known]
        if unknown:
            way = f" `robustscope data fetch {task.key}` brings it." if task.trained else ""
            st.info(
                f"What is normal to {enumeration(unknown)} under this label did not ship: it is measured on the data "
                f"set, which is not on this machine.{way}",
                icon=":material/info:",
            )
        return
    offer = LongTask(
        "anomaly.normals",
        ("normals", task.key, part.probe, *models),
        partial(results.measuring, task.key, models, part.probe),
        "Not all normal pictures are measured under this label.",
        "Measure them",
        ":material/play_arrow:",
        lambda work: f"Normal pictures under this label: {work.done:,} of {work.of:,}",
        automatic=True,
        changed=lambda: any(results.normal_norms(task.key, key, part.probe) is not None for key in missing),
    )
    if watch(offer) is not None:  # measured, and dropped since
        watch(replace(offer, key=("normals", task.key, part.probe, *models, *missing)))


def profiles(task: Task, models: Sequence[str], shown: ModelInput, found: dict[str, Reference]) -> None:
    """A column a network: its profile over the band, and how odd that is."""
    part = session.page_choice(AnomalyChoice)
    squared = {key: results.norms(task, key, shown.digest, shown.x, part.probe) for key in found}
    values = {key: one.values(squared[key])[0] for key, one in found.items()}
    if not found:
        return
    span = figures.span_of([*values.values(), *(one.band for one in found.values())])
    for place, key in zip(st.columns(len(models), gap="medium"), models, strict=True):
        with place:
            if key in found:
                _profile(task, key, found[key], squared[key], span)
            else:
                st.caption(f"{model_name(key)}: what is normal under this label is not known yet.")


def _profile(task: Task, key: str, one: Reference, squared: NDArray[np.float32], span: tuple[float, float]) -> None:
    names = [name for name, counts in zip(layers(task, key), one.chosen, strict=True) if counts]
    values = one.values(squared)[0]
    outside = int(((values < one.band[0]) | (values > one.band[2])).sum())
    p_value = float(one.p_value(squared)[0])
    said = f"{outside} of {len(names)} layers outside of the band"
    st.html(
        f'<div class="rs-head" style="--rs-colour: {model_colour(key)}"><span class="rs-name">'
        f"{escape(model_name(key))}</span></div>"
        f'<div class="rs-small" data-profile="{escape(key)}" data-outside="{outside}" data-p="{p_value:.4f}">{said}; '
        f"by their norms alone as odd as {share_text(p_value)} of normal pictures</div>"
    )
    figure = figures.profile(names, one.band, values, span, key, ink())
    charts.show(figure, key=f"anomaly-profile-{key}", alt=f"{model_name(key)}: {said}")


def layers(task: Task, key: str) -> tuple[str, ...]:
    """The names of a network's tensors."""
    return results.layer_names(task.key, key, zoo.cards_of(task.key)[key].sha256)


def profile_guide(found: dict[str, Reference]) -> None:
    """How to read the profiles."""
    n = sorted({len(one.normals) for one in found.values()})
    how_to_read(
        "Each dot says how far the weights of one layer would have to move for the network to give the label asked "
        "for: the squared length of the loss's gradient, as a power of ten. Bars: 5 to 95 % of "
        f"{' or '.join(f'{count:,}' for count in n)} normal pictures, with the median; red dots lie outside. About one "
        "in ten dots of a normal picture does, too. Which way odd pictures go is not given by theory, so both count. A "
        "picture may be odd with no red dot: layers go up and down together, and the share above counts that, too.",
        "Lee et al. 2022, arXiv:2206.08255; Lee, AlRegib 2020, arXiv:2008.08030, Sec. 4.",
    )


def nearest(task: Task, choice: Choice, shown: ModelInput, found: dict[str, Reference]) -> None:
    """For each network the normal pictures whose profiles are nearest to this one's."""
    part = session.page_choice(AnomalyChoice)
    here = pictures.data_there(task.key)
    waits = [model_name(key) for key in found if here and results.normal_norms(task.key, key, part.probe) is None]
    if waits:
        st.caption(f"Those for {enumeration(waits)} come once the normal pictures are measured.")
    for key, one in found.items():
        measured = results.normal_norms(task.key, key, part.probe)
        squared = results.norms(task, key, shown.digest, shown.x, part.probe)[0]
        with guard():
            if measured is not None:
                near = _of_data(task, one, measured, squared)
            elif not here:
                near = _of_gallery(task, choice, key, one, squared, part, shown)
            else:
                continue
            show_nearest("data-nearest", key, near)


def show_nearest(mark: str, key: str, pictures_near: str) -> None:
    """A network's nearest pictures, in a row under its name, with their files."""
    tiles.show(
        f'<div class="rs-nearest" {mark}="{escape(key)}"><div class="rs-of-tiles">{network_name(key)}</div>'
        f'<div class="rs-strip rs-six">{pictures_near}</div></div>',
        f"{mark.removeprefix('data-')}-{key}",
    )


def _of_data(task: Task, one: Reference, measured: NDArray[np.float32], squared: NDArray[np.float32]) -> str:
    images = results.normal_images(task.key)
    assert images is not None
    chosen = one.nearest(measured, squared, NEAREST)
    return "".join(
        tile(images.images(int(index), int(index) + 1)[0].numpy(), task.class_names[int(images.labels[index])])
        for index in chosen
    )


def _of_gallery(
    task: Task, choice: Choice, key: str, one: Reference, squared: NDArray[np.float32], part: AnomalyChoice,
    shown: ModelInput,
) -> str:  # fmt: skip
    """The gallery's other pictures, where there are no pictures of the data set."""
    every = [pictures.model_input(task.key, name, choice.fit, choice.invert) for name in pictures.items(task.key)]
    digests = " ".join(each.digest for each in every)  # in one pass: one by one takes three times as long
    measured = results.norms(task, key, digests, np.concatenate([each.x for each in every]), part.probe)
    others = [index for index, each in enumerate(every) if each.digest != shown.digest]
    chosen = one.nearest(measured[others], squared, NEAREST)
    near = [every[others[index]] for index in chosen.tolist()]
    return "".join(tile(each.x[0], each.title) for each in near)


def tile(x: NDArray[np.float32], words: str) -> str:
    """A picture above its words."""
    return f'<figure><img src="{data_url(x)}" alt="{escape(words)}"><figcaption>{escape(words)}</figcaption></figure>'


def nearest_guide(task: Task) -> None:
    """How to read the nearest pictures."""
    if pictures.data_there(task.key):
        text = (
            f"Of {results.NORMALS:,} pictures of {task.title} that no network was trained on (its calibration split), "
            "those whose gradient norms are most like this picture's, nearest first, with their true classes."
        )
    else:
        text = (
            "The data set is not on this machine, so these are the gallery's other pictures, nearest first: "
            "photographs of which nothing says that they are normal to the networks."
        )
    how_to_read(
        f"{text} Near means: by the detector's own distance between two profiles, whatever the pictures show. Where "
        "they have little in common with the picture, the score does not rest on what it shows.",
        "Mahalanobis distance of log-norms; our addition.",
    )
