"""A cookie is this server's word for a name: signed, out of reach of scripts, given for a ticket that is good once."""

import stat

import pytest
from starlette.requests import Request

from app.state import visitor_cookie
from app.state.visitor_cookie import COOKIE, HEADER, Tickets, answer, fetch_script, name_in, secret, sign, tickets

NAME = "0123456789abcdef" * 2


@pytest.fixture(autouse=True)
def fresh_secret():
    visitor_cookie.secret.cache_clear()
    yield
    visitor_cookie.secret.cache_clear()


def request(ticket: str | None, scheme: str = "http", **headers: str) -> Request:
    sent = headers | ({} if ticket is None else {HEADER: ticket})
    return Request(
        {
            "type": "http", "method": "POST", "scheme": scheme, "path": "/visitor", "query_string": b"",
            "server": ("here", 80), "headers": [(key.encode(), value.encode()) for key, value in sent.items()],
        }
    )  # fmt: skip


def test_a_name_comes_back_from_its_cookie_and_a_made_up_one_does_not(tmp_path):
    assert name_in(sign(NAME, tmp_path), tmp_path) == NAME
    for other in (NAME, f"{NAME}.{'0' * 64}", sign(NAME, tmp_path).replace("0", "1", 1), "", None, "../x.y", 7):
        assert name_in(other, tmp_path) is None


def test_another_servers_cookie_is_not_this_ones(tmp_path):
    assert name_in(sign(NAME, tmp_path / "a"), tmp_path / "b") is None


def test_the_secret_outlives_the_process_and_is_for_the_servers_user_alone(tmp_path):
    before = secret(tmp_path)
    visitor_cookie.secret.cache_clear()
    assert secret(tmp_path) == before and len(before) == 32
    (path,) = tmp_path.iterdir()
    assert path.read_bytes() == before and stat.S_IMODE(path.stat().st_mode) == 0o600


def test_where_nothing_can_be_written_the_secret_lasts_as_long_as_the_process(tmp_path):
    (tmp_path / "file").write_text("")
    assert secret(tmp_path / "file") == secret(tmp_path / "file") != secret(tmp_path)


def test_a_ticket_is_good_once_and_for_a_while(monkeypatch):
    made = Tickets()
    ticket = made.issue(NAME)
    assert made.valid(ticket) and made.redeem(ticket) == NAME
    assert not made.valid(ticket) and made.redeem(ticket) is None and made.redeem("") is None
    late = made.issue(NAME)
    monkeypatch.setattr(visitor_cookie, "TICKET_SECONDS", 0.0)
    assert made.redeem(late) is None


def test_the_answer_sets_a_cookie_that_scripts_can_not_read(tmp_path):
    found = answer(request(tickets().issue(NAME)), tmp_path).headers["set-cookie"]
    assert found.startswith(f"{COOKIE}={sign(NAME, tmp_path)};")
    assert "HttpOnly" in found and "SameSite=lax" in found and "Max-Age=604800" in found and "Secure" not in found


@pytest.mark.parametrize("how", [{"scheme": "https"}, {"x-forwarded-proto": "https"}])
def test_behind_tls_the_cookie_is_secure(tmp_path, how):
    assert "Secure" in answer(request(tickets().issue(NAME), **how), tmp_path).headers["set-cookie"]


@pytest.mark.parametrize("ticket", [None, "", "0" * 32])
def test_without_a_ticket_there_is_no_cookie(tmp_path, ticket):
    found = answer(request(ticket), tmp_path)
    assert found.status_code == 403 and "set-cookie" not in found.headers


@pytest.mark.parametrize(("base", "path"), [("", "/visitor"), ("tools/robust/", "/tools/robust/visitor")])
def test_the_browser_asks_below_the_servers_base(base, path):
    assert f'fetch("{path}"' in fetch_script("t", base)
