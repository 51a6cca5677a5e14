"""What a network answered before it is added: on pictures, on labelled ones, and with its preprocessing changed."""

import streamlit as st

from app.models.bringing import Trial
from app.ui.elements import percent
from core.text import escape_markdown


def show(trial: Trial) -> None:
    """The answers, the share of right ones where that is known, and what speaks against the preprocessing."""
    rows = []
    for title, answer in zip(trial.titles, trial.answers, strict=True):
        named = zip(answer.classes, answer.probs, strict=True)
        said = ", ".join(f"{trial.class_names[label]} {percent(prob)}" for label, prob in named)
        rows.append({"Picture": title, "It answers": said})
    st.dataframe(rows, hide_index=True, key="bring.answers")
    given = trial.variants[0]
    if given.count:
        st.markdown(f"**Right on {percent(given.accuracy)}** of {given.count:,} labelled pictures.")
    if trial.doubt:
        st.warning(escape_markdown(trial.doubt), icon=":material/warning:")
    with st.expander("What if the preprocessing is another?", type="compact"):
        ways = [
            {
                "Pictures": one.words,
                "Right": percent(one.accuracy) if one.count else "no labels",
                "Mean confidence": percent(one.confidence),
            }
            for one in trial.variants
        ]
        st.dataframe(ways, hide_index=True, key="bring.variants")
        if not given.count:
            st.caption("Only labelled pictures tell which is right: a network can be sure and wrong.")
    for note in trial.notes:
        st.caption(escape_markdown(note))
