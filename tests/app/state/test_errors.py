"""The guard: sentences for errors raised on purpose, an id for bugs, and Streamlit's own control flow left alone."""

import re

import pytest
from streamlit.testing.v1 import AppTest

from app.state.errors import guard

SCRIPT = """
import streamlit as st
from app.state.errors import guard
from core.errors import InputError

with guard():
    {body}
st.text("after")
"""


def shown(body: str) -> AppTest:
    return AppTest.from_string(SCRIPT.format(body=body), default_timeout=30).run()


def test_an_error_raised_on_purpose_is_shown_as_it_is_and_the_page_goes_on():
    at = shown("raise InputError('The file is empty.')")
    assert [error.value for error in at.error] == ["The file is empty."]
    assert at.text[0].value == "after" and not at.exception


def test_a_bug_is_logged_under_the_id_that_the_visitor_sees_and_its_text_stays_in_the_log(caplog):
    at = shown("raise KeyError('/secret/path')")
    (sentence,) = [error.value for error in at.error]
    fault = re.search(r"\*\*([0-9a-f]{8})\*\*", sentence)
    assert fault and fault[1] in caplog.text and "/secret/path" in caplog.text
    assert "secret" not in sentence
    assert at.text[0].value == "after" and not at.exception


def test_a_stop_inside_the_guard_stops_the_page():
    at = shown("st.stop()")
    assert not at.error and not at.text


def test_a_rerun_inside_the_guard_runs_the_page_again():
    at = shown("st.session_state.setdefault('runs', []).append(1); len(st.session_state['runs']) < 2 and st.rerun()")
    assert len(at.session_state["runs"]) == 2 and at.text[0].value == "after"


def test_an_interrupt_passes_through():
    with pytest.raises(KeyboardInterrupt), guard():
        raise KeyboardInterrupt
