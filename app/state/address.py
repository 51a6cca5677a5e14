"""The address under which others in a room reach this app: phones can't reach a machine's names for itself."""

import ipaddress
import os
import socket
from urllib.parse import urlsplit

import streamlit as st

VARIABLE = "ROBUSTSCOPE_ADDRESS"
HERE_ALONE = "This server answers its own machine alone; started with `--server.address 0.0.0.0`, it answers others."
_OUTSIDE = ("192.0.2.1", 9)  # of no machine (RFC 5737); nothing is sent there


def lan_address() -> str:
    """This machine's address in its network; that of itself alone where it is in none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_OUTSIDE)
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"


def public_address(seen: str, configured: str | None, lan: str) -> str:
    """Scheme, host and path under which phones reach this app, without a slash at the end.

    Args:
        seen: the address in the browser; good for phones unless it names this machine to itself.
        configured: what whoever serves says instead.
        lan: what stands in for a host that means "this machine".
    """
    if configured:
        return configured.rstrip("/")
    parts = urlsplit(seen or "http://localhost:8501")
    host = parts.hostname or "localhost"
    if only_here(host):
        host = lan
    port = f":{parts.port}" if parts.port else ""
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}{port}"


def only_here(host: str) -> bool:
    """Whether a host is a machine's name for itself."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def room_address(path: str) -> str:
    """The address of a path of this app, with its query, for others in the room."""
    base = st.get_option("server.baseUrlPath").strip("/")
    configured = os.environ.get(VARIABLE)
    root = public_address(st.context.url or "", configured, lan_address())
    return "/".join(filter(None, [root, "" if configured else base, path]))


def room_link(link: str) -> str:
    """A link as this browser has it, for others in the room."""
    parts, base = urlsplit(link), st.get_option("server.baseUrlPath").strip("/")
    path = parts.path.strip("/").removeprefix(base).strip("/")
    return room_address(path + (f"?{parts.query}" if parts.query else ""))


def answers_here_alone() -> bool:
    """Whether no other machine gets an answer: the server was started so, and no proxy before it has another name."""
    bound = st.get_option("server.address")
    everywhere = bound in (None, "", "0.0.0.0", "::")
    seen = urlsplit(st.context.url or "").hostname or "localhost"
    return not everywhere and only_here(bound) and only_here(seen) and not os.environ.get(VARIABLE)
