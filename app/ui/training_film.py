"""The film of gradient maps while networks learn."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from app.state.names import model_name
from app.state.training_job import Job
from app.ui import elements
from app.ui.colours import gradient_css, model_colour, signed_colours
from app.ui.data_urls import bytes_url, data_url
from app.ui.film import Caption, Track, film
from app.ui.presenter import SIGNED, Face, Slide, network
from core.data.tasks import Task, task_named
from core.training.jobs.messages import Point, Ready

MOST_SHOWN = 3  # networks side by side in the film


def show_film(jobs: Sequence[Job], own_scale: bool) -> None:
    """The gradient maps of trainings of one task at every moment, under the pictures that they are of."""
    begun = _begun(jobs)
    if not begun:
        return
    task, ready = _watched(begun)
    scales = _scales(begun, own_scale)
    tracks = [_track(job, task, ready, scales[job.id]) for job in begun]
    learning = [job for job in begun if job.active]
    labels = [task.class_names[label] for label in ready.labels]
    film(ready.pictures, labels, tracks, len(learning[-1].points) - 1 if learning else None, f"film-{task.key}")
    scale = (
        "each network's strongest value"
        if own_scale
        else f"± {elements.two_figures(max(scales.values()))} logits from black to white"
    )
    st.html(
        f'<div class="rs-scale" style="max-width: 26rem"><i style="background: {gradient_css()}"></i>'
        f"<span><b>lowers the score</b><b>0</b><b>raises it</b></span></div>"
        f'<div class="rs-small">Full colour at {scale}; the same over the whole film.</div>'
    )


def film_slides(jobs: Sequence[Job], own_scale: bool) -> list[Slide]:
    """The film for a room: a slide a picture, a panel a network; its last moment, and the first to blink with."""
    begun = _begun(jobs)
    task, ready = _watched(begun)
    scales = _scales(begun, own_scale)
    return [
        Slide(
            str(number),
            f"What do they look at? {task.class_names[label]}",
            tuple(
                network(
                    job.order.key,
                    *(
                        _face(job.points[at], name, number, task, ready, scales[job.id])
                        for name, at in _MOMENTS.items()
                    ),
                )
                for job in begun
            ),
            over="map",
            covered=True,
            legend=SIGNED,
        )
        for number, label in enumerate(ready.labels)
    ]


_MOMENTS = {"last": -1, "first": 0}


def _face(point: Point, name: str, number: int, task: Task, ready: Ready, scale: float) -> Face:
    """A picture, its map and the network's answer at a moment."""
    picture = data_url(ready.pictures[number].astype(np.float32) / 255)
    colours = np.rint(signed_colours(point.maps[number].astype(np.float32), scale)).astype(np.uint8)
    answer, right = _captions(point, task, ready)[number]
    moment = f"{name} moment, {point.at:.1f} epochs"
    return Face(moment, picture, bytes_url(colours), answer, "right" if right else "wrong")


def film_guide() -> None:
    """How to read the film."""
    elements.how_to_read(
        "Each map belongs to the picture above it: orange pixels raise the score of the true class when they get "
        "brighter, purple pixels lower it; the shade grows with the square root of the value. Below it stands what the "
        "network answers at that moment, and how sure it is. Drag the slider, or press play, to go through the "
        "training. The pictures are of the validation set, and no network learns from them.",
        "Input gradients: Simonyan et al. 2014, arXiv:1312.6034; of robust networks: Tsipras et al. 2019, "
        "arXiv:1805.12152.",
    )


def _begun(jobs: Sequence[Job]) -> list[Job]:
    """The newest trainings that have something to show."""
    return [job for job in jobs if job.ready is not None and job.points][-MOST_SHOWN:]


def _watched(begun: Sequence[Job]) -> tuple[Task, Ready]:
    """The task of trainings, and the pictures that are watched."""
    ready = begun[0].ready
    assert ready is not None
    return task_named(begun[0].order.task), ready


def _scales(begun: Sequence[Job], own_scale: bool) -> dict[str, float]:
    """By training where its maps reach their full colour: its own strongest value, or that of all."""
    strongest = {job.id: _strongest(job) for job in begun}
    return strongest if own_scale else dict.fromkeys(strongest, max(strongest.values()))


def _strongest(job: Job) -> float:
    """Where a training's maps reach their full colour: nearly its largest value, so that one pixel decides nothing."""
    return float(max(np.quantile(np.abs(point.maps.astype(np.float32)), 0.998) for point in job.points)) or 1.0


def _track(job: Job, task: Task, ready: Ready, scale: float) -> Track:
    return Track(
        model_name(job.order.key),
        model_colour(job.order.key),
        [point.maps for point in job.points],
        scale,
        [point.at for point in job.points],
        [_captions(point, task, ready) for point in job.points],
    )


def _captions(point: Point, task: Task, ready: Ready) -> list[Caption]:
    return [
        (f"{task.class_names[answer]} {prob * 100:.0f} %", bool(answer == label))
        for answer, prob, label in zip(point.answers, point.probs.astype(float), ready.labels, strict=True)
    ]
