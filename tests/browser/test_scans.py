"""A copied scan in a real browser: pasted, found dark, stretched, and windowed by level and width."""

import base64
import io

import numpy as np
import pytest
import skimage.data
from PIL import Image
from playwright.sync_api import Page

from tests.helpers.browser import file_box, here, in_turn, loaded, photograph, settled
from tests.helpers.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("with-what-ships"), pytest.mark.timeout(600)]
SERVER = "with_what_ships"
START = "?image=photo:chelsea&models=standard"
PASTE = """async ([text, type]) => {
  const given = new DataTransfer();
  const bytes = () => Uint8Array.from(atob(text), sign => sign.charCodeAt(0));
  const content = typeof text === "number" ? new Uint8Array(text) : bytes();
  given.items.add(new File([content], "image", { type }));
  document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: given, bubbles: true, cancelable: true }));
}"""


def whole(page: Page) -> None:
    """Wait until the picture's answer is there."""
    until(lambda: loaded(page) and settled(page), "the page")


def scan() -> bytes:
    """A photograph of 12 bits in 16."""
    out = io.BytesIO()
    Image.fromarray(skimage.data.camera().astype(np.uint16) * 16).save(out, "PNG")
    return out.getvalue()


def open_box(page: Page) -> None:
    """The box for files, which takes what is pasted."""
    file_box(page)
    page.get_by_text("A copied picture").wait_for()


def paste(page: Page, data: bytes | int, kind: str = "image/png") -> None:
    """As Ctrl+V does; a number is one of zeros, which are made in the browser: many take seconds to get there."""
    page.evaluate(PASTE, [data if isinstance(data, int) else base64.b64encode(data).decode(), kind])


def test_what_is_no_picture_or_too_large_is_not_sent_and_a_pasted_scan_is_dark_until_it_is_stretched(visit):
    page = visit()
    open_box(page)
    paste(page, b"some words", "text/plain")
    page.get_by_text("There is no picture in the clipboard").wait_for()
    paste(page, 20_000_001)
    page.get_by_text("The picture has more than 20 MB").wait_for()
    assert not page.get_by_test_id("stFileUploaderFile").count() and "chelsea" in here(page)
    paste(page, scan())
    page.get_by_text("It uses 6.2 % of its range").wait_for()
    assert "upload" in here(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Stretch it").click()
    page.get_by_text("Windowed here: the values from 0 to 4080").wait_for()
    whole(page)
    page.locator(".st-key-picture-window").get_by_role("button", name="Window").click()
    page.get_by_text("The picture holds values from 0 to 4080").wait_for()
    assert "window" not in here(page)
    for size, _ in in_turn(page, ("wide", "light"), ("narrow", "light")):
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"], size
        photograph(page, f"scan-{size}")
