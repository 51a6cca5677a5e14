"""Who is on a list of people."""

import pytest

from app.state import login

ADA = {"email": "Ada@Example.org", "is_logged_in": True}


@pytest.mark.parametrize("allowed", [["ada@example.org"], ["@example.org"], ["x@y.z", "@EXAMPLE.ORG"]])
def test_an_address_or_its_domain_is_enough(allowed):
    assert login.is_allowed(ADA, allowed)


@pytest.mark.parametrize(
    "user",
    [
        {}, {"email": None}, {"email": "ada@example.org.evil.net"}, {"email": "eve@evil.net@example.org"},
        {"email": "ada"}, {**ADA, "email_verified": False}, {**ADA, "email_verified": "false"},
    ],
)  # fmt: skip
def test_anybody_else_is_not(user):
    assert not login.is_allowed(user, ["ada@example.org", "@example.org", 7])
    assert not login.is_allowed(ADA, [])


def test_a_server_without_secrets_lets_everybody_in():
    assert not login.required() and login.admitted()
