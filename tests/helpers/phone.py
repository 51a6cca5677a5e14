"""A participant's phone in a browser: comes in by keyboard, and answers as people do."""

from playwright.sync_api import BrowserContext, Page

ANSWERS = "[class*=st-key-ws-answer-] button"


def join(context: BrowserContext, address: str, code: str, name: str) -> Page:
    """A phone that has come in, by keyboard alone."""
    page = context.new_page()
    page.goto(f"{address}/workshop?join={code}")
    page.get_by_label("Nickname").fill(name)
    page.keyboard.press("Enter")
    page.get_by_text("You are in").wait_for()
    return page


def asked(page: Page, number: int, of: int) -> None:
    """Wait for a question with its answers, as they are seen: until then there is nothing to press."""
    page.get_by_text(f"{number} of {of}", exact=True).wait_for()
    page.locator(ANSWERS).first.wait_for()


def answer(page: Page, of: int = 2, by_key: bool = False) -> None:
    """All questions of a phone; twice on each, as impatient people do."""
    for number in range(1, of + 1):
        asked(page, number, of)
        if by_key:
            page.keyboard.press("1")
        else:
            page.locator(ANSWERS).first.dblclick()
    page.get_by_text("Thank you").wait_for()
