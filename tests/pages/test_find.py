"""The page Find measures the gallery or a visitor's files, applies a rule, and hands a picture on to every page."""

import io
from dataclasses import replace

import numpy as np
import pytest
import streamlit as st
from PIL import Image

from app.find import python_program, sections, sheet
from app.find.choice import ORDERS
from app.find.results import MeasuredPictures
from app.state.choice import default
from app.state.pictures import searched_keys
from app.state.session import options
from app.ui.downloads import CELL, DPI, GAP, HEAD
from core.data.tasks import CIFAR10
from core.explanations.picture_facts import PictureFacts
from core.explanations.picture_rules import RULES
from tests.helpers.data_sets import write_fashion
from tests.helpers.pages import bodies, checked, entered, finished, picture, presented, pressed, query, run_program

PAGE = "pages/find"
TASK = "cifar10"
pytestmark = pytest.mark.usefixtures("calibrations")


def cards(at) -> list[str]:
    """What is said of each picture found."""
    return bodies(at, 'class="rs-found"')


@pytest.mark.slow
def test_the_gallery_is_measured_by_itself_and_the_rule_picks(visit):
    at = finished(visit(task=TASK, rule="unsure"))
    assert len(cards(at)) == sections.A_PAGE and not at.error
    facts = run_program(at, "measure_pictures(")["facts"]
    shares = [int(body.split("</b> ")[1].split(" %")[0]) for body in cards(at)]
    assert shares == sorted(shares)
    least = facts.probability[0].min()
    assert shares[0] == round(100 * least) and len(facts.keys) == 24 and np.isnan(facts.flagged).all()
    assert any("24 pictures of the gallery" in item.value for item in at.caption)
    slides = presented(pressed(at, "presenter.button"))["slides"]
    for slide, body in zip(slides, (card.replace("\N{SOFT HYPHEN}", "") for card in cards(at)), strict=True):
        shown = [(panel["title"], panel["faces"][0]) for panel in slide["panels"]]
        said = [
            f"<div><span>{name}</span> <b>{face['answer']}</b> {face['bars'][0]['share']:.0%}" for name, face in shown
        ]
        assert all(line.replace("%", " %") in body for line in said) and slide["caption"]


@pytest.mark.slow
def test_a_class_narrows_and_an_attack_is_made_where_a_rule_asks_for_it(visit):
    at = finished(visit(task=TASK, rule="unsure"))
    checked(at.selectbox(key=f"find.class.{TASK}").set_value(3).run())
    assert query(at)["class"] == "3" and 0 < len(cards(at)) < sections.A_PAGE
    assert not any("changed" in body for body in cards(at))
    every = len(cards(at))
    checked(at.slider(key="find.sure.standard").set_range(0, 0).run())
    assert query(at)["sure"] == "standard:0:0" and not cards(at)
    checked(at.slider(key="find.sure.standard").set_range(0, 100).run())
    assert "sure" not in query(at) and len(cards(at)) == every
    as_ruled = cards(at)
    checked(at.selectbox(key="find.order").set_value("surest").run())
    assert query(at)["order"] == "surest" and sorted(cards(at)) == sorted(as_ruled) and cards(at)[0] == as_ruled[-1]
    checked(at.selectbox(key="find.rule").set_value("easily-changed").run())
    at = finished(at)
    assert not at.error and all("changed" in body for body in cards(at))


@pytest.mark.slow
def test_detectors_are_asked_where_a_rule_asks_for_them(visit):
    at = finished(visit(task=TASK, rule="detectors-disagree"))
    facts = run_program(at, "measure_pictures(")["facts"]
    some = (facts.flagged[0] > 0) & (facts.flagged[0] < 1)
    assert not at.error and np.isfinite(facts.flagged[0]).all() and some.any()
    assert len(cards(at)) == min(sections.A_PAGE, int(some.sum()))


@pytest.mark.slow
def test_own_pictures_are_searched_and_one_is_opened_everywhere(visit, tmp_path, monkeypatch):
    gone: list[str] = []
    monkeypatch.setattr(st, "switch_page", gone.append)
    at = visit(task=TASK, rule="unsure", pictures="own")
    files = [("mine<b>.png", picture(), "image/png"), ("broken.png", b"no picture", "image/png")]
    checked(at.file_uploader[0].set_value(files).run())
    at = pressed(at, "find.pictures.start")
    assert len(cards(at)) == 1 and "mine&lt;b&gt;.png" in cards(at)[0]
    assert any("broken" in item.value for item in at.caption)
    (tmp_path / "your-pictures").mkdir()
    (tmp_path / "your-pictures" / "mine.png").write_bytes(files[0][1])
    monkeypatch.chdir(tmp_path)
    facts = run_program(at, "your-pictures")["facts"]
    assert f"{facts.probability[0, 0]:.0%}".replace("%", " %") in cards(at)[0] and len(facts.keys) == 1
    checked(at.button(key="find.open.0").click().run())
    assert gone == ["pages/compare.py"] and query(at)["image"] == "upload" and not at.error


@pytest.mark.slow
def test_more_test_images_wait_for_a_button_that_says_how_long_they_take(visit, fashion_root):
    at = visit(task="fashion-mnist", rule="unsure", tests="500", models="standard")
    (invitation,) = [item.value for item in at.markdown if "answers, maps" in item.value]
    assert "It takes about " in invitation and at.button(key="find.pictures.start").label == "Measure them"
    assert query(at)["tests"] == "500" and not at.error and not at.warning
    at = visit(task="fashion-mnist", rule="unsure", tests="500", models="standard", sure="standard:50:100")
    assert list(at.slider(key="find.sure.standard").proto.default) == [50, 100]


@pytest.mark.slow
def test_the_program_takes_as_many_test_images_as_were_chosen(tmp_path, monkeypatch):
    """Its pictures alone are made here: what is done with them is shown by the gallery's."""
    monkeypatch.setenv("ROBUSTSCOPE_DATA", str(write_fashion(tmp_path)))
    for module in ("core.data.galleries", "app.state.pictures", "app.ui.python_code"):
        monkeypatch.setattr(f"{module}.TEST_IMAGES_OFFERED", 20)
    choice, made = default(options(), "fashion-mnist"), {}
    for tests in (20, 50):
        program = python_program.program(choice, False, RULES["every"], tests)
        exec(program.partition("flags = ")[0], made)
        assert tuple(made["fitted"]) == searched_keys(choice.task, tests) == tuple(made["labels"])
    assert len(made["fitted"]) == 30 + len(searched_keys(choice.task, 20))


@pytest.mark.slow
def test_a_picture_found_behind_those_that_are_listed_joins_the_gallery_and_its_menus(tmp_path, monkeypatch):
    monkeypatch.setenv("ROBUSTSCOPE_DATA", str(write_fashion(tmp_path)))
    monkeypatch.setattr("app.find.choice.COUNTS", (20, 50))
    for module in ("core.data.galleries", "app.state.pictures", "app.ui.picture_picker", "app.ui.python_code"):
        monkeypatch.setattr(f"{module}.TEST_IMAGES_OFFERED", 20)
    at = finished(entered("find", task="fashion-mnist", models="standard", rule="unsure", tests="50"))
    at = pressed(at, "find.pictures.start")
    keys = [str(button.key) for button in at.button if "find.open." in str(button.key)]
    facts = run_program(at, "measure_pictures(")["facts"]
    places = [int(key.removeprefix("find.open.")) for key in keys]
    place = next(place for place in places if number(facts.keys[place]) >= 20)
    found = facts.keys[place]
    checked(at.button(key=f"find.open.{place}").click().run())
    assert query(at)["image"] == found and bodies(at, "data-answer") and not at.warning

    at = checked(at.switch_page("pages/compare.py").run())  # the button went there for one run
    checked(at.button(key="pick-test-0").click().run())
    checked(at.button(key="picker.more").click().run())
    every = [str(button.key) for button in at.button if str(button.key).startswith("all-pick-")]
    assert every[0] == f"all-pick-{found.replace(':', '-')}" and every[1] == "all-pick-test-0"
    assert any("the first 20 stand here" in item.value for item in at.caption)
    checked(at.button(key=every[0]).click().run())
    assert query(at)["image"] == found
    checked(at.button(key="pick-test-0").click().run())

    at.switch_page("pages/saliency.py")
    look = {"open": "sheet,point", "methods": "gradient", "pixels": "4,4,9,9"}
    for name, given in (query(at) | look).items():
        at.query_params[name] = given
    at = finished(checked(at.run()))
    checked(at.multiselect(key="saliency.sheet.fashion-mnist").set_value([found]).run())
    checked(at.selectbox(key="region.fill.fashion-mnist").set_value(found).run())
    assert query(at)["sheet"] == query(at)["fill"] == found and not at.warning and not at.error
    assert len(bodies(at, "data-sheet")) == 1


def number(key: str) -> int:
    """That of a test image; -1 of another picture."""
    return int(key.removeprefix("test:")) if key.startswith("test:") else -1


def test_nonsense_in_a_link_is_a_sentence(visit):
    wrong = {"class": "99", "pictures": "theirs", "order": "up"}
    at = visit(task=TASK, rule="<script>", tests="77", sure="standard:9:1", **wrong)
    (warning,) = at.warning
    assert all(f"`{name}`" in warning.value for name in ("rule", "class", "pictures", "tests", "sure", "order"))


@pytest.fixture
def measured() -> MeasuredPictures:
    """Two pictures and one network, surer of the first."""
    one, levels = np.array([[0.5, 0.25]]), np.arange(6144, dtype=np.uint8).reshape(2, 3, 32, 32)
    facts = PictureFacts(("0", "1"), ("standard",), np.array([7, -1]), np.array([[3, 5]]), one, one[0], one, one)
    return MeasuredPictures(facts, ("mine.png", "b"), levels, ())


def test_what_is_found_is_sorted_as_asked_and_equals_stay(measured):
    """The true class 7 of the first counts; of the second, whose class is unknown, the answer 5."""
    places, facts = np.array([1, 0]), measured.facts
    found = {order: sections.in_order(places, facts, order).tolist() for order in ORDERS}
    assert found == {"rule": [1, 0], "surest": [0, 1], "least-sure": [1, 0], "class": [1, 0]}
    alike = replace(facts, probability=np.full((1, 2), 0.5))
    assert sections.in_order(places, alike, "surest").tolist() == [1, 0]


def test_the_sheet_holds_the_pictures_found_in_their_order(measured):
    """Each level is a square of four by four points."""
    with Image.open(io.BytesIO(sheet.sheet_png(CIFAR10, measured, [1, 0], "Least sure"))) as found:
        assert round(found.info["dpi"][0]) == DPI
        shown = np.asarray(found)[GAP + HEAD : GAP + HEAD + CELL : 4]
    for at, place in enumerate((1, 0)):
        left = GAP + at * (CELL + GAP)
        assert np.array_equal(shown[:, left : left + CELL : 4].transpose(2, 0, 1), measured.levels[place])


def test_the_arrays_say_of_which_pictures_they_are(measured):
    data = sections.arrays_npz(CIFAR10, measured)
    levels = measured.levels
    with np.load(io.BytesIO(data), allow_pickle=False) as found:
        assert np.array_equal(found["levels"], levels) and found["predicted"].tolist() == [[3, 5]]
        assert '"titles": ["mine.png", "b"]' in str(found["settings"])


def test_a_picture_is_kept_where_every_network_with_a_range_is_as_sure():
    one = np.array([[0.5, 0.25, 0.75]])
    facts = PictureFacts(
        ("0", "1", "2"), ("standard", "pgd-l2"), np.array([3, 3, 3]), np.zeros((2, 3), int),
        np.concatenate([one, 1 - one]), one[0], one, one,
    )  # fmt: skip
    assert sections.sure_enough(facts, (("standard", 50, 100),)).tolist() == [True, False, True]
    assert sections.sure_enough(facts, (("standard", 50, 100), ("pgd-l2", 30, 60))).tolist() == [True, False, False]
    assert sections.sure_enough(facts, (("gone", 0, 0),)).all()
