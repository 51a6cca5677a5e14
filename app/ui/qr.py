"""QR codes of addresses, for the phones of a room."""

from html import escape

import segno
import streamlit as st


@st.cache_data(max_entries=64, show_spinner=False)
def qr_url(address: str) -> str:
    """A QR code as an SVG data URL, dark on white in both themes as cameras want it; "" of what is too long."""
    try:
        code = segno.make(address, error="m")
    except segno.DataOverflowError:
        return ""
    return str(code.svg_data_uri(dark="#14273D", light="#FFFFFF", border=3, scale=8))


def qr_html(address: str) -> str:
    """A QR code as a picture that fills its box; a sentence where the address is too long for one."""
    url = qr_url(address)
    if not url:
        return '<p class="rs-small">This address is too long for a QR code.</p>'
    return f'<img class="rs-qr" src="{escape(url)}" alt="QR code of the address {escape(address)}">'
