"""What stands before everything on a server that asks for a login."""

import streamlit as st

from app.state import login


def show() -> None:
    """A button to log in, or, for somebody who is not on the list, to leave."""
    st.title("Robustscope")
    if login.logged_in():
        st.write("You are logged in, and not among those whom this server admits.")
        if st.button("Log out", key="door.out"):
            st.logout()
    else:
        st.write("Whoever runs this server asks for a login.")
        if st.button("Log in", type="primary", key="door.in"):
            st.login()
