"""No page asks anything of another server: it promises to work offline."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.helpers.browser import served, settled
from tests.helpers.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("offline"), pytest.mark.timeout(900)]

PAGES = ("", "adversarial", "anomaly", "saliency", "latent", "find", "report", "models", "training")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served() as found:
        yield found


@pytest.mark.parametrize("path", PAGES)
def test_every_request_goes_to_the_server_itself(visitor, address, path):
    """The icon is looked up in the page: headless browsers don't fetch it."""
    page = visitor().new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}/{path}")
    page.locator("h1").first.wait_for()
    until(lambda: settled(page), "the page")
    icons = page.eval_on_selector_all("link[rel~=icon]", "all => all.map(one => one.href)")
    foreign = [url for url in (*asked, *icons) if urlsplit(url).scheme in ("http", "https") and not ours(url, address)]
    assert not foreign and asked and icons


def ours(url: str, address: str) -> bool:
    return urlsplit(url).netloc == urlsplit(address).netloc
