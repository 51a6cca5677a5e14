"""Who may enter, where whoever runs the server asks for a login: Streamlit's own OpenID Connect, and a list of people.

Without a section `[auth]` in `.streamlit/secrets.toml` everybody may.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError


def settings() -> Mapping[str, Any]:
    """What `.streamlit/secrets.toml` says; empty where there is none."""
    try:
        return st.secrets.to_dict()
    except StreamlitSecretNotFoundError:
        return {}


def required() -> bool:
    """Whether this server asks for a login."""
    return "auth" in settings()


def logged_in() -> bool:
    """Whether this visitor has logged in."""
    return bool(st.user.get("is_logged_in", False))


def admitted() -> bool:
    """Whether this visitor may enter."""
    if not required():
        return True
    allowed = settings().get("robustscope", {}).get("allowed")
    return logged_in() and (allowed is None or is_allowed(st.user.to_dict(), allowed))


def is_allowed(user: Mapping[str, Any], allowed: Sequence[str]) -> bool:
    """Whether a user is on the list: by address, or by what follows it from the @ on.

    An address counts unless the issuer says that it was not verified.

    Args:
        user: the claims of the issuer.
        allowed: such as "ada@example.org" and "@example.org".
    """
    email = user.get("email")
    if not isinstance(email, str) or user.get("email_verified", True) is not True or email.count("@") != 1:
        return False
    known = {entry.lower() for entry in allowed if isinstance(entry, str)}
    return email.lower() in known or f"@{email.lower().partition('@')[2]}" in known
