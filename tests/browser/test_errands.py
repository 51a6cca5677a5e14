"""Five errands that people come with, each done from the first page in at most six clicks."""

import pytest
from playwright.sync_api import Locator, Page

from tests.helpers.browser import here, settled
from tests.helpers.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("with-what-ships"), pytest.mark.timeout(900)]
SERVER = "with_what_ships"

MOST_CLICKS = 6
UNDER = """e => { e.scrollIntoView({block: 'center'}); const {x, y, width} = e.getBoundingClientRect();
  return document.elementFromPoint(x + width / 2, y + width / 2).closest('button')?.innerText ?? ''; }"""


class Errand:
    """A visitor on the first page, whose clicks are counted."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.clicks = page, 0
        page.goto(address)
        self.wait("[data-answer]")

    def wait(self, wanted: str) -> Locator:
        """Until something is there and the server has nothing left to do."""
        found = self.page.locator(wanted)
        until(lambda: found.count() and settled(self.page), wanted, 240)
        return found

    def click(self, target: Locator) -> None:
        target.click()
        self.clicks += 1
        assert self.clicks <= MOST_CLICKS

    def turn_to(self, name: str, wanted: str) -> None:
        """Go to a page by its name."""
        self.click(self.page.get_by_role("link", name=name, exact=True).first)
        self.wait(wanted)


@pytest.fixture
def errand(visitor, address) -> Errand:
    return Errand(visitor("projector").new_page(), address)


def test_is_this_photo_odd_and_how_far_may_i_trust_that(errand):
    errand.turn_to("Anomaly", "[data-judged]")
    errand.click(errand.page.locator(".st-key-pick-photo-coffee button").first)
    until(lambda: "image=photo%3Acoffee" in here(errand.page) and settled(errand.page), "the photo", 120)
    first = errand.page.locator("[data-judged]").first
    assert first.get_attribute("data-flagged") in ("True", "False")
    said = errand.page.get_by_test_id("stMain").inner_text()
    assert "At this setting it flags" in said and "of 100" in said and "CIFAR-10 photographs" in said


def test_find_a_picture_where_the_standard_network_is_sure_and_wrong(errand):
    errand.turn_to("Find", ".rs-found")
    errand.click(errand.page.locator(".st-key-find-rule [data-baseweb=select], .st-key-find-rule input").first)
    errand.click(errand.page.get_by_role("option", name="Sure and wrong"))
    until(lambda: "sure-and-wrong" in here(errand.page) and settled(errand.page), "the rule")
    assert "Open" in errand.wait("[class*=st-key-found-] img").first.evaluate(UNDER)  # a click on it is on its button
    errand.click(errand.wait("[class*=st-key-find-open-] button").first)
    answers = errand.wait("[data-answer]")
    until(lambda: "/compare" in here(errand.page) or answers.count() == 3, "the page Compare")
    truth = errand.page.get_by_test_id("stCaptionContainer").filter(has_text="True class").first.inner_text()
    named = answers.evaluate_all("all => all.map(e => e.dataset.class)")
    assert f"True class: {named[0]}" not in truth, (named, truth)


def test_show_two_maps_on_the_projector(errand):
    errand.turn_to("Saliency", "[data-map]")
    errand.click(errand.page.get_by_role("button", name="Presenter view"))
    presenter = errand.wait("dialog.presenter")
    errand.page.keyboard.press("2")
    shown = presenter.locator("section img").evaluate_all(
        "all => all.filter(e => e.getBoundingClientRect().width > 300)"
    )
    assert len(shown) == 2 and presenter.get_attribute("data-slide") == "gradient"


def test_flip_a_network_by_a_slider_and_send_the_link(errand, visitor):
    errand.turn_to("Latent", "[data-answer]")
    errand.page.locator(".st-key-slider-d1").get_by_role("slider").focus()
    before = here(errand.page)
    errand.page.keyboard.press("Home")
    read = "all => all.map(e => e.dataset.class)"
    flipped = errand.page.locator("[data-answer]")
    until(lambda: here(errand.page) != before and len(set(flipped.evaluate_all(read))) > 1, "one to flip", 120)
    until(lambda: settled(errand.page), "the page")
    errand.click(errand.page.get_by_role("button", name="Copy a link to this view").first)
    link = errand.page.get_by_test_id("stPopoverBody").get_by_test_id("stCode").first.inner_text().strip()
    answers = flipped.evaluate_all(read)
    until(lambda: errand.page.locator(".rs-room img").count(), "the QR code")
    other = visitor("narrow").new_page()
    other.goto(link)
    until(lambda: other.locator("[data-answer]").count() == len(answers) and settled(other), "the link", 240)
    assert other.locator("[data-answer]").evaluate_all(read) == answers


def test_take_home_a_report(visitor, address):
    """Of one network: what the clicks are does not hang on how many there are."""
    errand = Errand(visitor("projector").new_page(), f"{address}/?models=standard")
    errand.turn_to("Report", ".st-key-report-picture-start")
    errand.click(errand.page.locator(".st-key-report-picture-start button"))
    button = errand.wait("[data-testid=stDownloadButton] button")
    with errand.page.expect_download() as waiting:
        errand.click(button)
    with open(waiting.value.path(), encoding="utf-8") as file:
        html = file.read()
    assert html.startswith("<!doctype html>") and "Settings and versions" in html
