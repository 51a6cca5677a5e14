"""A workshop to take away: one self-contained page of HTML, and all answers as CSV."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from core.text import csv_cell
from core.workshop import reading
from core.workshop.database import Database
from core.workshop.rounds.bars import Share
from core.workshop.rounds.catalogue import kind_named
from core.workshop.rounds.mistake import PAPER
from core.workshop.state import Room, Round
from core.workshop.summary import Pooled, Summary, pool, shares, summarise

COLUMNS = ("round", "kind", "person", "picture", "condition", "truth", "answer", "words")

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #14273D; background: #FBFBF9; max-width: 52rem; margin: 2rem auto;
       padding: 0 1rem; }
h1 { font-size: 2rem; line-height: 1.2; } h2 { margin-top: 2.4rem; font-size: 1.4rem; }
.point { font-size: 1.3rem; font-weight: 600; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; margin: 0.8rem 0; }
th, td { text-align: left; padding: 0.3rem 0.8rem 0.3rem 0; border-bottom: 1px solid #CBD5DC; vertical-align: top; }
small { color: #4B5B6B; }
@media (prefers-color-scheme: dark) {
  body { color: #E7EDF2; background: #0C1622; } th, td { border-color: #34485C; } small { color: #A9B7C4; }
}
"""


@dataclass(frozen=True, slots=True)
class RoundResult:
    """A round with what it came to, and the same round of earlier workshops beside it."""

    round: Round
    summary: Summary
    pooled: tuple[Pooled, ...]


def results(database: Database, room: Room) -> tuple[RoundResult, ...]:
    """Every round of a workshop that has answers."""
    found = []
    for round_ in room.rounds:
        tallies = reading.tallies_of(database, round_.id)
        if tallies:
            summary = summarise(round_, tallies, reading.answers_of(database, round_.id))
            found.append(RoundResult(round_, summary, pooled_with_others(database, round_)))
    return tuple(found)


def pooled_with_others(database: Database, round_: Round) -> tuple[Pooled, ...]:
    """The round together with the same of ended workshops; nothing where there is no other.

    Polls ask the same where question and answers are the same.
    """
    like = [each for _, each in reading.rounds_like(database, round_) if each.id != round_.id]
    if round_.kind == "poll":
        like = [each for each in like if each.items == round_.items]
    if not like:
        return ()
    return pool([shares(each, reading.tallies_of(database, each.id)) for each in (*like, round_)])


def csv_file(database: Database, room: Room) -> bytes:
    """All answers, one row each; people are numbers, and no nickname is in it."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(COLUMNS)
    for round_ in room.rounds:
        for number, index, value in reading.answers_of(database, round_.id):
            item = round_.items[index]
            words = next(option.label for option in item.options if option.value == value)
            texts = (
                round_.position + 1,
                round_.kind,
                number + 1,
                item.subject + 1,
                item.condition,
                item.truth,
                value,
                words,
            )
            rows.writerow([csv_cell(str(text)) for text in texts])
    return out.getvalue().encode()


def html_file(room: Room, found: Sequence[RoundResult], names: Sequence[str] = ()) -> bytes:
    """One page that needs nothing else: the room's sentence, bars as a table, comparisons, agreement, other rooms.

    Args:
        room: the workshop.
        found: its results.
        names: nicknames of those who were there, where the presenter keeps them.
    """
    workshop = room.workshop
    parts = [
        f"<h1>{escape(workshop.title)}</h1>",
        f"<p>{workshop.people} people, {len(found)} rounds with answers.</p>",
    ]
    if names:
        parts.append(f"<p>There were: {escape(', '.join(names))}.</p>")
    parts += [_round_html(result) for result in found]
    parts.append(
        "<p><small>Intervals of shares are Wilson's at 95 % over answers, as if each were independent; those of "
        "differences are a bootstrap over people, and p is of a sign-flip test over people.</small></p>"
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(workshop.title)}</title><style>{_STYLE}</style><body>{''.join(parts)}</body></html>"
    ).encode()


def _round_html(result: RoundResult) -> str:
    kind, summary = kind_named(result.round.kind), result.summary
    parts = [
        f"<h2>{result.round.position + 1}. {escape(kind.title)}</h2>",
        f'<p class="point">{escape(summary.sentence)}</p>',
        _table(("", "share", "95 % interval", "answers"), map(_share_row, summary.shares)),
    ]
    if summary.machines:
        parts.append(
            _table(("Machines on the same pictures", "share", "95 % interval", "n"), map(_share_row, summary.machines))
        )
    parts += [f"<p>{escape(line)}</p>" for line in lines(summary)]
    if rows := paper_rows(result.round, summary):
        parts.append(_table(("", "the paper: fooled, reasonable", "this room: fooled, reasonable"), rows))
        parts.append(f"<p><small>{escape(PAPER_NOTE)}</small></p>")
    if result.pooled:
        parts.append(
            _table(
                ("All workshops together", "share", "95 % interval", "answers", "each workshop", "spread"),
                [(*_share_row(each.together), _each(each), _spread(each)) for each in result.pooled],
            )
        )
    parts.append(f"<p><small>{escape(kind.source)}.</small></p>")
    return "".join(parts)


PAPER_NOTE = (
    "The paper's figures are quoted from memory of Ross and Doshi-Velez (2018), MNIST by JSMA and SVHN by TGSM; its "
    "people were about a dozen. The pictures here are another data set's."
)


def paper_rows(round_: Round, summary: Summary) -> list[tuple[str, ...]]:
    """The paper's table beside the room's, by network; nothing for other rounds, tasks or networks."""
    if round_.kind != "mistake" or round_.settings["task"] not in PAPER:
        return []
    _, published = PAPER[round_.settings["task"]]
    by = {(share.measure, share.group): share for share in summary.shares}
    rows: list[tuple[str, ...]] = []
    for key, name in round_.settings["names"].items():
        if key in published:
            fooled, reasonable = published[key]
            own = (by["human fooled", key], by["mistake reasonable", key])
            rows.append(
                (name, f"{fooled:.1f} %, {reasonable:.1f} %", ", ".join(f"{100 * each.share:.1f} %" for each in own))
            )
    return rows


def lines(summary: Summary) -> list[str]:
    """Comparisons and agreement in sentences."""
    found = [
        f"“{each.second}” against “{each.first}”, the same {each.people} people: {100 * each.difference:+.0f} points "
        f"({100 * each.low:+.0f} to {100 * each.high:+.0f}), p = {each.p:.2g}."
        for each in summary.comparisons
    ]
    if summary.alpha is not None:
        found.append(f"Agreement between people: Krippendorff's alpha {summary.alpha:.2f} (1 is full, 0 is chance).")
    return found


def _share_row(share: Share) -> tuple[str, ...]:
    if not share.n:
        return share.label, "no answers", "", "0"
    return (
        share.label, f"{100 * share.share:.1f} %", f"{100 * share.low:.1f} % to {100 * share.high:.1f} %",
        f"{share.hits} of {share.n}",
    )  # fmt: skip


def _each(pooled: Pooled) -> str:
    return ", ".join(f"{100 * share:.0f} %" for share in pooled.rooms)


def _spread(pooled: Pooled) -> str:
    return "" if pooled.spread is None else f"{100 * pooled.spread:.0f} points (standard deviation)"


def _table(head: Sequence[str], rows: "Sequence[tuple[str, ...]] | map[tuple[str, ...]]") -> str:
    top = "".join(f"<th>{escape(text)}</th>" for text in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>" for row in rows)
    return f"<table><tr>{top}</tr>{body}</table>"
