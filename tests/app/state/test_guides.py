"""The cookie of guides seen, which may come from anyone."""

import pytest

from app.state.guides import pages_in


@pytest.mark.parametrize(
    ("cookie", "pages"),
    [(None, ()), ("", ()), ("compare.saliency", ("compare", "saliency")), ("<b>;../../x", ("b", "x"))],
)
def test_a_cookie_names_pages_and_nothing_else(cookie, pages):
    assert pages_in(cookie) == pages


def test_a_long_cookie_is_cut():
    assert len(pages_in("a." * 100_000)) == 40
