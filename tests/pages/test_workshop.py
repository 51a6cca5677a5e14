"""The page Workshop without a browser: a presenter and people on tiny networks, and what strangers are refused."""

import re

import pytest

from core.workshop import leading, reading
from core.workshop.database import Database
from tests.helpers.pages import checked, opened
from tests.helpers.waiting import until
from tests.helpers.workshop import grey_png, presentable_round

pytestmark = pytest.mark.slow
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def database(tmp_path, monkeypatch, fresh_caches):
    """The database of the page, on this test's own file."""
    url = f"sqlite:///{tmp_path / 'workshops.db'}"
    monkeypatch.setenv("ROBUSTSCOPE_DATABASE", url)
    monkeypatch.setenv("ROBUSTSCOPE_VISITORS", str(tmp_path / "visitors"))
    made = Database(url)
    yield made
    made.close()


@pytest.fixture
def room(database):
    """A workshop of two rounds with an ugly title, and its key."""
    return leading.open_workshop(database, SCRIPT, [presentable_round(), presentable_round()])


def bodies(at) -> str:
    return " ".join(block.proto.body for block in at.get("html"))


def button(at, part: str):
    return next(one for one in at.button if part in one.label or part in (one.key or ""))


def phone(workshop, name: str = ""):
    """A participant who has joined."""
    at = opened("pages/workshop", join=workshop.code)
    at.text_input(key="workshop.nickname").set_value(name)
    return checked(button(at, "Join").click().run())


def presenter(workshop, key):
    """The presenter, who has shown the key."""
    at = opened("pages/workshop", lead=workshop.code)
    at.text_input(key="workshop.back.key").set_value(key)
    return checked(button(at, "Lead this workshop").click().run())


def test_a_round_from_the_lobby_to_the_reveal(database, room):
    """Ann answers all of hers, sees the next question each time, and at the reveal how she did."""
    workshop, key = room
    lead, ann = presenter(workshop, key), phone(workshop, "Ann")
    assert "You are in" in bodies(ann)
    until(lambda: "Ann" in bodies(checked(lead.run())), "her name", 10)
    checked(button(lead, "ws-next").click().run())
    assert "<small>no answers</small>" in bodies(lead), "not 0 of 0"
    for done in range(2):
        assert f"{done + 1} of 2" in bodies(checked(ann.run()))
        checked(button(ann, "ws-answer-").click().run())
    assert "Thank you" in bodies(ann)
    until(lambda: "<b>2</b> of 2 answers" in bodies(checked(lead.run())), "the presenter's number", 10)
    assert "Standard" not in bodies(lead) and "A: right" in bodies(lead), "blind until the reveal"
    checked(button(lead, "ws-next").click().run())
    assert "The room guessed" in bodies(lead) and "“Standard”" in bodies(lead)
    assert "You were right" in bodies(checked(ann.run()))


def test_a_lobby_says_where_no_phone_gets_an_answer(database, room, monkeypatch):
    assert not presenter(*room).warning
    monkeypatch.setattr("app.workshop.presenter.answers_here_alone", lambda: True)
    (said,) = presenter(*room).warning
    assert "--server.address 0.0.0.0" in said.value


def test_an_offered_picture_is_offered_once_and_becomes_a_round(database, room):
    """What a person changes on a phone is drawn again, as each step is: the button to offer it was lost on its way."""
    workshop, key = room
    lead, ann = presenter(workshop, key), phone(workshop, "Ann")
    checked(ann.run())
    assert ann.session_state["workshop.drawn.times"] > 0
    checked(ann.file_uploader(key="workshop.offer").set_value(("grey.png", grey_png(90), "image/png")).run())
    assert ann.session_state["workshop.drawn.times"] == 0
    checked(button(ann, "Offer it").click().run())
    assert "The presenter decides" in ann.success[0].value
    assert not any(one.label == "Offer it" for one in checked(ann.run()).button), "and again with each press"
    until(lambda: any(one.label == "Decline" for one in checked(lead.run()).button), "the picture", 10)
    checked(button(lead, "Ask the room about it").click().run())
    assert len(reading.room(database, workshop.id, {}).rounds) == 3
    walls = []
    for _ in range(6):
        checked(button(lead, "ws-next").click().run())
        walls.append(bodies(lead))
    asked, revealed = walls[4:]
    assert asked.count('<figure class="ws-asked"><img') == 1, "the wall shows what the room is asked about"
    assert revealed.count("<figcaption>") == 3 and "<figcaption>The picture<" in revealed
    assert "ws-asked" not in walls[2].replace(".ws-asked", ""), "a round about several pictures shows none of them"


def test_a_phone_is_told_neither_the_network_nor_what_is_right(database, room):
    workshop, key = room
    checked(button(presenter(workshop, key), "ws-next").click().run())
    ann = phone(workshop)
    told = bodies(ann) + " ".join(f"{one.label} {one.key}" for one in ann.button)
    assert "ws-answer-" in told
    assert not re.search(r"standard|pgd|Standard|Robust|truth|guess", told.split("<style>")[0])
    assert workshop.seed not in map(int, re.findall(r"\d{6,}", told.split("<style>")[0]))


def test_the_key_stands_in_no_link_and_in_nobodys_page(database, room):
    workshop, key = room
    lead, ann = presenter(workshop, key), phone(workshop, "Ann")
    for at in (lead, ann):
        assert key not in bodies(at) and key not in str(dict(at.query_params))
    assert f"join={workshop.code}" in bodies(lead)


def test_what_is_stored_is_said_at_the_door(database):
    for keeps, words in ((False, "deleted when the workshop ends"), (True, "stays with them")):
        workshop, _ = leading.open_workshop(database, "T", [presentable_round()], keeps)
        said = " ".join(caption.value for caption in opened("pages/workshop", join=workshop.code).caption)
        assert words in said


def test_names_and_titles_are_text(database, room):
    workshop, key = room
    phone(workshop, "<img src=x>")
    lead = presenter(workshop, key)
    assert "&lt;script&gt;" in bodies(lead) and "<script>alert" not in bodies(lead)
    assert "&lt;img src=x&gt;" in bodies(lead) and "<img src=x>" not in bodies(lead)
    assert "<script>alert" not in bodies(opened("pages/workshop", join=workshop.code))


@pytest.mark.parametrize("number", ["-1", "0", "1", "99", "2; DROP TABLE rounds", "9" * 10_000])
def test_a_round_that_is_not_revealed_is_refused_in_a_sentence(database, room, number):
    workshop, _ = room
    phone(workshop)
    at = opened("pages/workshop", join=workshop.code, round=number)
    assert "must be the number of a round that this workshop has revealed" in " ".join(one.value for one in at.warning)


@pytest.mark.parametrize("code", ["ABCDE", "abcde", "A" * 10_000, "<b>x</", "12345", "-1"])
def test_a_code_of_no_workshop_is_refused_in_a_sentence(database, room, code):
    workshop, _ = room
    at = opened("pages/workshop", join=code)
    assert at.error or at.warning
    assert "script" not in " ".join(one.value for one in (*at.error, *at.warning))
    at.text_input(key="workshop.code").set_value(workshop.code)
    checked(button(at, "Go to the workshop").click().run())
    assert button(at, "Join") and not at.error, "the code is typed again where it was refused"


def test_the_code_opens_no_presenters_screen(database, room):
    """A phone at the presenter's link is asked for the key; the code is none, nor is another workshop's key."""
    workshop, _ = room
    _, other = leading.open_workshop(database, "Other", [presentable_round()])
    for wrong in (workshop.code, other, "x" * 100):
        at = opened("pages/workshop", lead=workshop.code)
        assert not any("ws-next" in (one.key or "") for one in at.button)
        at.text_input(key="workshop.back.key").set_value(wrong)
        checked(button(at, "Lead this workshop").click().run())
        assert "not the presenter's key" in at.error[0].value
        assert reading.room(database, workshop.id, {}).workshop.phase == "lobby"


def test_a_wrong_code_in_the_presenters_link_is_typed_again_beside_the_key(database, room):
    workshop, key = room
    wrong = workshop.code[1:] + workshop.code[0]
    at = opened("pages/workshop", lead=wrong)
    at.text_input(key="workshop.back.key").set_value(key)
    checked(button(at, "Lead this workshop").click().run())
    assert at.error
    at.text_input(key=f"workshop.back.code.{wrong}").set_value(workshop.code.lower())
    checked(button(at, "Lead this workshop").click().run())
    assert not at.error and button(at, "ws-next")


def test_a_presenter_ends_a_workshop_and_takes_its_files(database, room):
    workshop, key = room
    lead = presenter(workshop, key)
    checked(button(lead, "ws-end").click().run())
    assert "What the room said" in bodies(lead)
    assert len(lead.get("download_button")) == 2
    assert "has ended" in bodies(opened("pages/workshop", join=workshop.code))


def test_a_session_is_composed_on_this_servers_networks(database, zoo):
    """A poll alone needs no pictures that tiny networks answer rightly."""
    at = opened("pages/workshop")
    checked(at.radio(key="workshop.session").set_value("own").run())
    at.multiselect(key="workshop.kinds").set_value([])
    checked(at.text_input(key="workshop.poll").set_value("Would you trust it?").run())
    checked(at.text_area(key="workshop.poll.options").set_value("Yes\nNo").run())
    checked(button(at, "Open the workshop").click().run())
    assert at.query_params["lead"] and "Open on your phone" in bodies(at)


def test_a_presenters_own_pictures_make_a_round(database, zoo):
    """Two uploads are the two questions of the round, whatever tiny networks make of them."""
    at = opened("pages/workshop")
    checked(at.radio(key="workshop.session").set_value("own").run())
    checked(at.multiselect(key="workshop.kinds").set_value(["pair"]).run())
    files = [(f"{level}.png", grey_png(level), "image/png") for level in (60, 200)]
    checked(at.file_uploader(key="workshop.pictures").set_value(files).run())
    checked(button(at, "Open the workshop").click().run())
    (round_,) = reading.room(database, reading.find(database, at.query_params["lead"]), {}).rounds
    assert round_.each == len(round_.items) == 2
