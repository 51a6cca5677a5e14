"""The page Adversarial in a real browser: grid, player, curves, matrix and fooled heat maps, each used once."""

import time

import pytest
from playwright.sync_api import Page

from tests.helpers.browser import downloaded, here, in_turn, loaded, photograph, settled
from tests.helpers.screen import misfits
from tests.helpers.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("with-reports"), pytest.mark.timeout(900)]
SERVER = "with_reports"

OPEN = "path,survival,transfer,fooling"
START = f"adversarial?models=standard,pgd-l2,pgd-linf&image=photo:chelsea&open={OPEN}"
NETWORKS = 3
HEAT_MAPS = "adversarial?models=standard,pgd-l2&image=photo:chelsea&open=fooling"
LAST = 35  # steps of an explanation


def whole(page: Page) -> None:
    """Wait until all of the page is there."""
    until(
        lambda: page.locator(".st-key-matrix-cifar10 .scatterlayer text").count() and settled(page), "the matrix", 240
    )
    until(lambda: page.locator(".player[data-ready=true]").count() and loaded(page), "the player")


def position(page: Page) -> int:
    return int(page.locator(".player").get_attribute("data-position"))


def pixels(page: Page, kind: str, track: int = 0) -> list[int]:
    """The values in the middle of each of the 32 x 32 squares of one picture of the player, as they are drawn."""
    script = """c => {
      const step = c.width / 32, read = c.getContext("2d"), found = [];
      for (let y = step / 2; y < c.height; y += step)
        for (let x = step / 2; x < c.width; x += step)
          found.push(...read.getImageData(Math.floor(x), Math.floor(y), 1, 1).data);
      return found;
    }"""
    return page.locator(f".track canvas[data-kind={kind}]").nth(track).evaluate(script)


def curves(page: Page) -> list[str]:
    return page.locator(".player .legend b").all_inner_texts()


def test_a_visitor_goes_through_the_page(visit):
    page = visit()
    another_class_gives_another_path_and_its_link(page, visit)
    the_player_asks_nothing_of_the_server(page)
    curves_and_matrix_are_drawn_and_a_click_on_a_cell_shows_its_picture(page)
    the_grid_shows_every_class_for_each_network_and_follows_the_budget(page)
    the_page_fits_its_window(page)


def the_grid_shows_every_class_for_each_network_and_follows_the_budget(page: Page) -> None:
    assert page.locator("[data-explained]").count() == NETWORKS
    assert page.locator("[data-explained] [data-class]").count() == 10 * NETWORKS
    assert page.locator("[data-draws]").count() == NETWORKS
    after = page.locator("[data-explained] [data-class]").evaluate_all("all => all.map(e => +e.dataset.after)")
    assert min(after) > 0.5  # both networks are made to believe each class
    slider = page.get_by_role("slider", name="How much may change")
    slider.focus()
    begun = time.monotonic()
    page.keyboard.press("Home")
    until(lambda: "rho=0&" in here(page) and settled(page), "the budget in the address")
    same = page.locator("[data-explained] [data-class]").evaluate_all(
        "all => all.every(e => e.dataset.before === e.dataset.after)"
    )
    assert same and time.monotonic() - begun < 30  # well under two on an idle machine
    assert not page.get_by_test_id("stAlert").count()


def the_player_asks_nothing_of_the_server(page: Page) -> None:
    asked, before = [], here(page)
    page.on("websocket", lambda socket: asked.append("socket"))
    pictures_and_curves_move_together(page)
    page.locator(".scrub").focus()
    page.keyboard.press("End")
    it_wipes_blinks_amplifies_zooms_and_reads_a_pixel(page)
    assert not asked and here(page) == before


def pictures_and_curves_move_together(page: Page) -> None:
    assert position(page) == LAST and page.locator(".track").count() == NETWORKS
    ended, final = pixels(page, "now"), curves(page)
    page.locator(".scrub").focus()
    page.keyboard.press("Home")
    assert position(page) == 0 and pixels(page, "now") == pixels(page, "reference") and curves(page) != final
    grey = pixels(page, "change")
    assert set(grey) <= {127, 128, 255}  # no difference from itself, and opaque
    page.keyboard.press("ArrowRight")
    assert position(page) == 1 and pixels(page, "change") != grey
    page.locator(".tracks").focus()
    page.keyboard.press("Space")
    until(lambda: position(page) == LAST, "the player to play to its end", 30)
    assert pixels(page, "now") == ended and curves(page) == final
    chart = page.locator(".player svg").first
    box = chart.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)
    assert 10 < position(page) < 25


def it_wipes_blinks_amplifies_zooms_and_reads_a_pixel(page: Page) -> None:
    weak = pixels(page, "change")
    page.get_by_label("Amplification of the difference").focus()
    page.keyboard.press("End")
    assert pixels(page, "change") != weak
    now, start = pixels(page, "now"), pixels(page, "reference")
    page.get_by_label("Zoom in").click()
    page.get_by_label("Zoom in").click()
    near = pixels(page, "now")
    assert page.locator(".player").get_attribute("data-zoom") == "4" and near != now
    canvas = page.locator(".track canvas[data-kind=now]").first
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert "pixel (16, 16)" in page.locator(".pixel").first.inner_text()
    assert "→" in page.locator(".pixel").nth(1).inner_text()  # of the same pixel in the other network's picture
    page.mouse.down()
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.up()
    assert pixels(page, "now") != near
    canvas.dblclick()
    canvas.dblclick()
    assert page.locator(".player").get_attribute("data-zoom") == "1"
    page.get_by_role("radio", name="wipe").check(force=True)
    page.get_by_label("Place of the divider").focus()
    page.keyboard.press("Home")
    assert pixels(page, "wipe") == now
    page.keyboard.press("End")
    assert pixels(page, "wipe") == start
    page.get_by_role("radio", name="blink").check(force=True)
    seen = set()
    until(lambda: seen.add(pixels(page, "blink") == start) or len(seen) == 2, "both pictures of a blink", 60)


def another_class_gives_another_path_and_its_link(page: Page, visit) -> None:
    before = pixels(page, "now", 1)
    page.locator("[class*=st-key-adversarial-target]").get_by_text("ship", exact=True).click()
    until(lambda: "target=ship" in here(page) and settled(page), "the class in the address")
    until(lambda: page.locator(".caption", has_text="ship").count() == NETWORKS, "the path to the class")
    assert pixels(page, "now", 1) != before
    again = visit("adversarial?" + here(page).split("?", 1)[1])
    assert pixels(again, "now", 1) == pixels(page, "now", 1) and not again.get_by_test_id("stAlert").count()


def curves_and_matrix_are_drawn_and_a_click_on_a_cell_shows_its_picture(page: Page) -> None:
    for name in ("attack", "btr"):
        assert page.locator(f".st-key-areas-{name} .scatterlayer path.js-line").count() >= 2, name
    assert page.locator("[data-area]").count() == NETWORKS
    cells = page.locator(".st-key-matrix-cifar10 .scatterlayer text")
    cells.nth(3).scroll_into_view_if_needed()
    box = cells.nth(3).bounding_box()
    before = page.locator("[data-cell]").get_attribute("data-cell")
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    until(lambda: "cell=" in here(page) and settled(page), "the cell in the address")
    after = page.locator("[data-cell]").get_attribute("data-cell")
    assert after != before and after.split(",")[1] == "standard"  # the first row is the first network's
    assert page.locator(f"[data-passed='{after.split(',')[0]}']").count() == 1


def test_a_search_can_be_stopped_another_fools_heat_maps_and_files_are_taken_away(visitor, address):
    page = visitor().new_page()
    page.goto(f"{address}/{HEAT_MAPS}&method=integrated-gradients&move=7")
    page.get_by_role("button", name="Fool the heat map").click()
    page.get_by_role("button", name="Stop").click()
    until(lambda: page.get_by_text("Stopped.").count() and settled(page), "the search to stop", 60)
    assert not page.locator("[data-moved]").count()
    page.goto(f"{address}/{HEAT_MAPS}&method=grad-cam&move=8")
    page.get_by_role("button", name="Fool the heat map").click()
    until(lambda: page.locator("[data-outside]").count() == 2 and settled(page), "the heat maps to be fooled", 300)
    assert page.locator("[data-moved]").count() == 2 and not page.get_by_test_id("stAlert").count()
    for name, start in (("Grid as PNG", b"\x89PNG"), ("All arrays as NPZ", b"PK")):
        assert downloaded(page, name).startswith(start)


def the_page_fits_its_window(page: Page) -> None:
    script = "all => all.map(e => e.getBoundingClientRect().width)"
    for size, scheme in in_turn(page, ("narrow", "dark"), ("wide", "light")):
        assert not misfits(page), size
        widths = page.eval_on_selector_all("[data-explained] [data-class] img", script)
        assert min(widths) > 80, size  # three networks beside each other, all classes on the first screen
        photograph(page, f"adversarial-{size}-{scheme}")
