"""The page Train in a real browser: networks learn on a synthetic data set, and join the pages of their visitor."""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page

from app.state.visitor_cookie import COOKIE
from tests.helpers.browser import in_turn, loaded, photograph, served, settled
from tests.helpers.data_sets import write_fashion
from tests.helpers.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("training"), pytest.mark.timeout(1800)]

AWAY = 4  # seconds
LEARNING = 480.0  # seconds; about ten on an idle core, but the machine may be busy
SHORT = "training?task=fashion-mnist&recipe=standard&images=256&epochs=1"
LONG = "training?task=fashion-mnist&recipe=standard&images=384&epochs=32"


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    """The dashboard on a synthetic data set, its visitors' networks in a folder of the test."""
    root = tmp_path_factory.mktemp("train")
    environment = {
        "ROBUSTSCOPE_DATA": str(write_fashion(root / "data")),
        "ROBUSTSCOPE_VISITORS": str(root / "visitors"),
        "ROBUSTSCOPE_AWAY": str(AWAY),
        "ROBUSTSCOPE_NICE": "0",  # the machine of a test may be busy with other things
    }
    with served(**environment) as found:
        yield found


def train(context: BrowserContext, address: str, query: str) -> Page:
    """A tab in which a training has been started."""
    page = context.new_page()
    page.goto(f"{address}/{query}")
    page.get_by_role("button", name="Start training").wait_for()
    until(lambda: settled(page), "the page")
    page.get_by_role("button", name="Start training").click()
    page.locator("[data-training]").first.wait_for()
    return page


def states(page: Page) -> list[str]:
    return page.eval_on_selector_all("[data-training]", "all => all.map(e => e.dataset.state)")


def frames(page: Page) -> int:
    """How many moments the film has."""
    film = page.locator(".film")
    return int(film.get_attribute("data-last") or 0) + 1 if film.count() else 0


def curve(page: Page) -> int:
    """How many corners the first curve has."""
    path = page.locator(".js-plotly-plot .scatterlayer path.js-line").first
    return len(re.findall("[ML]", path.get_attribute("d") or "")) if path.count() else 0


def map_colours(page: Page) -> int:
    """How many colours the first gradient map shows."""
    return page.locator(".tile.map canvas").first.evaluate(
        """canvas => new Set(new Uint32Array(canvas.getContext('2d')
            .getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size"""
    )


def button(page: Page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def press(page: Page, name: str, state: str) -> None:
    """Press a button of the only training until it is in a state; the page redraws itself, and a press can miss."""

    def reached() -> bool:
        if states(page) == [state]:
            return True
        if button(page, name).count() and button(page, name).is_enabled():
            button(page, name).click()
            with suppress(AssertionError):
                until(lambda: states(page) == [state], state, 2)
        return states(page) == [state]

    until(reached, f"{state} after {name}")


def test_a_link_to_the_page_finds_the_navigation_also_on_a_fresh_server_and_gives_a_signed_cookie(visitor, address):
    """No script reads the cookie, a second visit keeps it; and the page fits its window."""
    context = visitor()
    page = context.new_page()
    for _ in range(2):
        page.goto(f"{address}/training")
        button(page, "Start training").wait_for()
        until(lambda: page.get_by_test_id("stTopNavLink").count() >= 3, "the navigation")
        until(lambda: any(one["name"] == COOKIE for one in context.cookies()), "the cookie")
    (cookie,) = [one for one in context.cookies() if one["name"] == COOKIE]
    assert cookie["httpOnly"] and cookie["sameSite"] == "Lax" and "." in cookie["value"]
    assert COOKIE not in page.evaluate("document.cookie")
    for size, scheme in in_turn(page, ("wide", "light"), ("narrow", "dark")):
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), size
        photograph(page, f"training-{size}-{scheme}")


def test_watch_one_learn_cancel_it_finish_another_and_see_it_on_compare(visitor, address):
    context = visitor()
    page = train(context, address, LONG)
    until(lambda: frames(page) >= 2 and curve(page) >= 2, "the first moments", LEARNING)
    seen, corners = frames(page), curve(page)
    until(lambda: frames(page) > seen and curve(page) > corners, "the film and the curve to grow", LEARNING)
    assert map_colours(page) > 20
    press(page, "Pause", "paused")
    press(page, "Go on", "running")
    press(page, "Cancel", "stopped")
    assert not page.locator("[data-own]").count()
    button(page, "Put away").click()
    until(lambda: not states(page), "it to be put away")
    page.close()

    page = train(context, address, SHORT)
    until(lambda: states(page) == ["finished"], "the training to finish", LEARNING)
    page.locator("[data-own]").wait_for()
    slider = page.locator(".film input")
    newest = page.locator(".film output").inner_text()
    slider.focus()
    page.keyboard.press("Home")
    assert page.locator(".film").get_attribute("data-position") == "0"
    assert page.locator(".film output").inner_text() != newest == "after 1.0 epoch"
    until(lambda: settled(page) and loaded(page), "the page")
    photograph(page, "training-finished")
    with page.expect_download() as download:
        button(page, "Download").click()
    saved = download.value.path()
    page.get_by_role("link", name="See them on Compare").click()
    until(lambda: page.locator("[data-answer='own-Standard']").count() == 1, "the network on Compare")
    until(lambda: page.locator("[data-attacked='own-Standard']").count() == 1 and settled(page), "its attack")
    assert not page.get_by_test_id("stAlert").count()

    stranger = visitor().new_page()
    stranger.goto(f"{address}/?task=fashion-mnist&models=standard,own-Standard")
    stranger.get_by_text("could not be taken as they are").wait_for()
    assert not stranger.locator("[data-answer='own-Standard']").count()
    check_loading(stranger, address, saved)


def check_loading(page: Page, address: str, saved: Path) -> None:
    """What one visitor downloaded, another loads; a broken file is a sentence."""
    data = saved.read_bytes()
    load(page, address, data[:-50])
    page.get_by_text("not a ZIP that can be read").wait_for()
    assert not page.locator("[data-own]").count()
    load(page, address, data)
    page.locator("[data-own='own-Gift']").wait_for()


def load(page: Page, address: str, data: bytes) -> None:
    """Load a network from a file, on a page with nothing in its box."""
    page.goto(f"{address}/training")
    page.get_by_text("Load a network that you downloaded").click()
    page.locator("input[type=file]").set_input_files(
        {"name": "Gift.zip", "mimeType": "application/zip", "buffer": data}
    )
    page.get_by_text("Gift.zip").first.wait_for()
    until(lambda: settled(page) and button(page, "Load it").is_enabled(), "the file")
    button(page, "Load it").click()


def test_closing_the_tab_stops_the_training_and_coming_back_resumes_it(visitor, address):
    context = visitor()
    page = train(context, address, LONG)
    until(lambda: frames(page) >= 3, "the training to run", LEARNING)
    page.close()
    page = context.new_page()
    page.wait_for_timeout((AWAY + 3) * 1000)  # longer than a reload may take
    page.goto(f"{address}/training")
    until(lambda: states(page) == ["stopped"], "the stopped training")
    page.get_by_text("The page was closed").wait_for()
    press(page, "Resume", "running")
    press(page, "Cancel", "stopped")
