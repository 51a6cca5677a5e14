"""Where a picture lies among others in each network's own features, and where an attack takes it; a click opens one."""

from functools import partial
from html import escape

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app.anomaly import features, figures, layers, python_program
from app.anomaly.features import AttackedPictures, FeaturedPictures
from app.state import session
from app.state.choice import Choice
from app.state.epsilon_scale import radius_text
from app.state.names import model_name
from app.state.pictures import ModelInput
from app.ui import charts, python_code
from app.ui.colours import model_colour
from app.ui.downloads import downloads, npz
from app.ui.elements import how_to_read, ink
from app.ui.task_progress import watch
from core.data.tasks import Task
from core.explanations.network_features import STEPS, PulledPicture
from core.metrics.projection import Projection, nearest, principal_plane

NEAREST = 6


def show_map(task: Task, choice: Choice, shown: ModelInput) -> None:
    """A map a network, side by side."""
    models = features.with_features(task, choice.models)
    done = watch(features.of_gallery(choice, models, "map")) if models else None
    if done is None:
        return
    found: FeaturedPictures = done.result
    place = st.container()
    attacked = watch(features.of_attacked(choice, models))
    moved: AttackedPictures | None = attacked.result if attacked is not None else None
    planes = {key: principal_plane(found.features[key][found.familiar]) for key in models}
    pulls = {key: features.pulled(task, key, shown) for key in models}
    with place, st.container(key="networks-embedding"):
        for column, key in zip(st.columns(len(models), gap="medium"), models, strict=True):
            with column:
                _map(task, key, found, planes[key], pulls[key], moved)
    how_to_read(
        f"A dot is one of the gallery's {int(found.familiar.sum())} pictures, where its features lie in the plane in "
        "which the gallery's spread most; pictures that are near share what the last layer reads. Names stand at the "
        "middle of a class's pictures. An arrow leads from a picture to its attacked form, the bold one from yours: "
        f"PGD away from the answer, {STEPS} steps, {radius_text('linf', task.radii['linf'])}. Diamonds are unfamiliar "
        "pictures, each joined to the gallery's nearest in all dimensions. The plane shows only the share of spread "
        "named above it: what is near here may be far. A click on a dot or an arrow's head opens the picture; "
        "unfamiliar ones are not the gallery's, and stay closed.",
        "Principal components: Pearson 1901. Features: the pooled input of the last layer.",
    )
    downloads(
        f"embedding-{task.key}", ("All features as NPZ", "npz", partial(map_npz, task, found, planes, pulls, moved))
    )
    python_code.show(python_program.embedding(choice, models))


def _map(
    task: Task,
    key: str,
    found: FeaturedPictures,
    plane: Projection,
    pull: PulledPicture,
    moved: AttackedPictures | None,
) -> None:
    spread = float(plane.explained.sum())
    step = float(np.linalg.norm(pull.features_adv - pull.features))
    said = (
        f"{task.class_names[pull.before]} → {task.class_names[pull.after]} under attack"
        if pull.before != pull.after
        else f"{task.class_names[pull.before]}, also under attack"
    )
    st.html(
        f'<div class="rs-head" style="--rs-colour: {model_colour(key)}"><span class="rs-name">'
        f'{escape(model_name(key))}</span></div><div class="rs-small" data-embedding="{escape(key)}" '
        f'data-step="{step:.4f}">{escape(said)}. The plane holds {spread * 100:.0f} % of the spread.</div>'
    )
    own = found.features[key]
    familiar, others = (np.flatnonzero(which).tolist() for which in (found.familiar, ~found.familiar))
    near = [familiar[nearest(own[familiar], own[index], 1)[0]] for index in others]
    places = plane.place(own)
    figure = figures.embedding(
        figures.Dots(
            places[familiar],
            [found.keys[index] for index in familiar],
            [_told(task, found, key, index) for index in familiar],
            _middles(task, found, places),
            None if moved is None else plane.place(moved.features[key]),
            [] if moved is None else _turned(task, found, key, moved),
        ),
        plane.place(np.stack([pull.features, pull.features_adv])),
        figures.Strangers(places[others], places[near], [_told(task, found, key, index) for index in others]),
        model_colour(key),
        ink(),
    )
    charts.show(
        figure, key=f"embedding-{key}", on_select=partial(open_clicked, key), selection_mode="points",
        alt=f"{model_name(key)}: {said}",
    )  # fmt: skip


def _middles(task: Task, found: FeaturedPictures, places: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """The middle of the pictures of each class that has some."""
    return {
        name: np.median(places[found.labels == label], axis=0)
        for label, name in enumerate(task.class_names)
        if (found.labels == label).any()
    }


def _told(task: Task, found: FeaturedPictures, key: str, index: int) -> str:
    return f"{found.titles[index]}: {task.class_names[found.answers[key][index]]}"


def _turned(task: Task, found: FeaturedPictures, key: str, moved: AttackedPictures) -> list[str]:
    """What is written on each attacked picture of the gallery: its answers before and after."""
    names, before = task.class_names, found.answers[key][found.familiar]
    told = zip(found.titles, before.tolist(), moved.answers[key].tolist(), strict=False)  # unfamiliar ones come last
    return [f"{title}, attacked: {names[old]} → {names[new]}" for title, old, new in told]


def open_clicked(key: str) -> None:
    """Choose the picture that was clicked."""
    points = st.session_state[f"embedding-{key}"]["selection"]["points"]
    names = [point["customdata"] for point in points if point.get("customdata")]
    if names:
        session.set_field("image", names[0][0] if isinstance(names[0], list) else names[0])


def map_npz(
    task: Task,
    found: FeaturedPictures,
    planes: dict[str, Projection],
    pulls: dict[str, PulledPicture],
    moved: AttackedPictures | None,
) -> bytes:
    """Features by network, of the pictures, once attacked, of yours, and the planes."""
    arrays: dict[str, NDArray[np.generic]] = {"labels": found.labels}
    for key, plane in planes.items():
        arrays |= {f"features__{key}": found.features[key], f"axes__{key}": plane.axes, f"centre__{key}": plane.centre}
        if moved is not None:
            arrays[f"features_adv__{key}"] = moved.features[key]
        arrays |= {f"picture__{key}": pulls[key].features, f"picture_adv__{key}": pulls[key].features_adv}
    settings = {"task": task.key, "keys": list(found.keys), "titles": list(found.titles)}
    return npz(arrays, settings | {"epsilon": task.radii["linf"], "steps": STEPS, "seed": 0})


def show_nearest(task: Task, choice: Choice, shown: ModelInput, here: bool) -> None:
    """For each network the pictures whose features are nearest: of the data set where it is, else of the gallery."""
    models = features.with_features(task, choice.models)
    if not models:
        return
    done = watch(features.of_calibration(choice, models) if here else features.of_gallery(choice, models, "near"))
    if done is None:
        return
    found: FeaturedPictures = done.result
    kept = np.arange(len(found.labels)) if here else np.flatnonzero(found.familiar & _others(found, shown))
    for key in models:
        own = features.pulled(task, key, shown).features
        chosen = kept[nearest(found.features[key][kept], own, NEAREST)]
        layers.show_nearest("data-near", key, "".join(_tile(found, index) for index in chosen.tolist()))
    of = f"{len(kept):,} pictures of {task.title} that no network was trained on" if here else "the gallery's others"
    how_to_read(
        f"Of {of}, those whose features are nearest to this picture's, nearest first: the features are what the last "
        "layer reads. Where they show other things, the network answers from something else than what is seen.",
        "Euclidean distance of pooled features.",
    )


def _tile(found: FeaturedPictures, index: int) -> str:
    return layers.tile(found.levels[index].astype(np.float32) / 255, found.titles[index])


def _others(found: FeaturedPictures, shown: ModelInput) -> NDArray[np.bool_]:
    """Which pictures are not the one that is looked at (n,)."""
    differs: NDArray[np.bool_] = (found.levels != np.rint(shown.x * 255).astype(np.uint8)).any((1, 2, 3))
    return differs
