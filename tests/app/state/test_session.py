"""A page's own part of the choice: asked for by its kind, and never handed out as another's."""

import pytest
import streamlit as st

from app.adversarial.choice import AdversarialChoice
from app.anomaly.choice import AnomalyChoice
from app.state import session
from app.state.choice import Options, default
from app.state.page_choice import Beside
from app.ui import region_pointer

OPTIONS = Options({"cifar10": ("standard", "pgd-linf")}, {"cifar10": ("photo:chelsea",)})


@pytest.fixture
def adversarial(monkeypatch):
    """A session in which the page Adversarial is open."""
    choice = default(OPTIONS)
    part = AdversarialChoice.first(Beside(choice, OPTIONS))
    monkeypatch.setattr(st, "session_state", {"choice.now": choice, "choice.page": "adversarial", "choice.notes": []})
    st.session_state["choice.part.adversarial"] = part
    return part


def test_a_page_gets_its_own_part_by_its_kind(adversarial):
    assert session.page_choice(AdversarialChoice) is adversarial


def test_the_part_of_another_page_is_a_fault_and_no_value_of_the_wrong_kind(adversarial):
    with pytest.raises(TypeError, match="AdversarialChoice, no AnomalyChoice"):
        session.page_choice(AnomalyChoice)


def test_a_click_on_a_picture_is_one_step_back(adversarial, monkeypatch):
    """Each address that is written is an entry of the browser's history."""
    written = []
    monkeypatch.setattr(session, "options", lambda: OPTIONS)
    monkeypatch.setattr(session, "_write", lambda: written.append(session._query()))
    st.session_state[region_pointer.KEY] = {"at": [0.5, 0.25]}
    for _ in range(2):  # at the same place again nothing changes
        region_pointer._take(32, 32)
    assert [(query["pixels"], query["open"]) for query in written] == [("14,6,4,4", region_pointer.PART)]
