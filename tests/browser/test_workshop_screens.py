"""What a room looks at: all kinds of rounds, on the wall and in the hand, in both themes; nobody is shut out."""

from pathlib import Path
from random import Random

import pytest
from playwright.sync_api import Page

from core.data.tasks import task_named
from core.workshop import leading, reading, taking_part
from core.workshop.assignment import assigned
from core.workshop.database import Database
from core.workshop.rehearsal import made_up
from core.workshop.sessions import subjects_of
from core.workshop.state import Room
from tests.helpers.browser import drawn_scheme, in_turn, screenshot, settled
from tests.helpers.phone import ANSWERS, asked, join
from tests.helpers.screen import OF_COLOURS, cut, outside, violations
from tests.helpers.waiting import until
from tests.helpers.workshop import TASK, every_kind

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("workshop"), pytest.mark.timeout(1200)]
PEOPLE = 8  # beside the one whose phone is looked at
NEXT = ".st-key-ws-next button"
SCHEMES = ("dark", "light")


@pytest.fixture(scope="module")
def rounds():
    return list(every_kind(subjects_of(task_named(TASK), 0, Path("/nowhere"))).values())


def look(page: Page, name: str, fits: str) -> list[str]:
    """Screenshots, and what is wrong with the screen in either theme; what `fits` selects is seen without scrolling.

    What a theme changes is colours: in the light one axe-core looks at them alone. The theme that is on comes first, as
    a change of it draws the page anew.
    """
    until(lambda: settled(page), f"{name} to stand still")
    size = "projector" if name.endswith("wall") else "narrow"
    found, now = [], drawn_scheme(page)
    for _, scheme in in_turn(page, *((size, scheme) for scheme in sorted(SCHEMES, key=lambda one: one != now))):
        screenshot(page, f"workshop-{scheme}-{name}")
        faults = (
            *violations(page, OF_COLOURS if scheme == "light" else ()),
            *cut(page),
            *map(str, outside(page, fits)),
        )
        found += [f"{name}, {scheme}: {each}" for each in faults]
    return found


def everybody_answers(database: Database, room: Room, draw: Random) -> None:
    """The answers of those whose phones are not looked at."""
    round_ = room.round
    assert round_ is not None
    for number in range(PEOPLE):
        seat = taking_part.join(database, room.workshop.id, f"secret {number}")
        for index in assigned(round_.items, round_.each, seat.number, seat.seed, room.workshop.seed):
            taking_part.answer(database, seat, round_, index, made_up(round_.items[index], draw))


def counted(wall: Page, answers: int) -> None:
    """Wait for so many answers on the wall."""
    until(lambda: wall.locator(".ws-answered b").inner_text() == str(answers), f"{answers} answers on the wall")


def test_every_screen_can_be_read_and_reached(visitor, workshop_server, rounds):
    """On the wall point and controls are always seen; in the hand picture and answers fit without scrolling."""
    address, database = workshop_server
    workshop, key = leading.open_workshop(database, "What do people see?", rounds)
    wall = visitor("projector").new_page()
    wall.goto(f"{address}/workshop?lead={workshop.code}")
    wall.get_by_label("Presenter's key").fill(key)
    wall.keyboard.press("Enter")
    wall.locator(".ws-code").wait_for()
    hand = join(visitor("narrow"), address, workshop.code, "Ann")
    faults = look(wall, "lobby-wall", f".ws-code, .rs-qr, {NEXT}")
    faults += look(hand, "lobby-hand", ".ws-point")
    for number, made in enumerate(rounds, 1):
        wall.locator(NEXT).click()
        wall.locator(".ws-live").wait_for()
        asked(hand, 1, made.settings["each"])
        everybody_answers(database, reading.room(database, workshop.id, {}), Random(0))
        counted(wall, PEOPLE * made.settings["each"])
        name = f"{number}-{made.kind}"
        faults += look(wall, f"{name}-question-wall", f".ws-answered, {NEXT}")
        faults += look(hand, f"{name}-question-hand", f".ws-prompt, .ws-pictures img, {ANSWERS}")
        hand.locator(ANSWERS).first.click()
        counted(wall, PEOPLE * made.settings["each"] + 1)
        wall.locator(NEXT).click()
        wall.locator(".ws-point").wait_for()
        hand.locator(".ws-point").wait_for()
        faults += look(wall, f"{name}-reveal-wall", f".ws-point, {NEXT}")
        faults += look(hand, f"{name}-reveal-hand", ".ws-point")
    wall.locator(NEXT).click()
    wall.get_by_text("what the room said").wait_for()
    hand.get_by_text("That was it").wait_for()
    faults += look(wall, "end-wall", "[data-testid=stDownloadButton] button")
    faults += look(hand, "end-hand", ".ws-point")
    assert not faults, "\n".join(faults)
