"""The first screen answers the page's question, no page is long as it opens, everybody can read it, also offline."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page

from tests.helpers.browser import SIZES, photograph, settled
from tests.helpers.screen import ANSWERS, cut, outside, screens, violations
from tests.helpers.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("with-what-ships"), pytest.mark.timeout(900)]
SERVER = "with_what_ships"

AS_FIRST = {"saliency": "&rows=networks"}
"""What a visit without a link shows and a link that says nothing does not mean: older links keep their view."""
TASKS = ("cifar10", "fashion-mnist", "tiny20", "pasted")
PAGES = (*ANSWERS, "tour", "training")
MOST_SCREENS = 4.0


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


@pytest.mark.parametrize("name", PAGES)
def test_a_phone_shows_every_page_by_name_and_a_sign_where_something_goes_on(visitor, address, name):
    page = visitor("narrow").new_page()
    opened(page, address, name, ANSWERS.get(name, "h1"))
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert not cut(page)
    links = page.locator(".st-key-pages-narrow a")
    named = [
        "Compare",
        "Show me",
        "Adversarial",
        "Anomaly",
        "Saliency",
        "Latent",
        "Find",
        "Models",
        "Report",
        "Train",
        "Workshop",
    ]
    until(lambda: links.all_inner_texts() == named, "the names of the pages")
    assert not outside(page, ".st-key-pages-narrow a")


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_serious_fault_and_every_request_goes_to_the_server_itself(visitor, address, name, scheme):
    """The icon is looked up in the page: headless browsers don't fetch it."""
    page = visitor("wide", scheme).new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    opened(page, address, name, ANSWERS.get(name, "h1"))
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    icons = page.eval_on_selector_all("link[rel~=icon]", "all => all.map(one => one.href)")
    assert not [url for url in (*asked, *icons) if foreign(url, address)] and asked and icons
    faint = "all => all.filter(e => getComputedStyle(e).opacity < 0.8).length"
    captions = page.locator("[data-testid=stCaptionContainer]")
    until(lambda: not captions.evaluate_all(faint) and settled(page), "the style sheet")  # a rerun draws it anew
    assert not violations(page)
    photograph(page, f"first-{name}-{scheme}")
    if name == "compare":
        page.set_viewport_size(SIZES["narrow"])
        page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 700)")
        page.wait_for_timeout(700)
        assert not violations(page)
        ground = page.locator(".rs-pinned").evaluate("e => getComputedStyle(e).backgroundColor")
        assert ground.startswith("rgb("), ground  # nothing shines through, which axe-core can't judge everywhere
