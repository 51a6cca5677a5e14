"""The page Latent in a real browser: sliders and ribbons, the player, a fooling change, links, and absurd codes."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Page

from tests.helpers.browser import here, in_turn, loaded, photograph, settled
from tests.helpers.screen import misfits
from tests.helpers.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("with-reports"), pytest.mark.timeout(900)]
SERVER = "with_reports"

PARTS = "open=scrub,fool,neighbours,classes,way,metrics"
START = f"latent?task=fashion-mnist&models=standard,pgd-l2&image=generated:05&{PARTS}"
RIBBONS = 8


def whole(page: Page) -> None:
    """Wait until all of the page is there."""
    until(lambda: page.locator("[data-latent-row]").count() and settled(page), "the report", 240)
    until(lambda: page.locator(".player[data-ready=true]").count() == 2 and loaded(page), "the players")
    assert page.locator("[data-ribbon]").count() == RIBBONS


def drawn(page: Page) -> str:
    return page.locator("[data-tile=now] img").get_attribute("src")


def link(page: Page) -> dict[str, str]:
    """The query parameters in the address bar."""
    return dict(parse_qsl(urlsplit(here(page)).query))


def answers(page: Page) -> list[str]:
    return page.locator("[data-answer]").evaluate_all("all => all.map(e => e.dataset.class)")


def move(page: Page, axis: str, key: str) -> None:
    """Move a slider by the keyboard, and wait until all of the page has followed."""
    before = drawn(page)
    page.locator(f".st-key-slider-{axis}").get_by_role("slider").focus()
    page.keyboard.press(key)
    until(lambda: drawn(page) != before and settled(page), "the picture to follow")


def sample(page: Page) -> None:
    """Draw a code from the prior."""
    before = drawn(page)
    page.get_by_role("button", name="Draw a sample").click()
    until(lambda: drawn(page) != before and settled(page), "a sample")
    assert "code" in link(page)


def test_a_visitor_goes_through_the_page(visit):
    page = visit()
    the_page_fits_its_window(page)
    the_player_goes_along_a_slider_and_asks_nothing_of_the_server(page)
    a_ribbon_says_what_the_networks_answer_where_its_slider_goes(page)
    a_fooling_change_is_found_for_each_network(page)
    a_link_shows_a_second_visitor_the_same_picture(page, visit)


def a_ribbon_says_what_the_networks_answer_where_its_slider_goes(page: Page) -> None:
    ends = page.locator("[data-ribbon=d2] [data-network]").evaluate_all(
        "all => all.map(e => e.lastElementChild.dataset.class)"
    )
    last = page.locator("[data-ribbon=d2] .rs-ribbon-ends img").nth(1).get_attribute("src")
    assert "moves" not in link(page)
    move(page, "d2", "End")
    assert link(page)["moves"] == "0,4,0,0,0" and drawn(page) == last and answers(page) == ends
    mark = page.locator("[data-ribbon=d2] .rs-ribbon-mark").bounding_box()
    thumb = page.locator(".st-key-slider-d2 [data-testid=stSlider]").bounding_box()
    assert mark["x"] > thumb["x"] + 0.9 * thumb["width"]
    move(page, "decay", "ArrowRight")
    assert link(page)["decay"] == "0.05"
    page.get_by_role("button", name="Sliders to rest").click()
    until(lambda: "moves" not in link(page) and settled(page), "the sliders to rest")
    assert page.locator("[data-here]").get_attribute("data-image") == "0.0000"


def the_player_goes_along_a_slider_and_asks_nothing_of_the_server(page: Page) -> None:
    player = page.locator(".player").first
    pixels = """p => { const c = p.querySelector("canvas[data-kind=now]");
                       return [...c.getContext("2d").getImageData(0, 0, c.width, c.height).data].join() }"""
    middle, said = player.evaluate(pixels), player.locator(".caption").inner_text()
    asked = []
    page.on("websocket", lambda socket: asked.append("socket"))
    player.locator(".scrub").focus()
    seen = {middle}
    for _ in range(5):
        page.keyboard.press("ArrowRight")
        seen.add(player.evaluate(pixels))
    assert len(seen) == 6 and player.get_attribute("data-position") == "21"
    page.keyboard.press("End")
    assert "4.00" in player.locator(".said").inner_text() and player.locator(".caption").inner_text() != said
    assert not asked and "moves" not in link(page)


def a_fooling_change_is_found_for_each_network(page: Page) -> None:
    label = page.locator("[data-here]").get_attribute("data-here")
    sample(page)
    page.get_by_role("button", name="Find the smallest change").click()
    until(lambda: page.locator("[data-fooled]").count() == 2 and settled(page), "the searches", 300)
    for section in page.locator("[data-fooled]").all():
        assert section.get_attribute("data-found") == "True"
        ends = [section.locator("figcaption b").nth(which).inner_text() for which in (0, -1)]
        assert ends[0] != ends[1] and 0 < float(section.get_attribute("data-norm")) < 2.5
        assert (ends[0] == label) == (section.get_attribute("data-right") == "True")
        assert section.locator(".rs-wrong").count() >= 1
        assert section.locator("[data-passed]").count() == 1
    assert not page.get_by_test_id("stAlert").count()


def a_link_shows_a_second_visitor_the_same_picture(page: Page, visit) -> None:
    move(page, "d1", "PageDown")
    move(page, "noise", "PageUp")
    again = visit("latent?" + here(page).split("?", 1)[1])
    assert drawn(again) == drawn(page) and answers(again) == answers(page)
    assert not again.get_by_test_id("stAlert").count()


def test_a_code_that_is_not_a_number_is_a_sentence(visit):
    page = visit(f"{START}&code={'AH4' * 43}")
    told = page.get_by_test_id("stAlert").inner_text()
    assert "The link's code can't be used" in told.replace("`", "") and "The picture's own code is used." in told
    assert page.locator("[data-tile=picture]").count() == 1


def the_page_fits_its_window(page: Page) -> None:
    for size, scheme in in_turn(page, ("narrow", "dark"), ("wide", "light")):
        assert not misfits(page), size
        if size == "narrow":  # the picture stays in sight of the sliders
            page.locator(".st-key-slider-noise").scroll_into_view_if_needed()
            page.wait_for_timeout(300)
            box = page.locator(".rs-mini img").bounding_box()
            assert 0 <= box["y"] < 200
        photograph(page, f"latent-{size}-{scheme}")
