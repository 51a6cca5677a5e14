"""The page Saliency in a real browser: a map is opened, wiped, blinked and taken away, and shown to a room."""

import io
import json

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page

from app.saliency.files import CELL
from tests.helpers.browser import downloaded, here, in_turn, loaded, photograph, settled
from tests.helpers.screen import misfits
from tests.helpers.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("with-reports"), pytest.mark.timeout(900)]
SERVER = "with_reports"

METHODS, PARTS = "methods=gradient,grad-cam,smooth-grad", "open=closer,pair,maps,trust,sheet"
START = f"saliency?task=fashion-mnist&models=standard,pgd-linf&image=generated:00&{METHODS}&{PARTS}"


def whole(page: Page) -> None:
    """Wait until all of the page is there."""
    until(lambda: page.locator("button[data-map]").count() and settled(page) and loaded(page), "the page")


def colours(page: Page, selector: str) -> np.ndarray:
    """The pixels (H, W, 3) of a picture of the page, as the browser decoded it."""
    script = """image => {
      const canvas = document.createElement("canvas");
      canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
      const context = canvas.getContext("2d");
      context.drawImage(image, 0, 0);
      return [canvas.width, canvas.height, ...context.getImageData(0, 0, canvas.width, canvas.height).data];
    }"""
    width, height, *values = page.locator(selector).evaluate(script)
    return np.array(values, np.uint8).reshape(height, width, 4)[..., :3]


def test_a_map_is_opened_compared_and_taken_away_as_it_was_shown(visit):
    page = visit(START + "&sheet=photo:coffee,photo:rocket")
    the_page_fits_its_window(page)
    assert page.locator("button[data-map]").count() == 6 and page.locator("[data-spread]").count() == 4
    page.locator("button[data-map='pgd-linf,smooth-grad']").click()
    until(lambda: "map=pgd-linf" in here(page) and settled(page), "the map in the address")
    until(lambda: page.locator("[data-closer='pgd-linf,smooth-grad']").count(), "the map, large")
    assert page.locator("button[data-map][aria-pressed=true]").get_attribute("data-map") == "pgd-linf,smooth-grad"
    until(lambda: page.locator(".player[data-ready=true]").count(), "the two networks")
    assert page.locator(".player").get_attribute("data-mode") == "wipe" and not page.locator(".bar").is_visible()
    page.get_by_role("radio", name="blink").check(force=True)
    lit = set()
    until(lambda: lit.add(page.locator(".player").get_attribute("data-lit")) or {"true", "false"} <= lit, "a blink", 60)

    shown = colours(page, "button[data-map='pgd-linf,smooth-grad'] img")
    sheet = np.asarray(Image.open(io.BytesIO(downloaded(page, "Grid as PNG"))))
    assert stands_in(sheet, np.asarray(Image.fromarray(shown).resize((CELL, CELL), Image.Resampling.NEAREST)))
    with np.load(io.BytesIO(downloaded(page, "All maps as NPZ")), allow_pickle=False) as kept:
        heatmap = kept["attributions__pgd-linf__smooth-grad"].sum(0)
        assert json.loads(str(kept["settings"]))["models"] == ["standard", "pgd-linf"]
    warm = shown[..., 0].astype(int) - shown[..., 2]  # orange raises the score, purple lowers it
    strong = np.abs(heatmap) > np.quantile(np.abs(heatmap), 0.7)
    assert ((warm > 0) == (heatmap > 0))[strong].all()
    assert b"strongest" in downloaded(page, "Measures as CSV") and b"<!doctype html>" in downloaded(
        page, "Report as HTML"
    )
    assert not page.get_by_test_id("stAlert").count()
    again = visit("saliency?" + here(page).split("?", 1)[1])
    assert np.array_equal(colours(again, "button[data-map='pgd-linf,smooth-grad'] img"), shown)


def stands_in(sheet: np.ndarray, block: np.ndarray) -> bool:
    """Whether a block of pixels stands somewhere in a picture."""
    size = len(block)
    for left in range(sheet.shape[1] - size + 1):
        rows = np.flatnonzero((sheet[: 1 - size, left : left + 8] == block[0, :8]).all((1, 2)))
        if any(np.array_equal(sheet[row : row + size, left : left + size], block) for row in rows):
            return True
    return False


def test_a_room_steps_through_maps_guesses_and_comes_back(visit):
    page = visit(START + "&view=guess", "projector")
    presenter, answer = page.locator("dialog.presenter"), page.locator("dialog.presenter .answer b")
    presenter.wait_for()
    assert seen(presenter) == ("gradient", "standard") and answer.inner_text() == "?"
    assert presenter.locator("h3").all_inner_texts() == ["Which class is this?"]
    page.keyboard.press("Space")
    assert answer.inner_text() not in ("", "?") and presenter.locator("h3").inner_text() == "Standard"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert seen(presenter) == ("grad-cam", "pgd-linf") and answer.inner_text() == "?"
    box = presenter.locator(".shown img").bounding_box()
    assert box["height"] > 420 and box["y"] + box["height"] <= 720
    photograph(page, "saliency-guess")
    page.keyboard.press("Escape")
    until(lambda: not presenter.count() and settled(page), "the page again")
    assert "view=" not in here(page) and "map=pgd-linf,grad-cam" in here(page).replace("%2C", ",")


def seen(presenter):
    """Which slide and which network the presenter shows."""
    return presenter.get_attribute("data-slide"), presenter.get_attribute("data-panel")


def the_page_fits_its_window(page: Page) -> None:
    measured = "all => all.map(e => e.getBoundingClientRect().width)"
    for size, scheme in in_turn(page, ("projector", "light"), ("narrow", "dark"), ("wide", "dark"), ("wide", "light")):
        assert not misfits(page), size
        assert min(page.eval_on_selector_all("button[data-map] img", measured)) > 100, size
        photograph(page, f"saliency-{size}-{scheme}")
