"""The phone: a door, one question after the other with large answers, the room's result."""

from collections.abc import Hashable
from html import escape

import streamlit as st

from app.state.errors import guard
from app.workshop import doors, looks, offers, redraws
from app.workshop.choice import WorkshopLink, go
from app.workshop.server import POLL, database, hub, secret, source
from core.errors import InputError
from core.text import escape_markdown
from core.workshop import reading, summary, taking_part
from core.workshop.assignment import assigned, ordered_options
from core.workshop.items import Item, Option
from core.workshop.rounds.catalogue import kind_named
from core.workshop.state import Room, Round, Seat

SEAT = "workshop.seat"  # of this session; the entry asks for it on every page
_OWN, _LOST = "workshop.own", "workshop.refused"


def page(link: WorkshopLink) -> None:
    """What a participant sees of the workshop of a link; one whose code is of none can type it again."""
    mine = secret()
    try:
        workshop = _workshop(link.join)
    except InputError as error:
        st.error(escape_markdown(str(error)), icon=":material/error:")
        doors.join_by_code()
        return
    seat = st.session_state.get(SEAT)
    if seat is None or seat.workshop != workshop:
        seat = st.session_state[SEAT] = taking_part.seat_of(database(), workshop, mine)
    room = hub().room(workshop)
    if seat is None:
        _door(room, mine)
        return
    redraws.begin()
    _watch(workshop, room.workshop.step)
    redraws.end((workshop, room.workshop.step, link.round, _seen(link, seat, room)))


def _seen(link: WorkshopLink, seat: Seat, room: Room) -> Hashable:
    """What the workshop shows of itself now, or of a round that a link names; what of it they change themselves."""
    if link.round:
        _result(seat, room, room.rounds[link.round - 1])
        st.button("Back to the workshop", on_click=go, args=(WorkshopLink(join=link.join),))
        return None
    match room.workshop.phase:
        case "lobby":
            st.html('<p class="ws-point">You are in.</p><p class="ws-calm">The first question comes by itself.</p>')
            return offers.offer_panel(seat)
        case "question":
            _question(seat, room)
        case "reveal":
            if (round_ := room.round) is not None:
                _result(seat, room, round_)
        case "finished":
            _farewell(room)
    return None


def _workshop(code: str) -> int:
    """The workshop of a code, looked for once a session: a phone that comes again is no guesser."""
    known = st.session_state.setdefault("workshop.codes", {})
    if code not in known:
        known[code] = taking_part.find_room(database(), code, source())
    return known[code]


def stored_sentence(keeps_names: bool) -> str:
    """What is stored, in one sentence."""
    name = "your nickname stays with them" if keeps_names else "your nickname is deleted when the workshop ends"
    return f"This server stores your answers under a random number, and {name}."


def _door(room: Room, mine: str) -> None:
    """A nickname at most, and what is stored."""
    if room.workshop.phase == "finished":
        st.html('<p class="ws-point">This workshop has ended.</p>')
        return
    st.html(f'<p class="ws-point">{escape(room.workshop.title)}</p>')
    with st.form("workshop.door", border=False):
        name = st.text_input("Nickname, if you like", max_chars=taking_part.LONGEST_NAME, key="workshop.nickname")
        pressed = st.form_submit_button("Join", type="primary", width="stretch")
    st.caption(stored_sentence(room.workshop.keeps_names))
    if pressed:
        st.session_state[SEAT] = taking_part.join(database(), room.workshop.id, mine, name or "")
        hub().changed(room.workshop.id)
        st.rerun()


@st.fragment(run_every=POLL)
def _watch(workshop: int, drawn: int) -> None:
    """Draw the page again once what it shows has changed, and the time left meanwhile; this costs next to nothing."""
    with guard():
        state = hub().room(workshop).workshop
        if state.step != drawn or redraws.due():
            st.rerun()
        left = None if state.deadline is None else state.deadline - database().now()
        open_ = state.phase == "question"
        st.html(f'<div class="ws-status" aria-live="polite">{looks.clock_html(left) if open_ else ""}</div>')


def own(seat: Seat, round_: Round) -> dict[int, str]:
    """What this person has answered in a round; read once a session, and kept up with what is stored."""
    key = f"{_OWN}.{round_.id}"
    if key not in st.session_state:
        st.session_state[key] = reading.own_answers(database(), seat, round_.id)
    return st.session_state[key]


@st.fragment
def _question(seat: Seat, room: Room) -> None:
    """The next item of this person's; an answer redraws this alone."""
    round_ = room.round
    if round_ is None:
        return
    dealt = assigned(round_.items, round_.each, seat.number, seat.seed, room.workshop.seed)
    given = own(seat, round_)
    left = [index for index in dealt if index not in given]
    if refused := st.session_state.pop(_LOST, None):
        st.warning(escape_markdown(refused), icon=":material/info:")
    if not left:
        st.html('<p class="ws-point">Thank you.</p><p class="ws-calm">All your answers are stored. Look up.</p>')
        return
    if not hub().room(room.workshop.id).workshop.accepting:
        st.html('<p class="ws-point">Answers are closed.</p><p class="ws-calm">Look up.</p>')
        return
    index, item = left[0], round_.items[left[0]]
    options = ordered_options(item, index, seat.seed, kind_named(round_.kind).shuffled)
    with guard():
        st.html(
            f'<div class="ws-progress">{len(dealt) - len(left) + 1} of {len(dealt)}</div>'
            + looks.item_html(room.workshop.id, item, options)
            + looks.answers_of_html(_prefix(round_, index))
        )
        _answers(seat, round_, index, item, options)


def _prefix(round_: Round, index: int) -> str:
    """How the keys of an item's buttons begin."""
    return f"ws-answer-{round_.id}-{index}-"


def _answers(seat: Seat, round_: Round, index: int, item: Item, options: tuple[Option, ...]) -> None:
    """One button an answer; its key names the item, so that a second press of it can't answer the next one."""
    wide = max(len(option.label) for option in options) > 18 or len(options) <= 3
    layout = "wide" if wide and len(options) < 8 else "numbers" if len(options) == len(item.pictures) + 1 else "two"
    with st.container(key=f"ws-answers-{layout}"):
        for place, option in enumerate(options):
            st.button(
                escape_markdown(looks.option_label(option, place)),
                key=f"{_prefix(round_, index)}{place}",  # no value: it may name a network
                on_click=_answer,
                args=(seat, round_, index, option.value),
                width="stretch",
                wrap=True,
                shortcut=str((place + 1) % 10) if place < 10 else None,
            )


def _answer(seat: Seat, round_: Round, index: int, value: str) -> None:
    """Store an answer, and go on; what the database has counts, whatever was pressed here."""
    try:
        stored = taking_part.answer(database(), seat, round_, index, value)
    except InputError as error:
        st.session_state[_LOST] = str(error)
        return
    own(seat, round_)[index] = stored.value
    redraws.again()


def _result(seat: Seat, room: Room, round_: Round) -> None:
    """The room's sentence, and how this person did where something is right."""
    tallies = room.tallies if round_ is room.round else reading.tallies_of(database(), round_.id)
    st.html(looks.sentence_html(summary.sentence(round_, tallies)))
    given = {index: value for index, value in own(seat, round_).items() if round_.items[index].truth}
    if given:
        right = sum(value == round_.items[index].truth for index, value in given.items())
        st.html(f'<p class="ws-calm">You were right {right} of {len(given)} times.</p>')
        shown = [round_.items[index] for index in given]
        with guard():
            st.html(looks.examples_html(room.workshop.id, shown, round_.settings["names"]))
    st.html(looks.bars_html(summary.shares(round_, tallies)))


def _farewell(room: Room) -> None:
    """What the room found, round by round."""
    st.html('<p class="ws-point">That was it. Thank you.</p>')
    for round_ in room.rounds:
        tallies = reading.tallies_of(database(), round_.id)
        if tallies:
            st.html(f'<p class="ws-calm">{escape(summary.sentence(round_, tallies))}</p>')
