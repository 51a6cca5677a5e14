"""The page without a code: join, open a workshop, or come back to one with its key."""

import os

import streamlit as st

from app.state import device, zoo
from app.state.errors import guard
from app.state.names import model_name
from app.workshop.choice import WorkshopLink, go
from app.workshop.offers import TYPES
from app.workshop.server import database, hub, secret, source
from core.data.datasets import data_root
from core.data.tasks import task_named
from core.errors import CoreError
from core.images import decode, fit
from core.text import escape_markdown
from core.workshop import leading
from core.workshop.codes import LENGTH, read_code
from core.workshop.rounds.catalogue import KINDS
from core.workshop.rounds.kind import Subject
from core.workshop.rounds.pair import WANTED as MOST_OWN
from core.workshop.rounds.poll import LONGEST_OPTION, LONGEST_QUESTION
from core.workshop.sessions import SESSIONS, Plan, prepare, subjects_of
from core.workshop.state import Leader, PreparedRound

LEADER, KEY = "workshop.leader", "workshop.key"
OWN = "own"


def page() -> None:
    """Three doors."""
    join, lead = st.columns([1, 1.6], gap="large")
    with join:
        st.header("Join", anchor=False)
        join_by_code()
        with st.expander("Come back as its presenter", icon=":material/key:"), guard():
            come_back("")
    with lead:
        st.header("Lead", anchor=False)
        _open()


def join_by_code() -> None:
    """The field for the code on the screen, which leads to its workshop."""
    with st.form("workshop.join", border=False):
        code = st.text_input("Code on the screen", max_chars=2 * LENGTH, key="workshop.code")
        if st.form_submit_button("Go to the workshop", type="primary") and code:
            go(WorkshopLink(join=read_code(code)))
            st.rerun()


def come_back(code: str) -> None:
    """The presenter returns with the key, from any machine, to the workshop that a link names or to another.

    Raises:
        InputError: code and key do not belong together, or too many were tried.
    """
    with st.form(f"workshop.back.{code}", border=False):
        typed = (
            st.text_input("Code of the workshop", code, max_chars=2 * LENGTH, key=f"workshop.back.code.{code}") or ""
        )
        key = st.text_input(
            "Presenter's key", type="password", max_chars=100, autocomplete="off", key="workshop.back.key"
        )
        if st.form_submit_button("Lead this workshop") and key:
            leader = leading.lead(database(), typed, key.strip(), source())
            leading.remember(database(), leader, secret())
            _enter(leader, key.strip(), read_code(typed))


def _enter(leader: Leader, key: str, code: str) -> None:
    st.session_state[LEADER], st.session_state[KEY] = leader, key
    go(WorkshopLink(lead=code))
    st.rerun()


def leader_of(code: str) -> Leader | None:
    """This session's right to lead, or this browser's, which has shown the key before; None without."""
    known: Leader | None = st.session_state.get(LEADER)
    if known is not None and hub().room(known.workshop).workshop.code == code:
        return known
    found = leading.leader_of(database(), code, secret())
    if found is not None:
        st.session_state[LEADER] = found
        st.session_state.pop(KEY, None)
    return found


def _open() -> None:
    """Choose a ready-made session or compose one; networks and pictures are prepared before the code is shown."""
    ready = {key: session for key, session in SESSIONS.items() if _possible(session.task, session.plans)}
    choice = st.radio(
        "Session",
        [*ready, OWN],
        format_func=lambda key: "Compose one" if key == OWN else f"{ready[key].title} ({ready[key].minutes} minutes)",
        captions=[*(session.sentence for session in ready.values()), "Your task, networks, rounds and polls."],
        key="workshop.session",
    )
    own: tuple[Subject, ...] = ()
    if choice == OWN or choice is None:
        task, plans, title = _composed()
        own = _own_pictures(task) if any(plan.kind == "pair" for plan in plans) else ()
    else:
        task, plans, title = ready[choice].task, list(ready[choice].plans), ready[choice].title
    title = st.text_input("Title", title, max_chars=leading.LONGEST_TITLE, key=f"workshop.title.{choice}") or title
    keeps = st.toggle(
        "Keep nicknames after the end", key="workshop.keeps",
        help="Else they are deleted when the workshop ends. The participants' door says which.",
    )  # fmt: skip
    if st.button("Open the workshop", type="primary", disabled=not plans):
        _prepare(title, task, plans, keeps, own)


def _possible(task: str, plans: tuple[Plan, ...]) -> bool:
    """Whether this server has the networks of a session."""
    here = zoo.cards_of(task)
    return all(key in here for plan in plans for key in plan.networks)


def _composed() -> tuple[str, list[Plan], str]:
    """Task, networks and rounds of the presenter's own."""
    tasks = zoo.zoo_tasks()
    task = st.selectbox("Task", tasks, format_func=lambda key: task_named(key).title, key="workshop.task") or tasks[0]
    networks = st.multiselect(
        "Networks, in this order", list(zoo.cards_of(task)), list(zoo.cards_of(task))[:2], format_func=model_name,
        max_selections=3, key=f"workshop.networks.{task}",
    )  # fmt: skip
    kinds = st.multiselect(
        "Rounds, in this order", [key for key in KINDS if key != "poll"], ["guess"],
        format_func=lambda key: KINDS[key].title, key="workshop.kinds",
    )  # fmt: skip
    plans = [Plan(key, tuple(networks[: KINDS[key].networks[1]])) for key in kinds]
    question = st.text_input("A poll of your own, at the end", max_chars=LONGEST_QUESTION, key="workshop.poll")
    if question:
        texts = st.text_area("Its answers, one a line", max_chars=8 * (LONGEST_OPTION + 1), key="workshop.poll.options")
        plans.append(Plan("poll", (), {"prompt": question, "options": tuple((texts or "").splitlines())}))
    return task, plans, "Workshop"


def _own_pictures(task: str) -> tuple[Subject, ...]:
    """Pictures of the presenter's own, for the round of two maps; nobody has to know their class."""
    files = st.file_uploader(
        f"Pictures of your own for “{KINDS['pair'].title}”, up to {MOST_OWN}; else those that ship", TYPES,
        accept_multiple_files=True, max_upload_size=10, key="workshop.pictures",
    )  # fmt: skip
    pictures = [decode(file.getvalue()).pixels for file in (files or [])[:MOST_OWN]]
    shape = task_named(task).shape
    return tuple(Subject(f"own {number}", fit(each, shape), None) for number, each in enumerate(pictures, 1))


def _prepare(title: str, task: str, plans: list[Plan], keeps: bool, own: tuple[Subject, ...]) -> None:
    """Make the rounds, with progress, and open the workshop."""
    bar = st.progress(0.0, "Preparing the pictures")
    try:
        subjects = subjects_of(task_named(task), int.from_bytes(os.urandom(4)), data_root())
        rounds: list[PreparedRound] = []
        for number, plan in enumerate(plans):

            def show(done: int, of: int, number: int = number, title: str = KINDS[plan.kind].title) -> None:
                bar.progress((number + done / of) / len(plans), f"Preparing “{escape_markdown(title)}”")

            drawn = own if own and plan.kind == "pair" else subjects
            rounds += prepare([plan], task, zoo.model, drawn, on_progress=show, precision=device.step_precision())
        workshop, key = leading.open_workshop(database(), title, rounds, keeps)
        leader = leading.leader_of(database(), workshop.code, key)
        assert leader is not None
        leading.remember(database(), leader, secret())
    except CoreError:
        bar.empty()
        raise
    _enter(leader, key, workshop.code)
