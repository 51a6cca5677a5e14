"""The presenter in a real browser: keys, blink, sizes for the back row, touch, and the page as it was left."""

import pytest
from playwright.sync_api import Page

from tests.helpers.browser import here, loaded, photograph, settled
from tests.helpers.screen import violations
from tests.helpers.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("with-what-ships"), pytest.mark.timeout(600)]
SERVER = "with_what_ships"
START = "compare?image=photo:chelsea&models=standard,pgd-linf&epsilon=8&open=search"

SMALL = """dialog => [...dialog.querySelectorAll('*')].filter(e => e.getClientRects().length &&
  [...e.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.data.trim()))
  .map(e => [parseFloat(getComputedStyle(e).fontSize), e.textContent]).filter(([size]) => size < %d)"""
ROOM, PHONE = (
    SMALL % 28,
    SMALL % 20,
)  # text that is too small, in pixels: 28 of 1280 are 2 % of the width, 20 of 390 are 5 %
PAST = """dialog => [...dialog.querySelectorAll('*')].filter(e => e.getClientRects().length &&
  (e.getBoundingClientRect().bottom > innerHeight || e.getBoundingClientRect().right > innerWidth))
  .map(e => e.outerHTML)"""


def whole(page: Page) -> None:
    """Wait until the attack is there, and the button below it."""
    page.get_by_role("button", name="Presenter view").wait_for()
    until(lambda: settled(page) and loaded(page), "the page")


def present(page: Page):
    """The presenter, which the page's button has opened."""
    page.get_by_role("button", name="Presenter view").click()
    presenter = page.locator("dialog.presenter")
    presenter.wait_for()
    until(lambda: settled(page), "the presenter")
    return presenter


def faces(presenter) -> list[str]:
    return presenter.locator("section").evaluate_all("all => all.map(e => e.dataset.face)")


def networks(presenter) -> list[str]:
    return presenter.locator("section").evaluate_all("all => all.map(e => e.dataset.network)")


def test_keys_lead_through_it_and_escape_leaves_the_page_where_it_was(visit):
    page = visit(size="projector")
    page.get_by_role("button", name="Presenter view").scroll_into_view_if_needed()
    main = page.get_by_test_id("stMain")
    before = main.evaluate("e => e.scrollTop"), here(page), page.locator("details[open]").count()
    presenter, key = present(page), page.keyboard.press
    assert presenter.bounding_box() == {"x": 0, "y": 0, "width": 1280, "height": 720}
    assert not presenter.evaluate(ROOM) and not presenter.evaluate(PAST) and not violations(page)
    assert networks(presenter) == ["standard", "pgd-linf"] and presenter.get_attribute("data-covered") == "true"
    key("o")
    assert presenter.get_attribute("data-covered") == "false"
    key("ArrowRight")
    assert presenter.get_attribute("data-slide") == "attack" and faces(presenter) == ["clean"] * 2
    bars = presenter.locator("li")
    assert bars.count() == 6 and not presenter.evaluate(ROOM) and not presenter.evaluate(PAST)
    page.emulate_media(reduced_motion="no-preference")  # it does not blink for who asked for stillness
    key("b")
    lit = set()
    until(lambda: lit.update(faces(presenter)) or lit == {"clean", "attacked"}, "a blink", 60)
    key("b")
    key("p")
    assert bars.count() == 0
    key("1")
    assert networks(presenter) == ["standard"]
    key("ArrowRight")
    assert networks(presenter) == ["pgd-linf"] and presenter.get_attribute("data-slide") == "attack"
    key("q")
    assert presenter.locator(".room img").bounding_box()["height"] > 400
    assert "image=photo:chelsea" in presenter.locator(".room p").inner_text() and not presenter.evaluate(PAST)
    key("Escape")
    until(lambda: not presenter.count() and settled(page), "the page again")
    assert (main.evaluate("e => e.scrollTop"), here(page), page.locator("details[open]").count()) == before
    present(page)  # and it opens again


def test_a_phone_holds_it_up_by_taps_and_swipes(visit):
    page = visit(size="narrow", scheme="dark")
    presenter = present(page)
    assert not presenter.evaluate(PAST) and not violations(page) and networks(presenter) == ["standard"]
    assert not presenter.evaluate(PHONE)
    sizes = presenter.locator("button:visible").evaluate_all("all => all.map(e => e.getBoundingClientRect().height)")
    assert min(sizes) >= 44
    presenter.locator("section img").click()
    assert presenter.get_attribute("data-covered") == "false"
    swipe(page, presenter, -200)
    assert networks(presenter) == ["pgd-linf"]
    swipe(page, presenter, -200)
    assert presenter.get_attribute("data-slide") == "attack" and networks(presenter) == ["standard"]
    swipe(page, presenter, 200)
    assert presenter.get_attribute("data-slide") == "looks" and networks(presenter) == ["pgd-linf"]
    photograph(page, "presenter-narrow")
    presenter.get_by_role("button", name="Leave").click()
    until(lambda: not presenter.count(), "the page again")


def swipe(page: Page, presenter, across: int) -> None:
    box = presenter.locator(".panels").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - across / 2, y)
    page.mouse.down()
    page.mouse.move(x + across / 2, y, steps=4)
    page.mouse.up()
