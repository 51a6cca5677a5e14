"""A region pointed at in a real browser: drawn by mouse and finger, read in the table, moved by keys, and cleared."""

import pytest
from playwright.sync_api import Page

from tests.helpers.browser import here, settled
from tests.helpers.screen import violations
from tests.helpers.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("with-reports"), pytest.mark.timeout(900)]
SERVER = "with_reports"

VIEW = "models=standard,pgd-linf&image=photo:chelsea&open=point"
START = f"saliency?{VIEW}&methods=gradient,grad-cam"


def whole(page: Page) -> None:
    """Wait until the panels are drawn."""
    until(lambda: page.locator(".region[data-ready=true]").count() and settled(page), "the panels")


def places(page: Page, panel: str, *pixels: tuple[int, int]) -> list[tuple[float, float]]:
    """Where pixels (column, row) of a panel are on the screen."""
    canvas = page.locator(f"[data-panel='{panel}'] canvas")
    canvas.scroll_into_view_if_needed()
    frame = canvas.bounding_box()
    return [
        (frame["x"] + (x + 0.5) * frame["width"] / 32, frame["y"] + (y + 0.5) * frame["width"] / 32) for x, y in pixels
    ]


def shares(page: Page) -> list[float]:
    return page.locator("[data-panel*=gradient] .share").evaluate_all("all => all.map(e => +e.dataset.share)")


def test_a_box_drawn_on_a_map_stands_on_all_and_its_shares_and_new_answers_follow(visit):
    page = visit()
    start, end = places(page, "standard,gradient", (6, 4), (21, 19))
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=3)
    region = page.locator(".region")
    until(lambda: region.get_attribute("data-box") == "4,6,16,16", "the box while it is drawn")
    summed = shares(page)
    assert (
        "pixels=" not in here(page) and not page.locator("[data-panel=cover]").count()
    )  # the server knows nothing yet
    page.mouse.up()
    until(lambda: page.locator("[data-panel=cover]").count() and settled(page), "the new answers")
    cells = page.locator("td[data-share$=gradient]")
    assert "pixels=4,6,16,16" in here(page).replace("%2C", ",") and page.locator("td[data-share]").count() == 4
    told = cells.evaluate_all("all => all.map(e => +e.dataset.value)")
    assert len(summed) == 2 and all(abs(one - other) < 1e-3 for one, other in zip(summed, told, strict=True))
    assert page.locator("[data-panel=cover] .answers li").count() == 2
    before, covered = (page.locator(f"[data-panel={key}] .answers").inner_text() for key in ("picture", "cover"))
    assert before != covered and not violations(page)

    page.get_by_role("button", name="Zoom in").click()
    page.locator(".panels").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowUp")
    until(lambda: "pixels=4,7,15,16" in here(page).replace("%2C", ",") and settled(page), "the box that keys moved")
    assert region.get_attribute("data-zoom") == "1.5"  # the zoom outlives the answer
    page.keyboard.press("Escape")
    until(lambda: "pixels=" not in here(page) and settled(page), "no box")
    assert not page.locator("[data-panel=cover]").count()


def test_a_finger_draws_on_a_phone_and_the_attack_is_held_to_either_part(visitor, address):
    page = visitor("narrow", "dark").new_page()
    page.goto(f"{address}/adversarial?{VIEW.replace(',pgd-linf', '')}&norm=linf&epsilon=8")
    whole(page)
    finger = page.context.new_cdp_session(page)
    finger.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    for kind, (x, y) in zip(
        ("Start", "Move", "Move"), places(page, "picture", (8, 8), (12, 15), (23, 23)), strict=True
    ):
        finger.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": [{"x": x, "y": y}]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    until(lambda: page.locator("[data-panel='standard,outside'] .answers").count() and settled(page), "the attack")
    assert "8/255" in page.locator(".region h3").inner_text() and not page.get_by_test_id("stAlert").count()
    assert page.locator(".region").get_attribute("data-box") == "8,8,16,16"
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 0)")  # away from below the pinned picture
    assert not violations(page)
