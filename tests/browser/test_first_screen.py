"""The first screen answers the page's question, no page is long as it opens, everybody can read it, also offline."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page

from tests.helpers.browser import SIZES, in_turn, photograph, settled
from tests.helpers.screen import ANSWERS, cut, outside, screens, violations
from tests.helpers.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("with-what-ships"), pytest.mark.timeout(900)]
SERVER = "with_what_ships"

AS_FIRST = {"saliency": "&rows=networks"}
"""What a visit without a link shows and a link that says nothing does not mean: older links keep their view."""
TASKS = ("cifar10", "fashion-mnist", "tiny20", "pasted")
PAGES = (*ANSWERS, "tour", "training")
MOST_SCREENS = 4.0
FITS = "document.documentElement.scrollWidth <= window.innerWidth"
FAINT = "all => all.filter(e => getComputedStyle(e).opacity < 0.8).length"
LINKS = ".st-key-pages-narrow a"
LINKED = [
    "Compare", "Show me", "Adversarial", "Anomaly", "Saliency", "Latent", "Find", "Models", "Report", "Train",
    "Workshop",
]  # fmt: skip


def opened(page: Page, address: str, path: str, wanted: str) -> None:
    """Go to a page, and wait until what is wanted is there and the server has nothing left to do."""
    page.goto(f"{address}/{path}")
    until(lambda: page.locator(wanted).count() and settled(page), wanted, 240)
    page.wait_for_timeout(700)
    until(lambda: settled(page), path, 240)


def foreign(url: str, address: str) -> bool:
    """Whether an address is another server's: every page promises to work offline."""
    return urlsplit(url).scheme in ("http", "https") and urlsplit(url).netloc != urlsplit(address).netloc


@pytest.mark.parametrize("name", ANSWERS)
def test_the_answer_stands_on_the_first_screen_for_every_task(visitor, address, name):
    page = visitor("wide").new_page()
    for task in TASKS:
        page.set_viewport_size(SIZES["wide"])
        opened(page, address, f"{name}?task={task}{AS_FIRST.get(name, '')}", ANSWERS[name])
        assert screens(page) <= MOST_SCREENS, (task, screens(page))
        assert not outside(page, ANSWERS[name]), task
        page.set_viewport_size(SIZES["projector"])
        page.wait_for_timeout(700)
        assert not outside(page, ANSWERS[name]), task


def test_networks_go_by_under_a_picture_that_stays(visitor, address):
    page = visitor("narrow").new_page()
    opened(page, address, "compare", ANSWERS["compare"])
    second = page.locator("[data-model]").nth(1)
    first = second.bounding_box()["x"]
    assert 250 < first < 390  # it shows that it is there
    second.evaluate("e => e.scrollIntoView({inline: 'start', block: 'center'})")
    until(lambda: second.bounding_box()["x"] < 60, "the second network")
    page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 900)")
    page.wait_for_timeout(300)
    assert 0 <= page.locator(".rs-pinned img").bounding_box()["y"] < 200


@pytest.mark.parametrize("name", PAGES)
def test_a_phone_shows_all_and_on_a_wide_screen_axe_finds_no_fault_and_nothing_is_asked_elsewhere(
    visitor, address, name
):
    """The icon is looked up in the page: headless browsers don't fetch it."""
    page = visitor("narrow").new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    opened(page, address, name, ANSWERS.get(name, "h1"))
    fits_a_phone(page)
    captions = page.locator("[data-testid=stCaptionContainer]")
    for _, scheme in in_turn(page, ("wide", "light"), ("wide", "dark")):
        assert page.evaluate(FITS)
        until(lambda: not captions.evaluate_all(FAINT) and settled(page), "the style sheet")  # a rerun draws it anew
        assert not violations(page), scheme
        photograph(page, f"first-{name}-{scheme}")
    if name == "compare":
        for _ in in_turn(page, ("narrow", "dark"), ("narrow", "light")):
            the_pinned_picture_can_be_read(page)
    icons = page.eval_on_selector_all("link[rel~=icon]", "all => all.map(one => one.href)")
    assert not [url for url in (*asked, *icons) if foreign(url, address)] and asked and icons


def fits_a_phone(page: Page) -> None:
    """Every page is named on the first screen, and what goes on to the right has a sign."""
    assert page.evaluate(FITS)
    assert not cut(page)
    until(lambda: page.locator(LINKS).all_inner_texts() == LINKED, "the names of the pages")
    assert not outside(page, LINKS)


def the_pinned_picture_can_be_read(page: Page) -> None:
    """What is said at the picture that stays, over whatever the page has below it."""
    page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 700)")
    page.wait_for_timeout(700)
    assert not violations(page)
    ground = page.locator(".rs-pinned").evaluate("e => getComputedStyle(e).backgroundColor")
    assert ground.startswith("rgb("), ground  # nothing shines through, which axe-core can't judge everywhere
