"""The page Models: cards and figures with and without a report, a perturbation that follows its controls, its link."""

import json
from html import escape

import pytest
from streamlit.testing.v1 import AppTest

from app.models import answers
from app.models.claims import measurement
from tests.helpers.checked_files import read_json, write_json
from tests.helpers.counted_answers import holds_the_answers
from tests.helpers.pages import bodies, checked, pressed, query, run_program, value
from tests.helpers.synthetic.adversarial import write_adversarial_reports
from tests.helpers.synthetic.answers import write_answers
from tests.helpers.synthetic.robustness import write_report
from tests.helpers.tiny_zoo import KEYS

PAGE = "pages/models"
OPEN = "curves,claims,sure,cards,perturbation"


@pytest.fixture
def measured(tiny_zoo, reports):
    """The folder with a report on CIFAR-10."""
    write_report(tiny_zoo, reports, "cifar10")
    return reports


def headers(at: AppTest) -> list[str]:
    return [item.value for item in (*at.header, *at.subheader)]


def cosine(at: AppTest) -> float:
    return float(value(bodies(at, "data-cosine")[0], "data-cosine"))


def share(at: AppTest) -> float:
    return float(value(bodies(at, "data-cosine")[0], "data-share"))


def pick(at: AppTest, field: str):
    return at.selectbox(key=f"made.{field}.cifar10")


def slide(at: AppTest, field: str):
    return at.slider(key=f"made.{field}.cifar10")


@pytest.mark.slow
def test_without_a_report_the_cards_stand_and_a_sentence_says_how_to_get_one(visit):
    at = visit(open=OPEN)
    (block,) = bodies(at, "data-card")
    assert [f'data-card="{key}"' in block for key in KEYS] == [True] * 3 and "Accuracy not measured" in block
    assert any("is not here yet" in item.value for item in at.markdown)
    assert any("--task cifar10 --report robustness" in item.value for item in at.code)
    assert not at.error and not at.warning and query(at) == {"open": OPEN}
    assert "How sure are they, and how steep?" not in headers(at) and bodies(at, "data-cosine")


@pytest.mark.slow
def test_the_report_gives_figures_curves_and_claims(visit, measured):
    at = visit(open=OPEN)
    table = at.dataframe[0].value
    assert list(table["Network"]) == ["Standard", "Robust, L2", "Robust, L∞"]
    rows = json.loads((measured / "cifar10" / "robustness.json").read_text())["rows"]
    linf = {row["model"]: row for row in rows if row["norm"] == "linf"}
    assert list(table["APGD"]) == pytest.approx([linf[key]["apgd"] * 100 for key in ("standard", "pgd-l2", "pgd-linf")])
    assert "transfer" in table["Signs of masking"][0] and table["Signs of masking"][1] == "none"
    (block,) = bodies(at, "data-card")
    assert f"{linf['standard']['clean'] * 100:.1f} %" in block and "takes 1.5 × the standard" in block
    figures = run_program(at, "card.figures")["figures"]
    assert list(figures) == ["standard", "pgd-l2", "pgd-linf"]
    shown = {row["model"]: row["apgd"] for row in run_program(at, "Robustness.read")["rows"] if row["norm"] == "linf"}
    assert shown == {key: row["apgd"] for key, row in linf.items()}
    (claims,) = bodies(at, 'class="rs-claims"')
    assert all(escape(measurement(row)) in claims for row in run_program(at, "'orderings'")["rows"])
    assert claims.count("<li class=") == 1 and 'data-holds="part"' in claims
    for pair in ("Robust, L∞ against Standard</span> <em>holds in part", "Robust, L2 against Standard</span> <em>too"):
        assert claims.count(pair) == 1
    assert "How sure are they, and how steep?" in [part.label for part in at.expander] and not at.error
    assert bodies(at, "steps 50; restarts 2; made up; made before rows carried their provenance")
    before = list(table["PGD-50"])
    checked(at.segmented_control(key="attack.norm").set_value("l2").run())
    assert query(at)["norm"] == "l2" and list(at.dataframe[0].value["PGD-50"]) != before


@pytest.mark.slow
def test_cards_have_the_area_and_what_it_is_made_of(visit, tiny_zoo, measured):
    """Of networks that APGD was not asked about the area alone; a damaged file is a sentence, and the cards stand."""
    folder = write_adversarial_reports(tiny_zoo, measured, "cifar10")
    (block,) = bodies(visit(open="cards"), "data-card")
    asked, *others = block.split("data-card")[1:]
    assert "RMSE, n = 200; accuracy on these 90.0 %)" in asked
    assert "Right under APGD within L2 0.25, 0.5, 1: 90 %, 60 %, 30 % (n = 100)." in asked
    assert all("Area 0." in card and "APGD within" not in card for card in others)
    (folder / "adversarial.json").write_text("{")
    at = visit(open="cards")
    assert at.error and bodies(at, "data-card") and "Area 0." not in bodies(at, "data-card")[0]


@pytest.mark.slow
def test_a_network_that_hides_its_gradient_has_no_curve_and_the_page_says_why(visit, measured):
    path = measured / "cifar10" / "robustness.json"
    report = read_json(path)
    for row in report["rows"]:
        row["masking"] = "zero-gradient,transfer" if row["model"] == "pgd-l2" else ""
    write_json(path, report)
    at = visit(open=OPEN)
    assert [item for item in at.caption if item.value.startswith("No line for Robust, L2: ")] and not at.error
    lines = {line.get("name") for line in json.loads(at.get("plotly_chart")[1].proto.spec)["data"]}
    assert {"Standard", "Robust, L∞"} <= lines and "Robust, L2" not in lines


def test_a_report_on_other_weights_is_not_shown(visit, measured):
    path = measured / "cifar10" / "robustness.json"
    report = read_json(path)
    write_json(path, report | {"rows": [row | {"sha256": "0"} for row in report["rows"]]})
    at = visit(open=OPEN)
    assert any("measured on other weights" in item.value for item in at.markdown)
    assert "Accuracy not measured" in bodies(at, "data-card")[0] and not at.error


def test_a_damaged_report_is_a_sentence_and_the_page_goes_on(visit, measured):
    path = measured / "cifar10" / "robustness.npz"
    path.write_bytes(path.read_bytes()[:200])
    at = visit(open=OPEN)
    assert len(at.error) == 1 and "robustness.npz" in at.error[0].value and "Something went" not in at.error[0].value
    assert bodies(at, "data-card") and bodies(at, "data-cosine")


@pytest.mark.slow
def test_the_perturbation_follows_its_sliders(visit):
    at = visit(open=OPEN)
    assert share(at) == pytest.approx(1 - 0.95**10, abs=1e-4)
    checked(slide(at, "epoch").set_value(0).run())
    noise = cosine(at)
    assert share(at) == 0
    checked(slide(at, "epoch").set_value(100).run())
    assert share(at) > 0.99 and cosine(at) > noise + 0.2  # the network's own sign map, on itself
    made = run_program(at, "adversity(")
    assert (made["harm"].cosine, made["steps"].share) == pytest.approx((cosine(at), share(at)), abs=1e-4)
    checked(slide(at, "alpha").set_value(1.0).run())
    assert share(at) == 0 and cosine(at) == noise
    assert query(at)["epoch"] == "100" and query(at)["alpha"] == "1"
    checked(pick(at, "maps").set_value("none").run())
    assert query(at)["map"] == "none" and not [box for box in at.selectbox if box.key == "made.teacher.cifar10"]


@pytest.mark.slow
def test_a_box_is_set_by_two_sliders_and_kept_in_the_link(visit):
    at = visit(open=OPEN)
    checked(pick(at, "maps").set_value("box").run())
    checked(slide(at, "across").set_value((2, 9)).run())
    assert query(at)["box"] == "2,9,8,23" and not at.error
    again = visit(**query(at))
    assert slide(again, "across").value == (2, 9) and not again.warning
    assert bodies(again, "data-cosine") == bodies(at, "data-cosine")


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["guided-sign", "smooth-grad", "grad-cam++", "guided-grad-cam++", "gradient-grad-cam++", "integrated-gradients"],
)
def test_every_map_of_a_teacher_is_made(visit, name):
    at = visit(open=OPEN, map=name, teacher="pgd-l2", network="standard", epoch="50")
    assert not at.error and not at.warning and bodies(at, "data-cosine")
    assert pick(at, "maps").value == name and pick(at, "teacher").value == "pgd-l2"


def test_a_hostile_link_is_answered_with_sentences_and_the_first_view(visit):
    names = ("map", "teacher", "network", "size", "epoch", "alpha", "box")
    at = visit(open=f"{OPEN},<b>,../x", task="<b>x</b>", **dict.fromkeys(names, "<script>" * 99))
    (warning,) = [item.value for item in at.warning]
    assert all(f"`{name}`" in warning for name in ("task", *names)) and "script" not in warning
    assert not at.error and share(at) == pytest.approx(1 - 0.95**10, abs=1e-4)


@pytest.mark.slow
def test_the_choice_goes_along_from_page_to_page(tiny_zoo, reports, monkeypatch):
    at = checked(AppTest.from_file("../../streamlit_app.py", default_timeout=120).run())
    checked(at.button(key="pick-photo-coffee").click().run())
    at.query_params.clear()  # as a click in the navigation does
    checked(at.switch_page("pages/models.py").run())
    assert query(at)["image"] == "photo:coffee" and query(at)["map"] == "gradient-sign"
    checked(at.segmented_control(key="side.task").set_value("fashion-mnist").run())
    at.query_params.clear()
    checked(at.switch_page("pages/compare.py").run())
    assert query(at)["task"] == "fashion-mnist" and "map" not in query(at) and len(bodies(at, "data-answer")) == 3


def test_an_empty_zoo_has_a_page_of_its_own(visit, monkeypatch, tmp_path):
    monkeypatch.setenv("ROBUSTSCOPE_MODELS", str(tmp_path / "none"))
    at = visit(open=OPEN)
    assert any("No networks here yet" in item.value for item in at.subheader) and not at.error


@pytest.mark.slow
def test_answers_are_counted_by_class_and_by_confidence_where_the_data_is(visit, fashion_root, monkeypatch):
    monkeypatch.setattr(answers, "QUERIES", 40)
    at = visit(task="fashion-mnist", open="classes", counted="100", square="yes")
    at = pressed(at, "models.answers.start")
    counted = {value(body, "data-counted"): body for body in bodies(at, "data-counted")}
    (body,) = counted.values()
    holds_the_answers(at, run_program(at, "measure_answers("))
    assert body.count("data-counted") == 2 and 'data-counted="standard"' in body and value(body, "data-n") == "60"
    squares = bodies(at, "data-square")
    assert {value(block, "data-masked") for block in squares} <= {"True", "False"} and len(squares) == 2
    assert len(at.warning) == sum('data-masked="True"' in block for block in squares)
    errors = {value(block, "data-ece") for block in bodies(at, "data-ece")}
    before = [value(block, "data-value") for block in bodies(at, "data-ece")]
    assert errors == {"standard-clean", "pgd-linf-clean"} and "standard-attacked" in bodies(at, "data-ece")[0]
    checked(at.slider(key="models.temperature").set_value(0.25).run())
    assert [value(block, "data-value") for block in bodies(at, "data-ece")] != before
    assert query(at)["temperature"] == "0.25" and not at.error


@pytest.mark.slow
def test_without_the_data_a_sentence_says_what_brings_it(visit):
    at = visit(task="fashion-mnist", open="classes")
    assert any("data fetch fashion-mnist" in item.value for item in at.info) and not at.error


@pytest.mark.slow
def test_without_the_data_the_report_gives_answers_by_class_and_by_confidence(visit, tiny_zoo, reports):
    write_answers(tiny_zoo, reports, "fashion-mnist", without="pgd-l2")
    at = visit(task="fashion-mnist", open="classes", counted="1000", square="yes")
    (body,) = bodies(at, "data-counted")
    assert [value(part, "data-clean") for part in body.split("<p ")[1:]] == ["40", "40"]
    assert [value(part, "data-attacked") for part in body.split("<p ")[1:]] == ["20", "20"]
    assert value(bodies(at, "data-shipped")[0], "data-shipped") == "40" and "made up" in bodies(at, "data-shipped")[0]
    assert len(at.get("plotly_chart")) >= 5
    before = [value(block, "data-value") for block in bodies(at, "data-ece")]
    checked(at.slider(key="models.temperature").set_value(0.25).run())
    assert [value(block, "data-value") for block in bodies(at, "data-ece")] != before and not at.error and not at.info
    checked(at.selectbox(key="models.other.fashion-mnist").set_value("pgd-l2").run())
    assert "Robust, L2" in at.info[0].value and "data fetch" in at.info[0].value
    assert bodies(at, "data-counted")[0].count("data-counted") == 1  # the one that is there stays


@pytest.mark.slow
def test_with_the_data_only_what_the_report_lacks_is_counted(visit, tiny_zoo, reports, fashion_root):
    write_answers(tiny_zoo, reports, "fashion-mnist", without="pgd-linf")
    at = visit(task="fashion-mnist", open="classes", counted="100")
    assert not bodies(at, "data-counted") and not bodies(at, "data-shipped")  # it holds 40
    invited = " ".join(item.value for item in at.markdown)
    assert "asked of **Standard** and **Robust, L∞**" in invited and not at.error
