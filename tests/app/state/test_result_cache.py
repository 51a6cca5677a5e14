"""Results of visitors: computed once, the same for all, never written to, gone with the last who asked."""

import ast
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from app.state import bounded_store, result_cache
from app.state.result_cache import RESULT_BYTES, cached_for_all, cached_result


@pytest.fixture(autouse=True)
def as_visitor(monkeypatch):
    """Who asks; the store is empty and belongs to this test."""
    here = {"owner": "ann"}
    store = bounded_store.BoundedStore(RESULT_BYTES)
    monkeypatch.setattr(result_cache, "shared_store", lambda name, most: store)
    monkeypatch.setattr(result_cache, "session_id", lambda: "a session")
    monkeypatch.setattr(result_cache, "owner", lambda: here["owner"])
    here["store"] = store
    return here


def counted(calls):
    @cached_result
    def double(number, _picture=None):
        calls.append(number)
        return {"twice": np.full(1000, 2 * number)}

    return double


def test_a_result_is_computed_once_for_all_and_what_follows_from_others_does_not_count(as_visitor):
    calls = []
    double = counted(calls)
    first = double(3, "a picture")
    as_visitor["owner"] = "bob"
    assert double(3, "the same picture elsewhere") is first and double(number=3) is first and calls == [3]
    assert double(4)["twice"][0] == 8 and calls == [3, 4]


def test_what_was_made_of_a_visitors_picture_goes_with_the_last_visitor_who_saw_it(as_visitor):
    calls, store = [], as_visitor["store"]
    double = counted(calls)
    double(1)
    as_visitor["owner"] = "bob"
    double(1)
    double(2)
    store.forget("bob")
    assert len(store) == 1
    store.forget("ann")
    assert len(store) == 0 and store.size == 0
    double(1)
    assert calls == [1, 2, 1]


def test_what_comes_from_the_servers_files_stays_when_visitors_leave(as_visitor):
    calls = []
    read = cached_for_all(lambda name: calls.append(name) or name.upper())
    assert read("card") == "CARD"
    as_visitor["owner"] = "bob"
    assert read("card") == "CARD"
    for visitor in ("ann", "bob"):
        as_visitor["store"].forget(visitor)
    assert read("card") == "CARD" and calls == ["card"]


def test_nobody_can_write_to_what_all_are_given():
    base = np.arange(12.0)
    made = cached_result(lambda: (base.reshape(3, 4), [base[2:]]))()
    for array in (made[0], made[1][0], base):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_those_who_ask_meanwhile_wait_and_a_failure_is_not_remembered():
    calls, failing = [], [True]

    @cached_result
    def slow():
        calls.append(threading.current_thread().name)
        time.sleep(0.05)
        if failing:
            failing.pop()
            raise OSError("once")
        return "made"

    with pytest.raises(OSError, match="once"):
        slow()
    found = []
    threads = [threading.Thread(target=lambda: found.append(slow())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["made"] * 8 and len(calls) == 2


def test_what_hangs_on_a_picture_never_lies_in_caches_that_know_no_visitor():
    """There it would stay for the server's life, whoever left."""
    of_pictures = {"_x", "digest", "values", "_of", "_here", "pixels"}
    for path in Path(bounded_store.__file__).parents[1].rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and any(
                name in ast.unparse(one) for one in node.decorator_list for name in ("st.cache_", "cached_for_all")
            ):
                assert not of_pictures & {argument.arg for argument in node.args.args}, f"{path.name}: {node.name}"
