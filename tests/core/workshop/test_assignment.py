"""Blind and balanced: no picture twice for anybody, every picture under every network equally often."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.workshop.assignment import assigned, ordered_options
from core.workshop.items import Item, Option


def grid(subjects: int, conditions: int) -> list[Item]:
    return [
        Item(subject, f"c{condition}", "", "", (), ()) for condition in range(conditions) for subject in range(subjects)
    ]


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.integers(0, 400), st.integers(), st.integers())
def test_a_person_sees_no_picture_twice_and_each_network_equally_often(conditions, per, blocks, number, seed, deal):
    items = grid(conditions * per * blocks, conditions)
    found = [items[index] for index in assigned(items, conditions * per, number, seed, deal)]
    assert len({item.subject for item in found}) == len(found) == conditions * per
    assert set(Counter(item.condition for item in found).values()) == {per}


@pytest.mark.parametrize(("subjects", "conditions", "each"), [(12, 2, 6), (12, 3, 6), (6, 3, 6), (8, 1, 4)])
def test_over_a_room_every_pair_is_judged_equally_often(subjects, conditions, each):
    items = grid(subjects, conditions)
    people = conditions * subjects // each
    counts = Counter(index for number in range(people) for index in assigned(items, each, number, number * 7, 3))
    assert counts == dict.fromkeys(range(len(items)), 1)


def test_everybody_has_an_order_of_their_own_and_keeps_it():
    items = grid(12, 2)
    orders = [assigned(items, 6, 0, seed, 0) for seed in range(20)]
    assert len(set(orders)) > 10 and len({tuple(sorted(order)) for order in orders}) == 1
    assert assigned(items, 6, 5, 11, 2) == assigned(items, 6, 5, 11, 2)


def test_neither_side_comes_first_for_everybody_and_the_last_option_stays_last():
    item = Item(0, "", "", "", (), (Option("a", ""), Option("b", ""), Option("neither", "")))
    seen = [tuple(option.value for option in ordered_options(item, 0, seed, 2)) for seed in range(200)]
    assert {order[2] for order in seen} == {"neither"}
    assert 70 < sum(order[0] == "a" for order in seen) < 130
