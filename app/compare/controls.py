"""The controls of the Compare page: the form of the maps."""

import streamlit as st

from app.compare.choice import FORMS, SCALES, WITHHELD, CompareChoice
from app.state import session
from app.state.judgements import ALPHA


def map_form() -> None:
    """How gradient maps are drawn."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        st.segmented_control(
            "Gradient maps", list(FORMS), format_func=FORMS.__getitem__, required=True,
            **session.binding("form", "compare.map"),
        )  # fmt: skip
        st.segmented_control(
            "Their colour scale", list(SCALES), format_func=SCALES.__getitem__, required=True,
            help="Each its own: the shape of a weak map shows. Shared: strengths compare.",
            **session.binding("scale", "compare.scale"),
        )  # fmt: skip
        st.segmented_control(
            "Networks answer", list(WITHHELD), format_func=WITHHELD.__getitem__, required=True,
            help=f"A picture is flagged where at most {ALPHA * 100:g} % of normal pictures look as odd to the network; "
            "see the page Anomaly. A network that is not calibrated always answers.",
            **session.binding("withheld", "compare.withheld"),
        )  # fmt: skip
        if session.page_choice(CompareChoice).over:
            st.slider(
                "Opacity of the maps", 10, 100, step=10, format="%d %%", width=220,
                **session.binding("opacity", "compare.opacity"),
            )  # fmt: skip
