"""A participant offers a picture; the presenter accepts it or not, and can ask the room about it."""

import base64
from collections.abc import Hashable

import streamlit as st

from app.state import zoo
from app.state.errors import guard
from app.workshop.server import database, hub
from core.data.tasks import task_named
from core.images import decode, fit, to_png
from core.workshop import leading, taking_part
from core.workshop.rounds.kind import Subject
from core.workshop.sessions import Plan, prepare
from core.workshop.state import Leader, Room, Seat

_SENT = "workshop.offered"  # the uploaded file that was offered last
SIDE = 256  # pixels of an offered picture's longer side, which is all that is kept of it
TYPES = ["png", "jpg", "jpeg", "webp"]


def offer_panel(seat: Seat) -> Hashable:
    """The participant's part: a picture of their own, if they like; what stands there, to tell a change by."""
    seen: Hashable = None
    with st.expander("Offer a picture of your own", icon=":material/add_photo_alternate:"), guard():
        st.caption("The presenter sees it and may show it to the room; it is deleted when the workshop ends.")
        file = st.file_uploader("A picture", TYPES, key="workshop.offer", max_upload_size=10)
        sent = file is not None and st.session_state.get(_SENT) == file.file_id
        seen = None if file is None else (file.file_id, sent)
        if file is not None and not sent and st.button("Offer it", type="primary", key="workshop.offer.send"):
            picture = decode(file.getvalue())
            scale = SIDE / max(picture.height, picture.width)
            shape = (3, max(1, round(picture.height * scale)), max(1, round(picture.width * scale)))
            taking_part.offer(database(), seat, to_png(fit(picture.pixels, shape)[0]))
            hub().changed(seat.workshop)
            st.session_state[_SENT] = file.file_id
            st.rerun()
        if sent:
            st.success("Offered. The presenter decides.")
    return seen


def inbox(leader: Leader, room: Room) -> None:
    """The presenter's part: what waits, accepted as a round of its own or declined."""
    waiting = leading.offered(database(), leader) if room.offers else ()
    if not waiting:
        st.caption("No pictures are offered.")
        return
    pair = next((each for each in room.rounds if len(each.settings["networks"]) >= 2), None)
    for number, png in waiting:
        with st.container(horizontal=True, vertical_alignment="center"):
            url = "data:image/png;base64," + base64.b64encode(png).decode()
            st.html(f'<img class="ws-offer" src="{url}" alt="An offered picture">', width="content")
            if pair is not None:
                st.button(
                    "Ask the room about it", key=f"ws-offer-{number}", on_click=_accept,
                    args=(leader, number, png, pair.settings["task"], tuple(pair.settings["networks"][:2])),
                )  # fmt: skip
            st.button("Decline", key=f"ws-decline-{number}", on_click=_decline, args=(leader, number))


def _accept(leader: Leader, number: int, png: bytes, task: str, networks: tuple[str, ...]) -> None:
    """A round more: which of two maps of this picture explains the answer better."""
    with guard():
        x = fit(decode(png).pixels, task_named(task).shape)
        subject = Subject("A picture from the room", x, None)
        (made,) = prepare([Plan("pair", networks)], task, zoo.model, [subject])
        leading.add_round(database(), leader, made)
        leading.judge_offer(database(), leader, number, True)
        hub().changed(leader.workshop)


def _decline(leader: Leader, number: int) -> None:
    with guard():
        leading.judge_offer(database(), leader, number, False)
        hub().changed(leader.workshop)
