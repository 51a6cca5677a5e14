"""A workshop in real browsers: a presenter at 1280x720 and three phones at 390x844, from the door to the end."""

import re
from dataclasses import replace

import pytest
from playwright.sync_api import Page, WebSocketRoute
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from core.workshop import leading, reading
from tests.helpers.browser import screenshot
from tests.helpers.phone import ANSWERS, answer, asked, join
from tests.helpers.waiting import until
from tests.helpers.workshop import plain_round, presentable_round

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("workshop"), pytest.mark.timeout(900)]

TAPPER = """prefix => {
  let last = "";
  const tap = () => {
    const number = document.querySelector(".ws-progress")?.textContent;
    const seen = [...document.querySelectorAll(prefix)].find(e => getComputedStyle(e).visibility === "visible");
    if (!number || number === last || !seen) return;
    last = number;
    seen.click();
  };
  new MutationObserver(tap).observe(document.body, {childList: true, subtree: true, attributes: true});
}"""  # presses the first answer that can be seen as soon as the next number can


class Lossy:
    """Between a browser and its server: the first piece that says `mark`, and all of its run after it, is lost."""

    def __init__(self, mark: bytes) -> None:
        self.mark, self.losing, self.lost = mark, False, 0

    def __call__(self, route: WebSocketRoute) -> None:
        server = route.connect_to_server()

        def sent(data: bytes | str) -> None:
            message = ForwardMsg()
            message.ParseFromString(data)
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self.losing = False
            elif kind == "delta" and not self.lost and self.mark in data:
                self.losing = True
            if self.losing:
                self.lost += 1
            else:
                route.send(data)

        server.on_message(sent)


def next_phase(page: Page) -> None:
    page.locator(".st-key-ws-next button").click()


def test_a_room_from_the_door_to_the_end(visitor, workshop_server):
    """Every answer once, although two people press twice and one reloads; the presenter comes back with the key."""
    address, database = workshop_server
    workshop, key = leading.open_workshop(database, "A <b>room</b>", [presentable_round()])
    lead = visitor("projector").new_page()
    lead.goto(f"{address}/workshop?lead={workshop.code}")
    lead.get_by_label("Presenter's key").fill(key)
    lead.keyboard.press("Enter")
    lead.locator(".ws-code").wait_for()
    assert key not in lead.url and lead.locator(".ws-code").inner_text() == workshop.code
    phones = [join(visitor("narrow"), address, workshop.code, name) for name in ("Ann", "Bo <i>", "")]
    until(lambda: lead.locator(".ws-count b").inner_text() == "3", "three people on the screen")
    assert lead.locator(".rs-qr").evaluate("image => image.naturalWidth") > 100
    screenshot(lead, "workshop-lobby")
    assert lead.locator(".st-key-ws-next button").inner_text().split() == ["Start", "→"], "one arrow, the key's"

    next_phase(lead)
    lead.locator(".ws-live").wait_for()
    asked(phones[0], 1, 2)
    hints_for_fingers(phones[0])
    screenshot(phones[0], "workshop-phone")
    low = phones[0].locator(ANSWERS).last.bounding_box()
    assert low["height"] >= 48 and low["y"] + low["height"] <= 844, "answers lie under the thumb, without scrolling"
    answer(phones[0])
    phones[1].reload()
    answer(phones[1])
    answer(phones[2], by_key=True)
    phones[2].reload()
    phones[2].get_by_text("Thank you").wait_for()
    until(lambda: lead.locator(".ws-answered b").inner_text() == "6", "six answers on the screen")
    assert not re.search("Standard|Robust", lead.locator(".ws-live").inner_text())
    screenshot(lead, "workshop-question")
    assert len(reading.answers_of(database, reading.room(database, workshop.id, {}).rounds[0].id)) == 6

    next_phase(lead)
    lead.get_by_text("The room guessed").wait_for()
    phones[1].get_by_text("You were right").wait_for()
    size = lead.locator(".ws-point").evaluate("line => parseFloat(getComputedStyle(line).fontSize)")
    assert size >= 28, "the point can be read from the back row"
    screenshot(lead, "workshop-reveal")
    screenshot(phones[1], "workshop-result")

    the_room_sees_another_page(lead, phones[:2], address)
    lead.goto(f"{address}/workshop?lead={workshop.code}")
    next_phase(lead)
    lead.get_by_text("what the room said").wait_for()
    phones[2].get_by_text("That was it").wait_for()
    lead.get_by_role("button", name="Report as a page").wait_for()  # it is drawn after the sentence
    assert reading.room(database, workshop.id, {}).names == ()


def hints_for_fingers(phone: Page) -> None:
    """Keys are named where there are some, and not on a screen that is touched."""
    hint = phone.locator(f"{ANSWERS} kbd").first
    hint.wait_for()
    touch = phone.context.new_cdp_session(phone)
    touch.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    hint.wait_for(state="hidden")
    phone.locator(ANSWERS).first.wait_for()
    touch.send("Emulation.setTouchEmulationEnabled", {"enabled": False})
    touch.detach()


def the_room_sees_another_page(lead: Page, phones: list[Page], address: str) -> None:
    lead.reload()  # the browser that has shown the key goes on leading
    lead.locator(".st-key-ws-next button").wait_for()
    lead.goto(f"{address}/models")
    lead.get_by_role("button", name="Show this in the room").click()
    for phone in phones:
        phone.wait_for_url("**/models**")
    phones[1].reload()  # as one that was locked for long: the room is looked for by the browser's cookie
    phones[1].get_by_text("You see what the presenter shows").wait_for()
    lead.get_by_role("button", name="Release the room").click()
    for phone in phones:
        phone.get_by_text("The room guessed").wait_for()


def test_no_tap_is_lost_however_quick_it_is_and_slow_the_phone(visitor, workshop_server):
    """Whatever answer is seen beside a question's number belongs to it: each of twelve taps is an answer."""
    address, database = workshop_server
    base, made = presentable_round(), plain_round(subjects=12, each=12)
    round_ = replace(base, items=made.items, settings={**base.settings, "each": 12})
    workshop, key = leading.open_workshop(database, "Quick", [round_])
    phone = join(visitor("narrow"), address, workshop.code, "Quick")
    phone.context.new_cdp_session(phone).send("Emulation.setCPUThrottlingRate", {"rate": 6})
    phone.evaluate(TAPPER, ANSWERS)
    leading.move(database, leading.lead(database, workshop.code, key, ""), True, 0)
    phone.get_by_text("Thank you").wait_for()
    assert reading.room(database, workshop.id, {}).answers == 12


def test_what_is_lost_on_its_way_is_drawn_again(visitor, workshop_server):
    """Streamlit drops the end of a run that a poll comes right behind: a phone's question, the screen's reveal."""
    address, database = workshop_server
    workshop, key = leading.open_workshop(database, "Lossy", [presentable_round()])
    to_phone, to_screen = Lossy(b"ws-answer-"), Lossy(b"The room guessed")
    ways = {"narrow": to_phone, "projector": to_screen}
    contexts = {size: visitor(size) for size in ways}
    for size, way in ways.items():
        contexts[size].route_web_socket("**/_stcore/stream", way)
    phone = join(contexts["narrow"], address, workshop.code, "Ann")
    lead = contexts["projector"].new_page()
    lead.goto(f"{address}/workshop?lead={workshop.code}")
    lead.get_by_label("Presenter's key").fill(key)
    lead.keyboard.press("Enter")
    lead.locator(".ws-code").wait_for()
    next_phase(lead)
    answer(phone)
    lead.get_by_role("button", name="Reveal").click()
    lead.get_by_text("The room guessed").wait_for()
    assert to_phone.lost > 2 and to_screen.lost > 0
