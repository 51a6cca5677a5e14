"""The page Models in a real browser: every chart is drawn, a slider answers at once, the choice comes along."""

import time

import pytest
from PIL import Image
from playwright.sync_api import Page

from app.models.zoo_table import FLAGS, MASKING, WIDTHS
from tests.helpers.browser import here, in_turn, loaded, photograph, settled
from tests.helpers.screen import misfits
from tests.helpers.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("with-reports"), pytest.mark.timeout(600)]
SERVER = "with_reports"

WRITTEN = """(table, words) => {
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = `14px ${getComputedStyle(table).fontFamily}`;
  return pen.measureText(words).width + 2 * 8;
}"""  # pixels of a cell with these words, in the letters that tables are drawn in, between its edges

PARTS = "&open=curves,claims,sure,cards,perturbation"
START = f"models?image=photo:chelsea{PARTS}"
CHARTS = ["curves", "trade-off", "certainty", "gradients", "share", "cosine", "losses"]


def whole(page: Page) -> None:
    """Wait until all of the page is there."""
    until(lambda: page.locator("[data-cosine]").count() and settled(page) and loaded(page), "the perturbation")
    until(lambda: set(drawn(page)) >= {*CHARTS}, f"the charts {CHARTS}")


def drawn(page: Page) -> list[str]:
    """The charts that have marks in them."""
    return [name for name in CHARTS if page.locator(f".st-key-{name} .cartesianlayer path").count() > 0]


def boxes(page: Page, selector: str, least: int) -> list[dict[str, float]]:
    """Where the elements are, once there are enough of them; a page may run again while its theme settles."""
    script = "all => all.map(e => e.getBoundingClientRect().toJSON())"
    until(lambda: settled(page) and len(page.eval_on_selector_all(selector, script)) >= least, selector)
    return page.eval_on_selector_all(selector, script)


def cosine(page: Page) -> float:
    return float(page.locator("[data-cosine]").get_attribute("data-cosine"))


def slider(page: Page, label: str):
    return page.get_by_role("slider", name=label)


def test_a_move_of_a_slider_answers_at_once_and_changes_only_the_perturbation(visit):
    page = visit(f"models?network=pgd-linf&epoch=0&alpha=0.5&image=photo:chelsea{PARTS}")
    the_page_fits_its_window(page)
    noise, cards = cosine(page), page.locator("[data-card]").all_inner_texts()
    assert abs(noise) < 0.1
    slider(page, "Epoch i").focus()
    begun = time.monotonic()
    page.keyboard.press("End")
    until(lambda: cosine(page) > noise + 0.2, "the perturbation to follow the map")
    took = time.monotonic() - begun
    assert took < 10, f"{took:.1f} s"  # well under one on an idle machine
    until(lambda: "epoch=100" in here(page) and settled(page), "the epoch in the address")
    assert page.locator("[data-card]").all_inner_texts() == cards
    again = visit("models?" + here(page).split("?", 1)[1])
    assert cosine(again) == cosine(page) and not again.get_by_test_id("stAlert").count()


def test_the_last_column_of_the_table_is_in_sight_on_a_small_laptop(visit):
    page = visit(START)
    page.set_viewport_size({"width": 1280, "height": 720})
    table = page.get_by_test_id("stDataFrame").locator(".dvn-scroller").first
    until(lambda: table.count() and settled(page) and loaded(page), "the table")
    wider = "e => e.scrollWidth - e.clientWidth"
    until(lambda: table.evaluate(wider) <= 0, "the table to fit")
    two = "; ".join(FLAGS[flag] for flag in ("zero-gradient", "transfer"))  # as in the reports that ship
    assert table.evaluate(WRITTEN, two) <= WIDTHS[MASKING], "two signs of masking are read in full"


def test_the_choice_comes_along_through_the_navigation_and_back(visitor, address):
    page = visitor().new_page()
    page.goto(address)
    page.locator(".st-key-pick-photo-rocket button").first.click()
    until(lambda: "rocket" in here(page) and settled(page), "the picture in the address")
    page.get_by_test_id("stTopNavLink").filter(has_text="Models").click()
    page.locator(".st-key-trade-off .cartesianlayer path").first.wait_for(state="attached")
    a_button_saves_the_chart(page, "trade-off")
    until(lambda: "/models" in here(page) and "rocket" in here(page), "the picture in the new address")
    page.get_by_text("L2 · in total").click()
    until(lambda: "norm=l2" in here(page) and settled(page), "the norm in the address")
    page.get_by_test_id("stTopNavLink").filter(has_text="Compare").click()
    until(lambda: page.locator("[data-attacked]").count() == 3 and settled(page), "the first page")
    assert "rocket" in here(page) and "norm=l2" in here(page) and "map=" not in here(page)


def a_button_saves_the_chart(page: Page, chart: str) -> None:
    """Of 300 dots an inch at its size on the screen, where an inch has 96."""
    with page.expect_download() as waiting:
        page.locator(f".st-key-png-{chart} button").click()
    assert waiting.value.suggested_filename == f"{chart}.png"
    across = page.locator(f".st-key-{chart} .main-svg").first.bounding_box()["width"]
    with Image.open(waiting.value.path()) as saved:
        assert abs(saved.width - across * 300 / 96) < 4


def the_page_fits_its_window(page: Page) -> None:
    for size, scheme in in_turn(page, ("narrow", "dark"), ("wide", "light")):
        assert not misfits(page), size
        cards, steps = boxes(page, "[data-card]", 3), boxes(page, "[class*=st-key-step-] img", 6)
        if size == "narrow":
            assert len({round(box["x"]) for box in cards}) == 1 and all(box["width"] > 300 for box in cards)
            assert len({round(box["x"]) for box in steps}) == 2 and all(box["width"] > 150 for box in steps)
        else:
            assert len({round(box["x"]) for box in cards}) >= 2
            assert len({round(box["y"]) for box in steps}) == 1 and all(box["width"] > 140 for box in steps)
        photograph(page, f"models-{size}-{scheme}")
