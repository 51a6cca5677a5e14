"""The code gives no power, guessing is slow, and nothing that people write is more than text."""

import pytest

from core.errors import InputError
from core.workshop import leading, limits, reading, taking_part
from core.workshop.assignment import assigned
from core.workshop.codes import presenter_key
from core.workshop.links import read_link, write_link
from core.workshop.state import Leader
from tests.helpers.workshop import PNG, plain_round

SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(1)>"


@pytest.fixture
def begun(database):
    """A workshop at its first question, and its presenter."""
    workshop, key = leading.open_workshop(database, "T", [plain_round(), plain_round()])
    leader = leading.lead(database, workshop.code, key, "")
    leading.move(database, leader, True, 0)
    return workshop, leader


ACTIONS = {
    "next": lambda database, leader: leading.move(database, leader, True, 1),
    "back": lambda database, leader: leading.move(database, leader, False, 1),
    "finish": leading.finish,
    "timer": lambda database, leader: leading.set_timer(database, leader, 5),
    "close": leading.close,
    "hide": lambda database, leader: leading.hide(database, leader, 1),
    "follow": lambda database, leader: leading.follow(database, leader, "/saliency"),
    "round": lambda database, leader: leading.add_round(database, leader, plain_round()),
    "offers": leading.offered,
    "judge": lambda database, leader: leading.judge_offer(database, leader, 1, True),
    "remember": lambda database, leader: leading.remember(database, leader, "mine"),
}


@pytest.mark.parametrize("action", ACTIONS)
def test_no_action_is_done_for_anybody_without_the_key(database, begun, action):
    """Neither with the join code in the key's place, nor with another workshop's key."""
    workshop, _ = begun
    other, other_key = leading.open_workshop(database, "Other", [plain_round()])
    stranger = leading.lead(database, other.code, other_key, "")
    before = reading.room(database, workshop.id, {})
    for digest in (workshop.code, "", stranger.digest):
        with pytest.raises(InputError, match="Only who has the presenter's key"):
            ACTIONS[action](database, Leader(workshop.id, digest))
    assert reading.room(database, workshop.id, {}) == before


def test_a_code_is_no_key_and_a_key_opens_its_own_workshop_alone(database, begun):
    workshop, _ = begun
    other, key = leading.open_workshop(database, "Other", [plain_round()])
    for code, secret in (
        (workshop.code, workshop.code),
        (workshop.code, key),
        (workshop.code, ""),
        (other.code, "x" * 10_000),
    ):
        with pytest.raises(InputError, match="not the presenter's key"):
            leading.lead(database, code, secret, "somewhere")
    assert leading.lead(database, other.code, key, "elsewhere").workshop == other.id


def test_guessing_is_stopped_from_one_place_and_not_from_another(database, begun):
    workshop, _ = begun
    for number in range(limits.MOST - 3):
        with pytest.raises(InputError, match="not the presenter's"):
            leading.lead(database, workshop.code, presenter_key(), "10.0.0.9")
        if number < 3:
            with pytest.raises(InputError, match="No workshop"):
                taking_part.find_room(database, "QQQQQ" if workshop.code != "QQQQQ" else "RRRRR", "10.0.0.9")
    with pytest.raises(InputError, match="Too many"):
        taking_part.find_room(database, workshop.code, "10.0.0.9")
    assert taking_part.find_room(database, workshop.code, "10.0.0.10") == workshop.id


def test_nobody_answers_in_anothers_place(database, begun):
    """Items are dealt to people: what was dealt to another, or does not exist, is refused."""
    workshop, _ = begun
    round_ = reading.room(database, workshop.id, {}).rounds[0]
    seat = taking_part.join(database, workshop.id, "mine")
    dealt = assigned(round_.items, round_.each, seat.number, seat.seed, workshop.seed)
    for item in {*range(len(round_.items))} - {*dealt} | {-1, 10**9}:
        with pytest.raises(InputError, match="not one of yours"):
            taking_part.answer(database, seat, round_, item, "yes")
    for value in ("", "YES", "yes' OR 1=1 --", SCRIPT, "y" * 10_000):
        with pytest.raises(InputError, match="not one of the answers"):
            taking_part.answer(database, seat, round_, dealt[0], value)
    assert reading.answers_of(database, round_.id) == ()


def test_a_round_of_another_workshop_takes_no_answer(database, begun):
    workshop, _ = begun
    other, key = leading.open_workshop(database, "Other", [plain_round()])
    leading.move(database, leading.lead(database, other.code, key, ""), True, 0)
    foreign = reading.room(database, other.id, {}).rounds[0]
    seat = taking_part.join(database, workshop.id, "mine")
    with pytest.raises(InputError, match="another workshop"):
        taking_part.answer(database, seat, foreign, 0, "yes")
    with pytest.raises(InputError, match="no such picture"):
        reading.picture(database, workshop.id, "x" * 10_000)


def test_what_people_write_is_short_plain_text(database):
    workshop, key = leading.open_workshop(database, SCRIPT * 300, [plain_round()])
    assert len(workshop.title) <= leading.LONGEST_TITLE
    taking_part.join(database, workshop.id, "one", "N" * 10_000)
    taking_part.join(database, workshop.id, "two", "a\x00b\n\u202ec")
    names = {name for _, name in reading.room(database, workshop.id, {}).names}
    assert all(len(name) <= taking_part.LONGEST_NAME and name.isprintable() for name in names)
    with pytest.raises(InputError, match="too large"):
        taking_part.offer(database, taking_part.join(database, workshop.id, "one"), PNG * 100_000)
    leader = leading.lead(database, workshop.code, key, "")
    for seconds in (-5, 0, float("nan"), 1e9):
        with pytest.raises(InputError, match="timer"):
            leading.set_timer(database, leader, seconds)


def test_a_hidden_nickname_is_seen_by_nobody(database, begun):
    workshop, leader = begun
    seat = taking_part.join(database, workshop.id, "phone", "Rude")
    leading.hide(database, leader, seat.id)
    assert reading.room(database, workshop.id, {}).names == ()


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/phish", "//evil.example/x", "javascript:alert(1)", "/workshop?join=ABCDE", "/../etc",
        "/saliency/../workshop", "http://[broken", "/saliency?" + "a" * 10_000, "/training;x", "data:text/html,x",
        "/saliency?" + "&".join(f"a{number}=1" for number in range(100)),
    ],
)  # fmt: skip
def test_a_room_is_sent_to_this_apps_pages_alone(address):
    with pytest.raises(InputError):
        read_link(address)


def test_a_followed_link_keeps_the_view_and_loses_the_host():
    page, query = read_link("https://evil.example/base/saliency?task=cifar10&models=standard,pgd-l2", "/base")
    assert write_link(page, query) == "/saliency?task=cifar10&models=standard,pgd-l2"
    assert read_link("http://here:8501/start") == read_link("http://here:8501/") == ("compare", {})


def test_a_browser_is_known_again_in_the_newest_workshop_that_goes_on(database, begun):
    """Its secret leads or sits there, and nowhere once that has ended; another secret does neither."""
    workshop, leader = begun
    newer, key = leading.open_workshop(database, "Newer", [plain_round()])
    there = leading.lead(database, newer.code, key, "")
    for each in (leader, there):
        leading.remember(database, each, "mine")
    seats = [taking_part.join(database, each.id, "hers") for each in (workshop, newer)]
    assert leading.latest(database, "mine").workshop == newer.id
    assert taking_part.latest(database, "hers") == seats[1]
    leading.finish(database, there)
    assert leading.latest(database, "mine").workshop == workshop.id
    assert taking_part.latest(database, "hers") == seats[0]
    leading.finish(database, leader)
    assert leading.latest(database, "mine") is None and taking_part.latest(database, "hers") is None
    assert leading.latest(database, "hers") is None and taking_part.latest(database, "mine") is None
