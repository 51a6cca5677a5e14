"""Where each training of the page Train stands, its curves, and the finished networks."""

from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go
import streamlit as st

from app.state import pictures
from app.state.epsilon_scale import radius_text
from app.state.names import model_name
from app.state.training_job import Job
from app.state.training_queue import AWAY
from app.ui import charts, elements
from app.ui.charts import SYMBOLS
from app.ui.colours import model_colour
from app.ui.task_progress import time_left
from app.ui.training_film import MOST_SHOWN
from core.data.tasks import Task, task_named
from core.models.zoo import Card
from core.training.recipes.entry import RecipeEntry
from core.training.recipes.registry import RECIPES


def no_data(task: Task) -> None:
    """What stands where a task's data set is missing."""
    with st.container(border=True):
        st.markdown(f"**{task.title} is not on this machine yet.** Fetch it once, then reload this page:")
        st.code(f"robustscope data fetch {task.key}", language=None, wrap_lines=True)
        st.caption(task.source)


def recipe(entry: RecipeEntry, formula: str) -> None:
    """What a recipe does, in a sentence and as its formula, with its source."""
    st.markdown(entry.sentence)
    st.code(formula, language=None, wrap_lines=True)
    st.caption(f"Source: {entry.source}")


def head(job: Job, place: int) -> None:
    """A training's name, what it learns from, and where it stands."""
    order, key = job.order, job.order.key
    epochs = f"{order.epochs} epoch{'s' if order.epochs > 1 else ''}"
    st.html(
        f'<div class="rs-head" style="--rs-colour: {model_colour(key)}" data-training="{escape(key)}" '
        f'data-state="{job.state}"><div class="rs-name">{escape(model_name(key))}</div><div class="rs-figures">'
        f"{escape(RECIPES[order.recipe].title)} · {escape(task_named(order.task).title)} · {order.images:,} pictures, "
        f"{epochs}, seed {order.seed}</div></div>"
    )
    st.progress(min(1.0, job.at / order.epochs), text=standing(job, place))
    if job.sentence:
        st.caption(f":material/info: {job.sentence}")


def standing(job: Job, place: int) -> str:
    """Where a training stands, in words."""
    done = f"{job.at:.1f} of {job.order.epochs} epochs"
    waiting = "Next in line" if place <= 1 else f"Waiting: {place} trainings are before it"
    learning = f"Learning: {done}, {time_left(job.left)}" if job.ready else "Starting: reading the pictures"
    return {
        "waiting": waiting,
        "running": learning,
        "paused": f"Paused after {done}; it stands still, nothing is lost",
        "stopping": f"Stopping after this step: {done}",
        "stopped": f"Stopped after {done}; it goes on from the last whole epoch",
        "failed": f"Failed after {done}; what was learned up to the last whole epoch is kept",
        "finished": "Finished: it is on your other pages now",
    }[job.state]


def curves(jobs: Sequence[Job]) -> None:
    """Accuracy on clean and attacked pictures, and the loss, against epochs."""
    begun = [job for job in jobs if job.points][-MOST_SHOWN:]
    if not begun or begun[0].ready is None:
        return
    ready = begun[0].ready
    epochs = max(job.order.epochs for job in begun)
    left, right = st.columns([1.6, 1], gap="large")
    with left:
        st.markdown(f"**Right answers**, in % of {ready.images} validation pictures")
        _accuracy(begun, epochs)
    with right:
        st.markdown("**Training loss**, in nats, each on its own recipe's pictures")
        _loss(begun, epochs)
    elements.how_to_read(
        f"Full lines: clean pictures. Dotted lines: the same pictures after PGD with {ready.steps} steps, at most "
        f"{radius_text('linf', ready.epsilon)} on each pixel (L∞). With {ready.images} pictures a point is sure to "
        "about ± 10 percentage points; the finished network's figures stand on its card below.",
        "Madry et al. 2018, arXiv:1706.06083.",
    )


def _accuracy(jobs: Sequence[Job], epochs: int) -> None:
    figure = go.Figure()
    for index, job in enumerate(jobs):
        colour, name = model_colour(job.order.key), model_name(job.order.key)
        for values, dash, what in (
            ([100 * point.clean for point in job.points], "solid", "clean"),
            ([100 * point.robust for point in job.points], "dot", "attacked"),
        ):
            figure.add_scatter(
                x=[point.at for point in job.points],
                y=values,
                mode="lines+markers",
                name=f"{name}, {what}",
                line={"color": colour, "width": 3.5, "dash": dash},
                marker={"size": 9, "symbol": SYMBOLS[index]},
                hovertemplate=f"{escape(name)}, {what}: %{{y:.1f}} %<br>after %{{x:.2f}} epochs<extra></extra>",
            )
    said = "; ".join(
        f"{model_name(job.order.key)}: {elements.percent(job.points[-1].clean)} clean, "
        f"{elements.percent(job.points[-1].robust)} attacked"
        for job in jobs
    )
    _chart(figure, epochs, [0, 101], "training.accuracy", f"Accuracy so far: {said}")


def _loss(jobs: Sequence[Job], epochs: int) -> None:
    figure = go.Figure()
    for index, job in enumerate(jobs):
        figure.add_scatter(
            x=[point.at for point in job.points],
            y=[point.loss for point in job.points],
            mode="lines+markers",
            name=model_name(job.order.key),
            line={"color": model_colour(job.order.key), "width": 3.5},
            marker={"size": 9, "symbol": SYMBOLS[index]},
            hovertemplate="%{y:.2f} nats after %{x:.2f} epochs<extra></extra>",
        )
    said = "; ".join(f"{model_name(job.order.key)}: {job.points[-1].loss:.2f}" for job in jobs)
    _chart(figure, epochs, None, "training.loss", f"Training loss so far: {said}")


def _chart(figure: go.Figure, epochs: int, span: list[float] | None, key: str, said: str) -> None:
    ink = elements.ink()
    figure.update_layout(
        height=340,
        margin={"l": 44, "r": 8, "t": 8, "b": 40},
        legend={"orientation": "h", "y": -0.22, "x": 0, "font": {"size": 14, "color": ink}},
        showlegend=True,
        dragmode=False,
        uirevision=key,
    )
    ticks = {"size": 14, "color": ink}
    figure.update_xaxes(range=[0, epochs], title={"text": "epochs", "font": ticks}, tickfont=ticks, fixedrange=True)
    figure.update_yaxes(range=span, rangemode="tozero", tickfont=ticks, fixedrange=True)
    charts.show(figure, width="stretch", height=340, key=key, alt=said)


def own_network(card: Card) -> None:
    """A visitor's network: name, task, figures, recipe."""
    lines = "<br>".join(escape(line) for line in elements.figures_in_words(card))
    st.html(
        f'<div class="rs-head" style="--rs-colour: {model_colour(card.key)}" data-own="{escape(card.key)}">'
        f'<div class="rs-name">{escape(model_name(card.key))}'
        f'<span class="rs-key">{escape(task_named(card.task).title)}</span></div>'
        f'<div class="rs-figures">{lines}<br>{escape(card.recipe[:300])}</div></div>'
    )


def compare_link(task: str, keys: Sequence[str], standard: bool) -> None:
    """The way to the page Compare, with the visitor's networks beside the standard one."""
    chosen = [*(["standard"] if standard else []), *keys[-3:]]
    image = {"image": "test:0"} if "test:0" in pictures.items(task) else {}
    st.page_link(
        "pages/compare.py",
        label=f"See them on Compare: {task_named(task).title}",
        icon=":material/compare:",
        query_params={"task": task, "models": ",".join(chosen)} | image,
    )


def rules() -> None:
    """What a visitor should know before they begin, on a server that others use too."""
    elements.how_to_read(
        "While a network learns you see, from the first step to the last, which pixels of six pictures move its score, "
        "and how often it is right on clean and on attacked pictures.",
        "Tsipras et al. 2019, arXiv:1805.12152.",
    )
    st.caption(
        "One training runs at a time on this server, on one core and at low priority; others wait in line. It goes on "
        f"while you look at the other pages. {AWAY:.0f} seconds after this tab is closed it stops; come back in the "
        "same browser, and it resumes from the last whole epoch. A cookie tells your networks from those of others."
    )
