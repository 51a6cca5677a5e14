"""Each kind of round on shipped networks and pictures: what is right is right, and phones are told nothing else."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.data.tasks import task_named
from core.errors import ConfigError, InputError
from core.images import decode, fit
from core.models.zoo import load_zoo_model
from core.workshop import leading, reading, report, taking_part
from core.workshop.database import Database
from core.workshop.rehearsal import made_up, rehearse
from core.workshop.rounds.catalogue import KINDS
from core.workshop.rounds.mistake import attacked
from core.workshop.rounds.slider import POSITIONS
from core.workshop.sessions import SESSIONS, Plan, prepare, subjects_of
from core.workshop.state import Round
from tests.helpers.workshop import PLANS, TASK, every_kind, plain_round

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("workshop-rounds")]


@pytest.fixture(scope="module")
def subjects():
    return subjects_of(task_named(TASK), 0, Path("/nowhere"))


@pytest.fixture(scope="module")
def rounds(subjects):
    return every_kind(subjects)


def test_every_kind_is_prepared_and_has_its_bars(rounds):
    assert set(rounds) == set(KINDS)
    for key, made in rounds.items():
        stored = Round(1, 1, 0, key, json.loads(json.dumps(dict(made.settings))), made.items)
        assert KINDS[key].rules.measures(stored) and made.settings["each"] <= len({item.subject for item in made.items})
        assert {picture.digest for item in made.items for picture in item.pictures} <= set(made.pictures)
        for item in made.items:
            assert not item.truth or item.truth in {option.value for option in item.options}


def test_a_guessed_class_is_the_one_that_all_networks_answer(rounds):
    networks = [load_zoo_model(TASK, key) for key in PLANS["guess"].networks]
    for item in rounds["guess"].items:
        x = fit(decode(rounds["guess"].pictures[item.facts["picture"]]).pixels, task_named(TASK).shape)
        assert {int(model.fast(x).argmax()) for model in networks} == {int(item.truth)}


def test_a_map_shows_the_sign_of_the_gradient(subjects, rounds):
    """Grey level 128 is no effect: brighter pixels of a map raise the class's logit, darker ones lower it."""
    item = rounds["guess"].items[0]
    model = load_zoo_model(TASK, item.condition)
    x = fit(decode(rounds["guess"].pictures[item.facts["picture"]]).pixels, task_named(TASK).shape)
    x.requires_grad_()
    (gradient,) = torch.autograd.grad(model.fast(x)[0, int(item.truth)], x)
    levels = torch.from_numpy(
        decode(rounds["guess"].pictures[item.pictures[0].digest]).pixels[..., 0].astype("float32")
    )
    clear = (levels - 128).abs() > 1
    assert torch.equal((levels > 128)[clear], (gradient[0, 0] > 0)[clear])


def test_a_mistake_is_one_of_the_network_that_it_is_said_to_be_of(subjects, rounds):
    """The image is answered as its target, which is neither of the other labels."""
    model = load_zoo_model(TASK, "standard")
    names = task_named(TASK).class_names
    few = subjects[:2]
    for subject, found in zip(few, attacked(model, few), strict=True):
        if found is not None:
            assert int(model.fast(found[0]).argmax()) == found[1] != subject.label
    for item in rounds["mistake"].items:
        labels = {option.value: option.label for option in item.options}
        assert {labels["true"], labels["target"]} <= {*names} and labels["true"] != labels["target"]


def test_detectors_speak_of_the_pictures_that_people_saw(rounds):
    """Of attacked and noisy pictures more are flagged than of normal ones, or the round would have no point."""
    flagged = {
        share.group: share.share
        for share in KINDS["odd"].rules.machines(Round(1, 1, 0, "odd", rounds["odd"].settings, rounds["odd"].items))
    }
    assert flagged["normal"] < flagged["attacked"] and flagged["normal"] < flagged["noisy"]


def test_a_slider_leaves_its_class_where_the_networks_say(rounds):
    names = task_named(TASK).class_names
    for item in rounds["slider"].items:
        start = names.index(item.facts["class"])
        shown = [decode(rounds["slider"].pictures[picture.digest]).pixels for picture in item.pictures]
        x = torch.cat([fit(pixels, task_named(TASK).shape) for pixels in shown])
        for key, left in item.facts["left"].items():
            answers = load_zoo_model(TASK, key).fast(x).argmax(1) == start
            assert 2 <= left <= POSITIONS and bool(answers[: left - 1].all()) and not bool(answers[left - 1])


def test_a_picture_from_the_room_makes_a_round_of_one_question(subjects):
    (made,) = prepare([PLANS["pair"]], TASK, load_zoo_model, subjects[:1])
    assert len(made.items) == made.settings["each"] == 1


def test_a_presenters_own_pictures_are_asked_of_everybody_without_a_class(subjects):
    """Of pictures that nobody labelled, the first network's answer is explained."""
    own = [replace(subject, label=None) for subject in subjects[:5]]
    (made,) = prepare([PLANS["pair"]], TASK, load_zoo_model, own)
    answers = [int(load_zoo_model(TASK, "standard").fast(subject.x).argmax()) for subject in own]
    assert made.settings["each"] == 5
    assert [item.facts["class"] for item in made.items] == [task_named(TASK).class_names[each] for each in answers]


def test_what_can_not_be_asked_is_refused_in_a_sentence(subjects):
    with pytest.raises(InputError, match="pictures that fit"):
        list(prepare([PLANS["guess"]], TASK, load_zoo_model, subjects[:3]))
    with pytest.raises(ConfigError, match="takes 2 to 2 networks"):
        list(prepare([Plan("pair", ("standard",))], TASK, load_zoo_model, subjects))
    with pytest.raises(ConfigError, match="a round must be one of"):
        list(prepare([Plan("quiz")], TASK, load_zoo_model, subjects))
    for options in ((), ("a",), ("a", "a"), tuple("abcdefghi")):
        with pytest.raises(InputError, match="A poll needs"):
            list(prepare([Plan("poll", (), {"prompt": "?", "options": options})], TASK, load_zoo_model, subjects))
    (poll,) = prepare(
        [Plan("poll", (), {"prompt": "q" * 10_000, "options": ("a" * 10_000, "b")})], TASK, load_zoo_model, ()
    )
    assert len(poll.items[0].prompt) <= 160 and max(len(option.label) for option in poll.items[0].options) <= 60


def test_ready_made_sessions_name_networks_that_ship():
    for session in SESSIONS.values():
        for plan in session.plans:
            assert KINDS[plan.kind].networks[0] <= len(plan.networks) <= KINDS[plan.kind].networks[1]
            assert all(load_zoo_model(session.task, key) for key in plan.networks)


def test_a_rehearsal_plays_all_rounds_and_its_report_holds_every_answer(rounds, tmp_path):
    """The whole way on one database: people, answers, sentence, table, page; then a second room that is pooled."""
    database = Database(f"sqlite:///{tmp_path / 'w.db'}")
    played = [rounds[key] for key in KINDS]
    for _ in range(2):
        room = [room for _, room in rehearse(database, "<b>Rehearsal</b>", played, 6)][-1]
    due = 6 * sum(made.settings["each"] for made in played)
    table = report.csv_file(database, room).decode().splitlines()
    assert len(table) == due + 1
    found = report.results(database, room)
    page = report.html_file(room, found).decode()
    assert "<b>Rehearsal" not in page and "&lt;b&gt;Rehearsal" in page and "src=" not in page and "http" not in page
    for result in found:
        assert result.summary.sentence in page.replace("&#x27;", "'").replace("&lt;", "<") or "“" in page
        assert all(len(each.rooms) == 2 for each in result.pooled) and result.pooled
    database.close()


def test_a_cell_of_the_table_is_no_formula(tmp_path):
    """A poll's answer that begins like a formula is quoted."""
    database = Database(f"sqlite:///{tmp_path / 'w.db'}")
    made = next(iter(prepare([Plan("poll", (), {"prompt": "?", "options": ("=1+1", "b")})], TASK, load_zoo_model, ())))
    workshop, key = leading.open_workshop(database, "T", [made])
    leading.move(database, leading.lead(database, workshop.code, key, ""), True, 0)
    seat = taking_part.join(database, workshop.id, "phone")
    taking_part.answer(database, seat, reading.room(database, workshop.id, {}).rounds[0], 0, "0")
    assert report.csv_file(database, reading.room(database, workshop.id, {})).decode().endswith(",'=1+1\r\n")
    database.close()


def test_made_up_answers_are_options():
    import random

    item = plain_round().items[0]
    assert {made_up(item, random.Random(seed)) for seed in range(40)} == {"yes", "no"}
