"""The address that phones in this room can reach, and its QR code."""

import ipaddress
import os
import socket
from html import escape
from urllib.parse import urlsplit

import segno
import streamlit as st

VARIABLE = "ROBUSTSCOPE_ADDRESS"
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
        seen: the address in the presenter's browser; good for phones unless it names this machine to itself.
        configured: what whoever serves says instead.
        lan: what stands in for a host that means "this machine".
    """
    if configured:
        return configured.rstrip("/")
    parts = urlsplit(seen or "http://localhost:8501")
    host = parts.hostname or "localhost"
    if _only_here(host):
        host = lan
    port = f":{parts.port}" if parts.port else ""
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}{port}"


def _only_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def join_address(code: str) -> str:
    """The participants' link, which has the code and nothing else."""
    base = st.get_option("server.baseUrlPath").strip("/")
    configured = os.environ.get(VARIABLE)
    root = public_address(st.context.url or "", configured, lan_address())
    return "/".join(filter(None, [root, "" if configured else base, f"workshop?join={code}"]))


@st.cache_data(max_entries=64, show_spinner=False)
def qr_html(address: str) -> str:
    """A QR code as a picture that fills its box, dark on white in both themes: cameras want it so."""
    url = segno.make(address, error="m").svg_data_uri(dark="#14273D", light="#FFFFFF", border=3, scale=8)
    return f'<img class="ws-qr" src="{escape(url)}" alt="QR code of the address {escape(address)}">'
