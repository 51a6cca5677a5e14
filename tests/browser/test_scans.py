"""A copied scan in a real browser: pasted, found dark, stretched, and windowed by level and width."""

import base64
import io

import numpy as np
import pytest
import skimage.data
from PIL import Image
from playwright.sync_api import Page

from tests.helpers.browser import here, loaded, photograph, settled
from tests.helpers.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("with-what-ships"), pytest.mark.timeout(600)]
SERVER = "with_what_ships"
START = "?image=photo:chelsea&models=standard"
FILE_BOX = ".st-key-picker-file input[type=file]"
PASTE = """async ([text, type]) => {
  const given = new DataTransfer();
  given.items.add(new File([Uint8Array.from(atob(text), sign => sign.charCodeAt(0))], "image", { type }));
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


def paste(page: Page, data: bytes, kind: str = "image/png") -> None:
    """As Ctrl+V does, with the box for files on the screen."""
    page.get_by_role("button", name="Yours").click()
    page.locator(FILE_BOX).wait_for(state="attached")
    page.get_by_text("A copied picture").wait_for()
    page.evaluate(PASTE, [base64.b64encode(data).decode(), kind])


@pytest.mark.parametrize("size", ["wide", "narrow"])
def test_a_pasted_scan_is_dark_until_it_is_stretched(visit, size):
    page = visit(START, size)
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
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    photograph(page, f"scan-{size}")


def test_what_is_too_large_or_no_picture_is_said_and_not_sent(visit):
    page = visit(START)
    paste(page, b"some words", "text/plain")
    page.get_by_text("There is no picture in the clipboard").wait_for()
    page.evaluate(PASTE, [base64.b64encode(bytes(20_000_001)).decode(), "image/png"])
    page.get_by_text("The picture has more than 20 MB").wait_for()
    assert not page.get_by_test_id("stFileUploaderFile").count() and "chelsea" in here(page)
