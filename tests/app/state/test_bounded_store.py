"""The store holds at most so many bytes, takes room from whoever holds most, and forgets a visitor who is gone."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from app.state.bounded_store import BoundedStore, forget, shared_store, size_of

ROOM = size_of(("key-0", np.zeros(1000, np.uint8)))  # of one entry


@dataclass(frozen=True, slots=True)
class Pair:
    left: np.ndarray
    right: object


def kilobyte(byte: int = 0) -> np.ndarray:
    return np.full(1000, byte, np.uint8)


@pytest.mark.parametrize(
    ("value", "least"),
    [
        (np.zeros((10, 100), np.float32), 4000),
        (torch.zeros(10, 100), 4000),
        ([np.zeros(1000, np.uint8)] * 3, 1000),
        (Pair(np.zeros(1000, np.uint8), {"more": np.zeros(500, np.uint8)}), 1500),
        (b"0" * 1000, 1000),
        (np.zeros(10_000, np.uint8)[:10], 10_000),  # the view keeps the whole alive
        (torch.zeros(1000)[:1], 4000),
    ],
)
def test_a_size_counts_the_arrays_inside_each_once(value, least):
    assert least <= size_of(value) <= least + 800


def test_the_bound_is_in_bytes_and_what_was_used_last_stays():
    store = BoundedStore[np.ndarray](3 * ROOM)
    for number in range(3):
        store.put(f"key-{number}", kilobyte(number))
    assert store.get("key-0") is not None
    store.put("key-3", kilobyte(3))
    assert [store.get(f"key-{number}") is not None for number in range(4)] == [True, False, True, True]
    store.put("key-4", np.zeros(2000, np.uint8))
    assert (
        store.size <= 3 * ROOM and len(store) == 1 + (store.size - size_of(("key-4", np.zeros(2000, np.uint8)))) // ROOM
    )


def test_many_small_values_fit_where_few_large_ones_do():
    store = BoundedStore[object](100_000)
    for number in range(1000):
        store.put(number, np.zeros(5000, np.uint8))
    assert 15 <= len(store) <= 20 and store.size <= 100_000


def test_the_newest_stays_even_where_it_is_larger_than_all_the_room():
    store = BoundedStore[np.ndarray](10)
    store.put("a", kilobyte(1))
    store.put("b", kilobyte(2))
    assert store.get("a") is None and store.get("b") is not None


def test_room_is_taken_from_the_visitor_who_holds_the_most():
    store = BoundedStore[np.ndarray](5 * ROOM)
    store.put("key-a", kilobyte(), "ann")
    for number in range(20):
        store.put(f"key-{number % 10}", kilobyte(), "bob")
    assert store.get("key-a", "ann") is not None and store.held("ann") == ROOM
    assert store.held("bob") == 4 * ROOM and len(store) == 5


def test_what_is_shared_goes_with_its_last_visitor():
    store = BoundedStore[np.ndarray](10**6)
    store.put("mine", kilobyte(), "ann")
    store.put("ours", kilobyte(), "ann")
    store.put("servers", kilobyte())
    assert store.get("ours", "bob") is not None
    store.forget("ann")
    assert store.get("mine", "bob") is None and store.get("ours", "bob") is not None and store.held("ann") == 0
    store.forget("bob")
    assert store.get("ours") is None and store.get("servers") is not None and len(store) == 1


def test_a_value_put_again_takes_its_room_once_and_keeps_its_visitors():
    store = BoundedStore[np.ndarray](10**6)
    store.put("key-0", kilobyte(), "ann")
    store.put("key-0", kilobyte(), "bob")
    assert store.size == ROOM and store.held("ann") == store.held("bob") == ROOM
    store.forget("ann")
    assert store.get("key-0") is not None


def test_every_store_of_the_server_forgets_a_visitor():
    stores = [shared_store(f"test {number}", 10**6) for number in range(2)]
    for store in stores:
        store.put("mine", kilobyte(), "test-visitor")
    assert shared_store("test 0", 10**6) is stores[0]
    forget("test-visitor")
    assert [len(store) for store in stores] == [0, 0]


def test_a_visitor_gives_up_their_oldest_before_they_hold_more_than_one_may():
    store: BoundedStore[np.ndarray] = BoundedStore(100 * ROOM, most_own=2 * ROOM)
    store.put("shared", kilobyte())
    for number in range(4):
        store.put(f"key-{number}", kilobyte(), "a")
        store.put(f"kay-{number}", kilobyte(), "b")
    assert [store.get(f"key-{number}", "a") is not None for number in range(4)] == [False, False, True, True]
    assert store.get("kay-3", "b") is not None and store.get("shared") is not None
    assert store.held("a") <= 2 * ROOM
    store.put("large", np.zeros(100_000, np.uint8), "a")
    assert store.get("large", "a") is not None and store.get("key-3", "a") is None
