"""What stands before everything on a server that asks for a login, and leads whoever comes in to where they wanted.

After a login Streamlit opens the first page, whatever was asked for: a phone that had scanned a workshop's code was
without it. So the browser keeps the address, in this tab and until it is used.
"""

import streamlit as st

from app.state import login

_KEPT = "robustscope.wanted"
_KEEP = f'<script>sessionStorage.setItem("{_KEPT}", location.href);</script>'
_GO_ON = f"""<script>{{
const wanted = sessionStorage.getItem("{_KEPT}");
sessionStorage.removeItem("{_KEPT}");
if (wanted && wanted !== location.href) location.replace(wanted);
}}</script>"""


def pass_through() -> None:
    """Behind the door: on to the address that was asked for before it."""
    if login.required():
        st.html(_GO_ON, unsafe_allow_javascript=True)


def show() -> None:
    """A button to log in, or, for somebody who is not on the list, to leave."""
    st.title("Robustscope")
    if login.logged_in():
        st.write("You are logged in, and not among those whom this server admits.")
        if st.button("Log out", key="door.out"):
            st.logout()
    else:
        st.html(_KEEP, unsafe_allow_javascript=True)
        st.write("Whoever runs this server asks for a login.")
        if st.button("Log in", type="primary", key="door.in"):
            st.login()
