"""The first screen answers the page's question, no page is long as it opens, everybody can read it, also offline."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, WebSocketRoute
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.helpers.browser import SIZES, at_rest, in_turn, photograph, settled, turn_to
from tests.helpers.screen import (
    ANSWERS,
    OF_COLOURS,
    SIDEWAYS,
    broken,
    cut,
    faint,
    outside,
    screens,
    shortened,
    violations,
)
from tests.helpers.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("with-what-ships"), pytest.mark.timeout(900)]
SERVER = "with_what_ships"

NAMES = {
    "compare": "Compare", "tour": "Show me", "adversarial": "Adversarial", "anomaly": "Anomaly",
    "saliency": "Saliency", "latent": "Latent", "find": "Find", "models": "Models", "report": "Report",
    "training": "Train", "workshop": "Workshop",
}  # fmt: skip
"""What pages are called, in the order of the navigation."""
VIEWS = {"Many pictures": ".st-key-anomaly-sample-try", "How far to trust it": "[data-means]"}
OF_NO_TASK = ("tour", "training", "workshop")
MOST_SCREENS = 4.0
FITS = "document.documentElement.scrollWidth <= window.innerWidth"
FAINT = "all => all.filter(e => getComputedStyle(e).opacity < 0.8).length"
LINKS = ".st-key-pages-narrow a"


def whole(page: Page, name: str) -> None:
    """Wait until what a page is about is there and the server has nothing left to do."""
    until(lambda: page.locator(ANSWERS[name]).count() and settled(page), name, 240)
    at_rest(page, 300)
    until(lambda: settled(page), name, 240)


def opened(page: Page, address: str, name: str) -> None:
    """Come to a page."""
    page.goto(f"{address}/{name}")
    whole(page, name)


def in_order(page: Page, address: str, query: str, names: tuple[str, ...]) -> Iterator[str]:
    """Each of these pages, one after the other by their names in the navigation, of one visit that a link begins."""
    page.set_viewport_size(SIZES["wide"])
    page.goto(f"{address}/{names[0]}?{query}")
    for name in names:
        if name != names[0]:
            page.set_viewport_size(SIZES["wide"])
            turn_to(page, NAMES[name], name)
        whole(page, name)
        assert not page.get_by_text("Choose options").count(), name  # the side panel names the networks on every page
        yield name


def foreign(url: str, address: str) -> bool:
    """Whether an address is another server's: every page promises to work offline."""
    return urlsplit(url).scheme in ("http", "https") and urlsplit(url).netloc != urlsplit(address).netloc


def test_networks_go_by_under_a_picture_that_stays(visitor, address):
    page = visitor("narrow").new_page()
    opened(page, address, "compare")
    second = page.locator("[data-model]").nth(1)
    first = second.bounding_box()["x"]
    assert 250 < first < 390  # it shows that it is there
    second.evaluate("e => e.scrollIntoView({inline: 'start', block: 'center'})")
    until(lambda: second.bounding_box()["x"] < 60, "the second network")
    page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 900)")
    page.wait_for_timeout(300)
    assert 0 <= page.locator(".rs-pinned img").bounding_box()["y"] < 200


@pytest.mark.parametrize("task", ["fashion-mnist", "tiny20", "pasted", "imagenet"])
def test_the_answer_stands_on_the_first_screen_for_every_task_and_a_phone_shows_all(visitor, address, task):
    """Explanations within no budget stand as others do, and cost no gradients; the next test has their first view."""
    page = visitor("wide").new_page()
    others = (name for name in NAMES if name not in ("adversarial", *OF_NO_TASK))
    for name in in_order(page, address, f"task={task}&rho=0", ("adversarial", *others)):
        assert task in page.evaluate("location.href"), name
        the_first_screen_answers(page, name)
        page.set_viewport_size(SIZES["projector"])
        at_rest(page)
        assert not outside(page, ANSWERS[name]), name
        words_are_whole(page, name)
        page.set_viewport_size(SIZES["narrow"])
        at_rest(page)
        fits_a_phone(page, name)


def test_of_every_page_in_both_themes_and_three_sizes_axe_finds_no_fault_and_nothing_is_asked_elsewhere(
    visitor, address
):
    """What a theme changes is colours: for the dark one axe-core looks at them alone.

    The icon is looked up in the page: headless browsers don't fetch it.
    """
    page, asked = visitor("wide").new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    for name in in_order(page, address, "task=cifar10", tuple(NAMES)):
        looks = ("wide", "light"), ("projector", "light"), ("wide", "dark"), ("narrow", "dark"), ("narrow", "light")
        for size, scheme in in_turn(page, *looks):
            drawn(page)
            photograph(page, f"first-{name}-{size}-{scheme}")
            assert not faint(page), (name, size, scheme)
            if size == "wide" and scheme == "light":
                the_first_screen_answers(page, name)
                continue
            assert not violations(page, OF_COLOURS if scheme == "dark" else ()), (name, size, scheme)
            if size == "projector":
                assert not outside(page, ANSWERS[name]), name
                words_are_whole(page, name)
            elif size == "narrow" and scheme == "dark":
                fits_a_phone(page, name)
            if size == "narrow" and name == "compare":
                the_pinned_picture_can_be_read(page)
        if name == "anomaly":
            the_other_views_are_short(page)
    icons = page.eval_on_selector_all("link[rel~=icon]", "all => all.map(one => one.href)")
    assert not [url for url in (*asked, *icons) if foreign(url, address)] and asked and icons


def drawn(page: Page) -> None:
    """Wait for the style sheet, which a rerun draws anew."""
    captions = page.locator("[data-testid=stCaptionContainer]")
    until(lambda: not captions.evaluate_all(FAINT) and settled(page), "the style sheet")


def the_first_screen_answers(page: Page, name: str) -> None:
    """What the page is about stands there, and the page is not long."""
    assert page.evaluate(FITS), name
    assert screens(page) <= MOST_SCREENS, (name, screens(page))
    assert not outside(page, ANSWERS[name]), name
    words_are_whole(page, name)
    assert not page.locator(SIDEWAYS).evaluate_all("all => all.filter(e => e.scrollWidth > e.clientWidth).length"), name
    assert page.get_by_role("banner").locator("[aria-current=page]").count() == 1, name


def words_are_whole(page: Page, name: str) -> None:
    """None ends in an ellipsis or at an edge, and none goes on in the next line without a hyphen."""
    assert not shortened(page), name
    assert not broken(page), name


def the_other_views_are_short(page: Page) -> None:
    """Those of the page Anomaly, which have links of their own."""
    for view, shown in VIEWS.items():
        page.get_by_role("radio", name=view).click()
        until(lambda shown=shown: page.locator(shown).count() and settled(page), view)
        for size, _ in in_turn(page, ("wide", "dark"), ("narrow", "dark")):
            if size == "wide":
                assert page.evaluate(FITS) and screens(page) <= MOST_SCREENS, (view, screens(page))
            else:
                fits_a_phone(page, view)


def fits_a_phone(page: Page, name: str) -> None:
    """Every page is named on the first screen, what goes on to the right has a sign, and no words are cut."""
    assert page.evaluate(FITS), name
    assert not cut(page), name
    words_are_whole(page, name)
    until(lambda: page.locator(LINKS).all_inner_texts() == [*NAMES.values()], "the names of the pages")
    assert not outside(page, LINKS), name


def the_pinned_picture_can_be_read(page: Page) -> None:
    """What is said at the picture that stays, over whatever the page has below it."""
    page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 700)")
    at_rest(page)
    assert not violations(page, OF_COLOURS)
    ground = page.locator(".rs-pinned").evaluate("e => getComputedStyle(e).backgroundColor")
    assert ground.startswith("rgb("), ground  # nothing shines through, which axe-core can't judge everywhere


def test_no_names_of_files_stand_beside_a_page_before_the_first_run_has_named_it(visitor, address):
    """Streamlit lists the files in pages/ until the navigation comes, which is long on a busy server."""
    page, begun = visitor().new_page(), []

    def until_the_navigation(route: WebSocketRoute) -> None:
        server = route.connect_to_server()

        def sent(data: bytes | str) -> None:
            message = ForwardMsg()
            message.ParseFromString(data)
            kind = message.WhichOneof("type")
            if kind not in ("navigation", "delta"):
                route.send(data)
            begun.extend([kind] * (kind == "new_session"))

        server.on_message(sent)

    page.route_web_socket("**/_stcore/stream", until_the_navigation)
    page.goto(f"{address}/models")
    until(lambda: page.wait_for_timeout(50) or begun, "a run")
    at_rest(page, 1000)
    assert not page.get_by_test_id("stSidebarNav").count()
