"""The browser, one for all tests, and its visitors."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.helpers.browser import FLAGS, SIZES
from tests.helpers.waiting import PATIENCE


@pytest.fixture(scope="session")
def browser(chromium) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(chromium), args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def visitor(browser) -> Iterator[Callable[..., BrowserContext]]:
    """A visitor of their own at each call, who leaves after the test."""
    contexts = []

    def start(size: str = "wide", scheme: str = "light") -> BrowserContext:
        context = browser.new_context(viewport=SIZES[size], color_scheme=scheme)
        context.set_default_timeout(PATIENCE * 1000)
        contexts.append(context)
        return context

    yield start
    for context in contexts:
        context.close()


@pytest.fixture
def visit(request, visitor, address) -> Callable[..., Page]:
    """A visitor of their own at each call, who has waited for the whole page.

    The module says where they go when nothing else is asked for (`START`), and when its page is whole (`whole`).
    """

    def start(path: str = request.module.START, size: str = "wide", scheme: str = "light") -> Page:
        page = visitor(size, scheme).new_page()
        page.goto(f"{address}/{path}")
        request.module.whole(page)
        return page

    return start
