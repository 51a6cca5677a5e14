"""The table of link fields: texts of anyone, what is said of them, and what a change brings along."""

from dataclasses import dataclass, replace

import pytest

from app.state.query_fields import (
    DECIMAL,
    WHOLE,
    QueryField,
    as_text,
    between,
    change,
    keys,
    matching,
    one_of,
    read,
    some_of,
    to_query,
    whole,
)


@dataclass(frozen=True)
class View:
    colour: str = "red"
    size: float = 1.0
    parts: tuple[str, ...] = ("a",)
    count: int = 3


TABLE: tuple[QueryField[View, int], ...] = (
    QueryField("c", "colour", str, one_of(("red", "blue")), "must be red or blue"),
    QueryField(
        "s", "size", DECIMAL, between(0, lambda view, top: top),
        lambda view, top, text: f"must lie between 0 and {top}",
        clean=lambda size, view, top: round(size, 1),
    ),
    QueryField(
        "p", "parts", keys, some_of("abc", most=2), "must be parts", clean=lambda parts, view, top: tuple(parts),
        put=lambda view, parts, top: replace(view, parts=parts, count=len(parts)), written=lambda view: view.count > 1,
    ),
    QueryField("", "count", WHOLE, whole(1, 9), ""),
)  # fmt: skip


def test_what_is_possible_is_taken_as_it_is_held_and_the_rest_is_named_without_being_repeated():
    view, notes = read(TABLE, View(), {"c": "blue", "s": "1.26", "p": "b,c", "": "7", "x": "y"}, 2)
    assert (view, notes) == (View("blue", 1.3, ("b", "c"), 2), [])
    view, notes = read(TABLE, View(), {"c": "<b>", "s": "2.5", "p": "b,b"}, 2)
    assert view == View()
    assert notes == [
        "The link's `c` must be red or blue; the usual one is used.",
        "The link's `s` must lie between 0 and 2; the usual one is used.",
        "The link's `p` must be parts; the usual one is used.",
    ]


def test_a_value_that_a_later_rule_takes_back_is_named():
    view, notes = read(TABLE, View(), {"c": "blue"}, 2, settle=lambda view: replace(view, colour="red"))
    assert view == View() and len(notes) == 1


@pytest.mark.parametrize("value", [None, [], {}, "x", float("nan"), float("inf"), 10**400, ["red"], ("a", "b", "c")])
@pytest.mark.parametrize("name", ["colour", "size", "parts", "count"])
def test_a_value_that_no_widget_of_ours_sends_changes_nothing(name, value):
    assert change(TABLE, View(), name, value, 2) == View()


def test_a_link_holds_what_counts_and_leaves_out_what_is_usual():
    assert to_query(TABLE, View(count=1)) == {"c": "red", "s": "1"}
    assert to_query(TABLE, View(size=0.25, count=2), View()) == {"s": "0.25"}
    assert to_query(TABLE, View(parts=("a", "c"), count=2), View()) == {"p": "a,c"}


@pytest.mark.parametrize("text", ["", "-1", "1e3", "٤", "1 ", "0x8", "1_0", "12345", "nan", "\x00", "9" * 5000])
def test_only_plain_numbers_are_numbers(text):
    assert WHOLE(text) is None and DECIMAL(text) is None
    assert matching(r"-?\d", int)("-3") == -3


def test_values_are_short_in_a_link():
    assert [as_text(value) for value in (True, 0.1, 3, ("a", "b"), (1.0, 0.5))] == ["yes", "0.1", "3", "a,b", "1,0.5"]
