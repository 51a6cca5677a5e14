"""How long a page's first answer takes: `python -m benchmarks.load.first_answers`, on a machine that does nothing else.

On a server of its own a first visitor opens every page, which warms it. Then a second one, in a browser of their own,
asks for each page twice: by its name in the navigation, and by its address, where the browser fetches and starts the
dashboard, too. The clock runs from the click, or the address, until the page's answer is on the screen. Train and
Workshop answer nothing by themselves: of them it is the title.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.load.server import Server
from tests.conftest import chromium_path
from tests.helpers.browser import FLAGS, SIZES, settled
from tests.helpers.screen import ANSWERS
from tests.helpers.waiting import until

PATIENCE = 120.0  # seconds
TITLE = "h1"
ASKED = ANSWERS | {"tour": "[data-view]", "training": TITLE, "workshop": TITLE}
"""By page what its first answer is."""
TASKS = ("cifar10", "fashion-mnist", "tiny20", "pasted")
"""With calibrations, without which the page Anomaly has no answer."""
ASIDE = {"training": "workshop", "workshop": "training"}  # where the others are asked from, and where these are
NAMES = {"tour": "Show me", "training": "Train"}  # where the navigation has another word than the address


def main() -> int:
    """Measure, and print a line a page; 1 where a median is above the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="cifar10", choices=TASKS, help="one that every page has an answer for")
    parser.add_argument("--rounds", type=int, default=3, help="of the second visitor; medians are printed")
    parser.add_argument("--limit", type=float, default=1.5, help="seconds that the way by the navigation may take")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        server = Server({"ROBUSTSCOPE_VISITORS": folder}, Path(folder, "log"))
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=str(chromium_path()), args=FLAGS)
                return _measure(browser, server.address, options)
        finally:
            server.kill()


def _measure(browser: Browser, address: str, options: argparse.Namespace) -> int:
    print(f"load of the machine {os.getloadavg()[0]:.1f}; task {options.task}; {options.rounds} rounds", flush=True)
    first = _visitor(browser)
    for name in ASKED:
        _by_address(first, address, name, options.task)
        until(lambda: settled(first), name, PATIENCE)
    first.context.close()
    ways: dict[str, Callable[[Page, str], float]] = {
        "navigation": partial(_by_navigation, address=address, task=options.task),
        "address": lambda page, name: _by_address(page, address, name, options.task),
    }
    print(f"{'page':12} {'navigation':>14} {'address':>14}   s, median (largest)", flush=True)
    late = []
    for name in ASKED:
        taken = {way: [_once(browser, name, ask) for _ in range(options.rounds)] for way, ask in ways.items()}
        said = " ".join(f"{statistics.median(each):.2f} ({max(each):.2f})".rjust(14) for each in taken.values())
        print(f"{name:12} {said}", flush=True)
        if statistics.median(taken["navigation"]) > options.limit:
            late.append(name)
    print(f"above {options.limit:g} s by the navigation: {', '.join(late) or 'none'}")
    return bool(late)


def _visitor(browser: Browser) -> Page:
    """A page of somebody who was never here."""
    page = browser.new_context(viewport=SIZES["wide"]).new_page()
    page.set_default_timeout(1000 * PATIENCE)
    return page


def _once(browser: Browser, name: str, ask: Callable[[Page, str], float]) -> float:
    """The seconds that a new visitor waits for a page's answer."""
    page = _visitor(browser)
    seconds = ask(page, name)
    page.context.close()
    return seconds


def _by_address(page: Page, address: str, name: str, task: str) -> float:
    start = time.perf_counter()
    page.goto(f"{address}/{name}?task={task}", wait_until="commit")
    page.locator(ASKED[name]).first.wait_for()
    return time.perf_counter() - start


def _by_navigation(page: Page, name: str, address: str, task: str) -> float:
    """From another page, whose answer is none of this one's."""
    page.goto(f"{address}/compare?task={task}")
    page.locator(ASKED["compare"]).first.wait_for()
    _turn_to(page, ASIDE.get(name, "workshop"))
    return _turn_to(page, name)


def _turn_to(page: Page, name: str) -> float:
    """The seconds from the click on a page's name until its answer stands there and not that of the page before."""
    link = page.locator("header").get_by_role("link", name=NAMES.get(name, name.title()), exact=True)
    until(lambda: settled(page), "the page before", PATIENCE)
    before = page.locator(TITLE).inner_text()
    start = time.perf_counter()
    link.click()
    page.locator(TITLE).filter(has_not_text=before).wait_for()
    page.locator(ASKED[name]).first.wait_for()
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
