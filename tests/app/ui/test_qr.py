"""A QR code is safe in HTML, and an address that is too long for one is said to be."""

from app.ui.qr import qr_html, qr_url


def test_a_qr_code_is_escaped_and_fills_its_box():
    made = qr_html('http://x/"><script>')
    assert "<script>" not in made and made.startswith('<img class="rs-qr"')


def test_an_address_too_long_for_a_qr_code_is_said_to_be():
    assert qr_url("http://x/" + "a" * 3000) == "" and "too long" in qr_html("http://x/" + "a" * 3000)
