"""The address on the screen is one that a phone can reach."""

import pytest

from app.workshop.address import public_address, qr_html

LAN = "10.1.2.3"


@pytest.mark.parametrize(
    ("seen", "shown"),
    [
        ("http://localhost:8501/workshop", "http://10.1.2.3:8501"),
        ("http://127.0.0.1:8501/", "http://10.1.2.3:8501"),
        ("http://0.0.0.0:8600/workshop", "http://10.1.2.3:8600"),
        ("http://[::1]:8501/workshop", "http://10.1.2.3:8501"),
        ("http://192.168.1.20:8501/workshop", "http://192.168.1.20:8501"),
        ("http://[fd00::5]:8501/workshop", "http://[fd00::5]:8501"),
        ("https://workshop.example.org/workshop", "https://workshop.example.org"),
        ("", "http://10.1.2.3:8501"),
    ],
)
def test_this_machines_names_for_itself_are_replaced_and_others_kept(seen, shown):
    assert public_address(seen, None, LAN) == shown


def test_what_whoever_serves_says_wins():
    assert public_address("http://localhost:8501", "https://x.example/app/", LAN) == "https://x.example/app"


def test_a_qr_code_is_escaped_and_fills_its_box():
    made = qr_html('http://x/"><script>')
    assert "<script>" not in made and made.startswith('<img class="ws-qr"')
