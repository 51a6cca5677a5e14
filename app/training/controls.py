"""The controls of the page Train: what to train, the line of trainings, and a visitor's own networks."""

from dataclasses import replace
from functools import partial

import streamlit as st

from app.state import pictures, session, visitors, zoo
from app.state.errors import guard
from app.state.names import model_name
from app.state.training_job import Job
from app.state.training_queue import jobs
from app.training import progress, python_program
from app.training.choice import (
    EPOCHS,
    IMAGES,
    formula,
    needs_teacher,
    pair,
    read,
    refusal,
    settings,
    to_query,
    with_field,
)
from app.ui import elements, python_code
from app.ui.controls import pick
from core.data.tasks import FASHION_MNIST, TASKS, task_named, trained_tasks
from core.errors import InputError
from core.models.bundle import MAX_ZIP_BYTES, install, pack, unpack
from core.training.jobs.messages import LEAST_IMAGES, MOST_EPOCHS, TrainingRequest
from core.training.recipes.registry import RECIPES, recipes_for
from core.training.recipes.settings import Setting

_ORDER, _SEEN, _NOTES, _NAME = "training.order", "training.seen", "training.notes", "training.name"


def start() -> str:
    """Read the order from the address where that is new; returns the visitor's name."""
    visitor = visitors.introduce()
    visitors.note_visit(visitor)
    session.aside("training")
    query = st.query_params.to_dict()
    if _ORDER not in st.session_state or (query and query != st.session_state[_SEEN]):
        st.session_state[_ORDER], st.session_state[_NOTES] = read(query, _teachers())
        st.session_state[_SEEN] = query
    return visitor


def _teachers() -> dict[str, list[str]]:
    return {task: list(zoo.cards_of(task)) for task in TASKS}


def _order() -> TrainingRequest:
    return st.session_state[_ORDER]


def _take(field: str, key: str) -> None:
    if st.session_state[key] is None:  # a number was wiped out: the old one comes back
        return
    _set(with_field(_order(), field, st.session_state[key], _teachers()))


def _take_setting(path: str, key: str) -> None:
    value = st.session_state[key]
    changes = {name: kept for name, kept in _order().changes.items() if name != path}
    same = any(setting.path == path and setting.value == value for setting in settings(_order()))
    _set(replace(_order(), changes=changes if same or value is None else changes | {path: value}))


def _set(order: TrainingRequest) -> None:
    st.session_state[_ORDER], st.session_state[_NOTES] = order, []
    st.session_state[_SEEN] = to_query(order)
    st.query_params.from_dict(to_query(order))


def choose(visitor: str) -> None:
    """Both ways to begin: the pair at one click, and any recipe."""
    elements.notes(st.session_state[_NOTES])
    left, right = st.columns([1, 1.9], gap="large")
    with left:
        with st.container(border=True):
            _pair(visitor)
        progress.rules()
    with right, st.container(border=True):
        _recipe(visitor)


def _pair(visitor: str) -> None:
    st.subheader("Two networks, one difference", anchor=False)
    st.markdown(
        f"Two networks of the same build learn garments from the same {IMAGES:,} pictures, {EPOCHS} times over. The "
        "first learns from the pictures as they are, the second from pictures moved a little against it. "
        "Watch where their gradient maps part."
    )
    there = pictures.data_there(FASHION_MNIST.key)
    if st.button(
        "Train a standard and a robust network on garments",
        type="primary",
        width="stretch",
        key="training.pair",
        disabled=not there,
    ):
        with guard():
            _submit(visitor, pair())
    if there:
        st.caption("At most three minutes for both, on two idle cores.")
    else:
        progress.no_data(FASHION_MNIST)


def _recipe(visitor: str) -> None:
    st.subheader("Any recipe", anchor=False)
    order = _order()
    task = task_named(order.task)
    first, second = st.columns(2)
    with first:
        _pick("task", "What it learns", trained_tasks(), {key: one.title for key, one in TASKS.items()})
    with second:
        _pick("recipe", "How it learns", recipes_for(task), {key: entry.title for key, entry in RECIPES.items()})
    entry = RECIPES[order.recipe]
    progress.recipe(entry, formula(order))
    if needs_teacher(order):
        known = _teachers()[order.task]
        _pick("teacher", "Network it learns from", known, {key: model_name(key) for key in known})
        if entry.teacher:
            st.caption(entry.teacher)
    found = settings(order)
    for row in range(0, len(found), 2):
        for column, setting in zip(st.columns(2), found[row : row + 2], strict=False):
            with column:
                _setting(order, setting)
    counts = st.columns(3)
    with counts[0]:
        _count("images", "Pictures", f"Learn from the first so many of the training set, {LEAST_IMAGES} or more.")
    with counts[1]:
        _count("epochs", "Epochs", f"How often all of them are seen, up to {MOST_EPOCHS} times.")
    with counts[2]:
        _count("seed", "Seed", "Of everything random: the same seed gives the same network.")
    named, begin = st.columns([1.6, 1], vertical_alignment="bottom")
    name = named.text_input("Name of the network", value=entry.title, max_chars=40, key=f"{_NAME}.{order.recipe}")
    there, refused = pictures.data_there(task.key), refusal(order)
    if refused:
        st.error(refused, icon=":material/error:")
    if not there:
        progress.no_data(task)
    if begin.button("Start training", width="stretch", key="training.start", disabled=not there or refused is not None):
        with guard():
            _submit(visitor, [(order, name)])


def _pick(field: str, label: str, options: list[str], titles: dict[str, str]) -> None:
    key = f"training.{field}"
    value = getattr(_order(), field)
    st.session_state[key] = value if value in options else None
    st.selectbox(
        label,
        options,
        format_func=lambda option: titles.get(option, option),
        key=key,
        on_change=_take,
        args=(field, key),
    )


def _count(field: str, label: str, sentence: str) -> None:
    key = f"training.{field}"
    st.session_state[key] = getattr(_order(), field)
    st.number_input(label, step=1, key=key, on_change=_take, args=(field, key))
    st.caption(sentence)


def _setting(order: TrainingRequest, setting: Setting) -> None:
    key = f"training.set.{order.recipe}.{setting.path}"
    st.session_state[key] = order.changes.get(setting.path, setting.value)
    if setting.options:
        st.selectbox(setting.title, setting.options, key=key, on_change=_take_setting, args=(setting.path, key))
    elif isinstance(setting.value, int):
        st.number_input(setting.title, step=1, key=key, on_change=_take_setting, args=(setting.path, key))
    elif isinstance(setting.value, float):
        step = 0.5 if setting.value >= 2 else 0.1 if setting.value > 0.5 else 0.005
        st.number_input(
            setting.title,
            step=step,
            format="%.4g",
            key=key,
            on_change=_take_setting,
            args=(setting.path, key),
        )
    st.caption(setting.sentence)


def _submit(visitor: str, wanted: list[tuple[TrainingRequest, str]]) -> None:
    """Put orders in line under names that are still free."""
    taken = [*visitors.model_keys(visitor), *(job.order.key for job in jobs().of(visitor))]
    orders = []
    for order, name in wanted:
        key = visitors.own_key(name, taken)
        taken.append(key)
        files = zoo.model_files(order.task, order.teacher) if order.teacher and needs_teacher(order) else {}
        orders.append((replace(order, key=key), files))
    jobs().submit(visitor, orders)
    st.rerun()


def own_scale() -> bool:
    """Whether each network's maps have a colour scale of their own."""
    chosen = pick(
        "Colour scale of the maps",
        {"own": "each network its own", "shared": "shared"},
        default="own",
        help="Each its own: the shape of weak maps shows. Shared: strengths compare between the networks.",
        key="training.scale",
    )
    return chosen != "shared"


def steer(job: Job) -> None:
    """The buttons of one training."""
    queue = jobs()
    with st.container(horizontal=True, gap="small"):
        if job.state == "running":
            _button("Pause", ":material/pause:", "pause", job, queue.pause)
        if job.state == "paused":
            _button("Go on", ":material/play_arrow:", "go", job, _go)
        if job.resumable:
            _button("Resume", ":material/play_arrow:", "go", job, _go)
        if job.state in ("waiting", "running", "paused"):
            _button("Cancel", ":material/stop:", "stop", job, queue.stop)
        if not job.active:
            _button("Put away", ":material/close:", "forget", job, queue.forget)
        python_code.show(python_program.program(job.order))


def _go(job: Job) -> None:
    with guard():
        jobs().go(job)


def _button(label: str, icon: str, action: str, job: Job, run: object) -> None:
    st.button(label, icon=icon, key=f"training.{action}.{job.id}", on_click=run, args=(job,))  # type: ignore[arg-type]


def shelf(visitor: str) -> None:
    """The visitor's own networks: to compare, download and remove; and the way to load one."""
    st.header("Your networks", anchor=False)
    st.caption(
        f"They stand beside the others on every page of this browser, nobody else sees them, and they are kept for "
        f"{visitors.DAYS} days after your last visit. Download what you want to keep."
    )
    mine = {task: zoo.own_cards(task) for task in zoo.tasks()}
    cards = [card for found in mine.values() for card in found.values()]
    for row in range(0, len(cards), 3):
        for column, card in zip(st.columns(3, gap="medium"), cards[row : row + 3], strict=False):
            with column:
                progress.own_network(card)
                with st.container(horizontal=True, gap="small"):
                    st.download_button(
                        "Download",
                        partial(
                            pack, visitors.models(visitor), card, model_name(card.key)
                        ),  # run later, outside of the visit
                        f"{card.key}.zip",
                        "application/zip",
                        icon=":material/download:",
                        key=f"training.download.{card.task}.{card.key}",
                        on_click="ignore",
                    )
                    st.button(
                        "Remove",
                        icon=":material/delete:",
                        key=f"training.remove.{card.task}.{card.key}",
                        on_click=visitors.remove,
                        args=(visitor, card.task, card.key),
                    )
    if not cards:
        st.markdown("None yet: the first appears here when its training is finished, or when you load one.")
    for task, found in mine.items():
        if found:
            progress.compare_link(task, list(found), "standard" in zoo.cards_of(task))
    _load(visitor)


def _load(visitor: str) -> None:
    with st.expander("Load a network that you downloaded", icon=":material/upload:"):
        files = st.file_uploader(
            "The ZIP, or its two files: weights (.safetensors) and card (.json)",
            ["zip", "safetensors", "json"],
            accept_multiple_files=True,
            key="training.upload",
            max_upload_size=MAX_ZIP_BYTES // 1_000_000,
        )
        if not st.button("Load it", key="training.load", disabled=not files):
            return
        with guard():
            name, parts = _parts([(file.name, file.getvalue()) for file in files])
            more = 1 + sum(job.active for job in jobs().of(visitor))
            key = visitors.own_key(name, visitors.model_keys(visitor))
            card = install(parts, key, visitors.models(visitor), partial(visitors.check_room, visitor, more))
            st.toast(f"{model_name(card.key)} is loaded: {task_named(card.task).title}.", icon=":material/check:")
            st.rerun()


def _parts(files: list[tuple[str, bytes]]) -> tuple[str, dict[str, bytes]]:
    """The name of what was uploaded, and card and weights by suffix.

    Raises:
        InputError: not one ZIP, nor one card with one weights file.
    """
    stems = {name.rpartition(".")[2].lower(): name.rpartition(".")[0].removeprefix("own-") for name, _ in files}
    if [*stems] == ["zip"] and len(files) == 1:
        return stems["zip"], unpack(files[0][1])
    if len(files) != 2 or {*stems} != {"safetensors", "json"}:
        raise InputError("Load either one ZIP, or one .safetensors file together with its .json card.")
    return stems["safetensors"], {f".{name.rpartition('.')[2].lower()}": data for name, data in files}
