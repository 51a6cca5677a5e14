"""The dashboard's entry: page config, navigation, page.run(). It runs before every page, so it stays cheap."""

import streamlit as st

st.set_page_config(page_title="Robustscope", page_icon=":material/visibility:", layout="wide")

PAGES = [
    st.Page("pages/compare.py", title="Compare", url_path="compare", default=True),
    st.Page("pages/models.py", title="Models", url_path="models"),
    st.Page("pages/training.py", title="Train", url_path="training"),
]
st.navigation(PAGES, position="top").run()
