"""The presenter's screen: code and QR, the question with live bars, the room's answer, and the controls."""

from collections.abc import Callable
from html import escape

import streamlit as st

from app.state.address import HERE_ALONE, answers_here_alone, room_address
from app.state.errors import guard
from app.ui.qr import qr_html
from app.workshop import doors, looks, offers, redraws, results
from app.workshop.choice import WorkshopLink
from app.workshop.doors import KEY
from app.workshop.server import POLL, database, hub
from core.text import escape_markdown
from core.workshop import leading, summary
from core.workshop.rounds.catalogue import kind_named
from core.workshop.state import Leader, Room, Round

TIMERS = {"30 s": 30.0, "1 min": 60.0, "2 min": 120.0}
MOST_NAMES = 30  # that can be hidden, the latest
NEXT = {"lobby": "Start", "question": "Reveal", "reveal": "Next", "finished": "Next"}


def page(link: WorkshopLink) -> None:
    """What leads the workshop of a link; somebody without its key is asked for it.

    Raises:
        InputError: no such workshop, or the key does not belong to it.
    """
    leader = doors.leader_of(link.lead)
    if leader is None:
        st.header("The presenter's key", anchor=False)
        doors.come_back(link.lead)
        return
    room = hub().room(leader.workshop)
    workshop = room.workshop
    redraws.begin()
    stage = st.container(key="ws-stage")
    _controls(leader, room)
    with stage:
        if link.round:
            results.revealed(room, room.rounds[link.round - 1])
        elif workshop.phase == "lobby":
            _lobby(leader, _shown(room), room_address(f"workshop?join={workshop.code}"))
        elif workshop.phase == "question" and (round_ := room.round) is not None:
            _question(leader, _shown(room), round_, room_address(f"workshop?join={workshop.code}"))
        elif workshop.phase == "reveal" and (round_ := room.round) is not None:
            _watch(leader, _shown(room))  # first, for what comes last may be lost
            results.revealed(room, round_)
        else:
            results.ended(room)
    redraws.end((workshop.code, workshop.step, workshop.accepting, link.round))


def _act(leader: Leader, action: Callable[[], None]) -> None:
    """Do what a button says, and have this server look at once; an error is shown where it is drawn next."""
    with guard():
        action()
        hub().changed(leader.workshop)


def _controls(leader: Leader, room: Room) -> None:
    workshop, base = room.workshop, database()
    with st.container(horizontal=True, vertical_alignment="center", key="ws-controls"):
        if workshop.phase != "finished":
            last = workshop.phase == "reveal" and workshop.position + 1 == len(room.rounds)
            st.button(
                "End" if last else NEXT[workshop.phase], type="primary", key="ws-next", on_click=_act,
                args=(leader, lambda: leading.move(base, leader, True, workshop.step)), shortcut="Right",
            )  # fmt: skip
        if workshop.phase != "lobby":
            st.button(
                "Back", key="ws-back", shortcut="Left", on_click=_act,
                args=(leader, lambda: leading.move(base, leader, False, workshop.step)),
            )  # fmt: skip
        if workshop.phase == "question":
            for label, seconds in TIMERS.items():
                st.button(
                    label, key=f"ws-timer-{seconds:g}", icon=":material/timer:", help=f"Ends in {label}", on_click=_act,
                    args=(leader, lambda seconds=seconds: leading.set_timer(base, leader, seconds)),
                )  # fmt: skip
            st.button(
                "Close" if workshop.accepting else "Open again", key="ws-close", on_click=_act,
                args=(leader, lambda: leading.close(base, leader, not workshop.accepting)),
            )  # fmt: skip
        with st.popover("More", icon=":material/more_horiz:"):
            _more(leader, room)


def _more(leader: Leader, room: Room) -> None:
    """The key, people, offers, the end."""
    key = st.session_state.get(KEY)
    st.markdown("**Presenter's key**, to come back from another machine. Who has it leads this workshop.")
    if key is None:
        st.caption("It was shown where the workshop was opened, and is not stored.")
    elif st.toggle("Show it", key="ws-show-key"):
        st.code(key, language=None, wrap_lines=True)
    st.markdown("**Offered pictures**")
    with guard():
        offers.inbox(leader, room)
    st.markdown("**People**")
    with st.container(horizontal=True, key="ws-people"):  # a full room's names, one below the other, fill the screen
        for number, name in room.names[:MOST_NAMES]:
            st.button(
                f"Hide {escape_markdown(name)}", key=f"ws-hide-{number}", on_click=_act,
                args=(leader, lambda number=number: leading.hide(database(), leader, number)),
            )  # fmt: skip
        if not room.names:
            st.caption("Nobody with a nickname.")
    if room.workshop.phase != "finished":
        st.button(
            "End the workshop now",
            key="ws-end",
            on_click=_act,
            args=(leader, lambda: leading.finish(database(), leader)),
        )


Shown = tuple[int, tuple[tuple[int, str], ...], int]


def _shown(room: Room) -> Shown:
    """What the page is drawn of besides what its fragments look up: the step, and the people and offers in `_more`."""
    return room.workshop.step, room.names[:MOST_NAMES], room.offers


def _again(leader: Leader, drawn: Shown) -> Room:
    """The room now; the whole page is drawn again where it shows something else, such as a step by another window."""
    room = hub().room(leader.workshop)
    if _shown(room) != drawn or redraws.due():
        st.rerun()
    return room


@st.fragment(run_every=POLL)
def _watch(leader: Leader, drawn: Shown) -> None:
    with guard():
        _again(leader, drawn)


@st.fragment(run_every=POLL)
def _lobby(leader: Leader, drawn: Shown, address: str) -> None:
    """How to join, for the back row, and who is here."""
    with guard():
        room = _again(leader, drawn)
        workshop = room.workshop
        names = "".join(f"<span>{escape(name)}</span>" for _, name in room.names)
        st.html(
            f'<div class="ws-lobby"><div><h2>{escape(workshop.title)}</h2><p>Open on your phone</p>'
            f'<p class="ws-address">{escape(address.partition("://")[2].partition("?")[0])}</p><p>and type</p>'
            f'<p class="ws-code" aria-label="Join code {" ".join(workshop.code)}">{workshop.code}</p>'
            f'<p class="ws-count" aria-live="polite"><b>{workshop.people}</b> {_people(workshop.people)} here</p>'
            f'<div class="ws-names">{names}</div></div>'
            f"<figure>{qr_html(address)}<figcaption>or scan</figcaption></figure></div>"
        )
        if answers_here_alone():
            st.warning(HERE_ALONE)


def _people(count: int) -> str:
    return "person" if count == 1 else "people"


@st.fragment(run_every=POLL)
def _question(leader: Leader, drawn: Shown, round_: Round, address: str) -> None:
    """The question, how far the room is, and the bars so far, without names."""
    with guard():
        room = _again(leader, drawn)
        workshop, kind = room.workshop, kind_named(round_.kind)
        left = None if workshop.deadline is None else workshop.deadline - database().now()
        state = looks.clock_html(left) if workshop.accepting else "Answers are closed"
        due = workshop.people * round_.each
        share = min(1.0, room.answers / due) if due else 0.0
        prompts = {item.prompt for item in round_.items}
        title = kind.title if len(prompts) > 1 else next(iter(prompts))
        poll = round_.kind == "poll"
        st.html(
            f'<div class="ws-live">{looks.asked_picture_html(workshop.id, round_)}<div><h2>{escape(title)}</h2>'
            f'<p class="ws-answered" aria-live="polite"><b>{room.answers}</b> of {due} answers '
            f'<span class="ws-state">{state}</span></p>'
            f'<div class="ws-due"><i style="width: {100 * share:.1f}%"></i></div>'
            + looks.bars_html(summary.shares(round_, room.tallies), masked=not poll)
            + ("" if poll else '<p class="ws-calm">What the letters stand for comes with the reveal.</p>')
            + f'</div><figure>{qr_html(address)}<figcaption class="ws-late">{workshop.code}</figcaption></figure></div>'
        )
