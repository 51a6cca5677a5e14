"""The browser, one for all tests, and its visitors."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.browser.harness import FLAGS, PATIENCE, SIZES


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
