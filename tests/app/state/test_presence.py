"""Who is here: while a tab is open, and for a while after."""

import time

from app.state.presence import Presence


def test_a_visitor_is_here_while_one_of_their_tabs_is_open():
    tabs = {"one", "two"}
    known = Presence(tabs.__contains__)
    known.seen("ann", "one")
    known.seen("ann", "two")
    time.sleep(0.1)
    assert known.away("ann") < 0.05
    tabs.remove("one")
    time.sleep(0.1)
    assert known.away("ann") < 0.05 and known.gone(0.05) == []
    tabs.clear()
    time.sleep(0.1)
    assert 0.1 <= known.away("ann") < 5 and known.gone(0.05) == ["ann"]
    tabs.add("again")
    known.seen("ann", "again")
    assert known.gone(0.05) == [] and known.known() == ["ann"]
    known.forget("ann")
    assert known.known() == []


def test_one_who_was_never_seen_gets_the_same_while():
    known = Presence(lambda session: False)
    assert known.away("ann") < 0.05
    time.sleep(0.1)
    assert known.away("ann") >= 0.1
