"""What the presenter shows at a reveal and at the end: sentence, bars, comparisons, the paper, other rooms, files."""

from html import escape

import streamlit as st

from app.ui.downloads import downloads
from app.ui.elements import how_to_read
from app.workshop import looks
from app.workshop.server import database
from core.workshop import reading, report
from core.workshop.rounds.catalogue import kind_named
from core.workshop.state import Room, Round
from core.workshop.summary import Summary, summarise

EXAMPLES = 6


def summary_of(round_: Round, version: int) -> Summary:
    """What a round came to, worked out once for each version of its workshop."""
    return _summary(round_.id, version, round_)


@st.cache_data(max_entries=128, show_spinner=False)
def _summary(round_id: int, version: int, _round: Round) -> Summary:
    base = database()
    return summarise(_round, reading.tallies_of(base, round_id), reading.answers_of(base, round_id))


def revealed(room: Room, round_: Round) -> None:
    """The room's answer to one round."""
    found = summary_of(round_, room.workshop.version)
    st.html(looks.sentence_html(found.sentence) + looks.bars_html(found.shares))
    names = round_.settings["names"]
    shown = [item for item in round_.items if len(item.pictures) == 1][:EXAMPLES]
    if shown:
        st.html(looks.examples_html(room.workshop.id, shown, names))
    elif maps := looks.unveiled_html(room.workshop.id, round_):
        st.html(maps)
    if found.machines:
        st.html('<p class="ws-calm">Machines on the same pictures</p>' + looks.bars_html(found.machines))
    for line in report.lines(found):
        st.html(f'<p class="ws-line">{escape(line)}</p>')
    _paper(round_, found)
    _pooled(room, round_)
    how_to_read(
        "A bar is the share of the room's answers; the thin line is its Wilson interval at 95 %, as if answers were "
        "independent. The same people are compared with themselves by a sign-flip test.",
        kind_named(round_.kind).source,
    )


def _paper(round_: Round, found: Summary) -> None:
    """The paper's own table beside the room's."""
    if rows := report.paper_rows(round_, found):
        body = "".join("<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>" for row in rows)
        st.html(
            '<table class="ws-paper"><tr><th>fooled, reasonable</th><th>the paper</th><th>this room</th></tr>'
            f'{body}</table><p class="ws-line">{escape(report.PAPER_NOTE)}</p>'
        )


def _pooled(room: Room, round_: Round) -> None:
    """The same round of earlier workshops on this server, together with this one."""
    for each in report.pooled_with_others(database(), round_) if room.workshop.phase == "finished" else ():
        spread = "" if each.spread is None else f", {100 * each.spread:.0f} points apart (standard deviation)"
        rooms = ", ".join(f"{100 * share:.0f}" for share in each.rooms)
        together = each.together
        st.html(
            f'<p class="ws-line">{len(each.rooms)} workshops, {escape(each.label)}: {100 * together.share:.0f} % '
            f"({100 * together.low:.0f} to {100 * together.high:.0f} %) of {together.n} answers; "
            f"each {rooms} %{spread}.</p>"
        )


def ended(room: Room) -> None:
    """Every round once more, and the files."""
    st.html(f'<p class="ws-calm">{escape(room.workshop.title)}</p><p class="ws-point">What the room said</p>')
    files(room)
    for round_ in room.rounds:
        with st.container(border=True):
            st.subheader(f"{round_.position + 1}. {kind_named(round_.kind).title}", anchor=False)
            revealed(room, round_)


def files(room: Room) -> None:
    """The report and the answers."""
    base = database()
    names = [name for _, name in room.names] if room.workshop.keeps_names else []
    downloads(
        f"workshop-{room.workshop.code}",
        ("Report as a page", "html", lambda: report.html_file(room, report.results(base, room), names)),
        ("Answers as a table", "csv", lambda: report.csv_file(base, room)),
    )
