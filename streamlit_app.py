"""The dashboard's entry: page config, navigation, page.run(). It runs before every page, so it stays cheap."""

from pathlib import Path
from urllib.parse import urlsplit

import streamlit as st

from app.state import login
from app.ui import door
from app.workshop.follow import band

ICON = Path(__file__).parent / "assets" / "style" / "icon.png"  # an icon by name would be fetched from a font host

st.set_page_config(page_title="Robustscope", page_icon=ICON, layout="wide", initial_sidebar_state="auto")

# Streamlit serves the default page at / alone, whatever its path; so /compare is a page of its own. The navigation
# names the one of the two that is looked at, or else it would mark none.
NAMED = urlsplit(st.context.url or "").path.endswith("/compare")
ROOT, OWN = ("hidden", "visible") if NAMED else ("visible", "hidden")

PAGES = [
    st.Page("pages/compare.py", title="Compare", url_path="start", default=True, visibility=ROOT),
    st.Page("pages/compare.py", title="Compare", url_path="compare", visibility=OWN),
    st.Page("pages/tour.py", title="Show me", url_path="tour"),
    st.Page("pages/adversarial.py", title="Adversarial", url_path="adversarial"),
    st.Page("pages/anomaly.py", title="Anomaly", url_path="anomaly"),
    st.Page("pages/saliency.py", title="Saliency", url_path="saliency"),
    st.Page("pages/latent.py", title="Latent", url_path="latent"),
    st.Page("pages/find.py", title="Find", url_path="find"),
    st.Page("pages/models.py", title="Models", url_path="models"),
    st.Page("pages/report.py", title="Report", url_path="report"),
    st.Page("pages/training.py", title="Train", url_path="training"),
    st.Page("pages/workshop.py", title="Workshop", url_path="workshop"),
]
if not login.admitted():
    st.navigation(PAGES, position="hidden")  # without one, Streamlit lists the files in pages/ beside the door
    door.show()
    st.stop()
door.pass_through()
page = st.navigation(PAGES, position="top")
band(page.url_path or "compare", {each.url_path: each for each in PAGES})
with st.container(key="pages-narrow"):  # Streamlit folds the pages' names into a menu on narrow screens
    for one in PAGES:
        if one.visibility != "hidden":
            st.page_link(one)
page.run()
