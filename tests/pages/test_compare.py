"""The page Compare: answers, attacks, pictures and maps on tiny networks, its link, and an engine error shown."""

import ast
import subprocess
import sys

import pytest
import torch
from streamlit.testing.v1 import AppTest

from app.compare.choice import CompareChoice
from app.state import visitor_cookie
from app.state.choice import Choice
from app.state.judgements import ALPHA, calibration_folder
from app.state.names import model_name
from app.state.zoo import zoo_folder
from core.anomaly.calibration import calibration_path, read_calibration
from core.anomaly.catalogue import DEFAULT
from core.anomaly.verdict import judge
from core.data.tasks import CIFAR10
from core.models.zoo import load_zoo_model
from tests.helpers.pages import (
    ROOT,
    bodies,
    checked,
    components,
    entered,
    finished,
    picture,
    presented,
    pressed,
    query,
    run_program,
    source,
    upload,
    value,
)
from tests.helpers.tiny_zoo import KEYS, write_zoo

PAGE = "streamlit_app"
STRENGTH = "attack.strength.cifar10.linf"


def test_a_first_visit_shows_three_networks_and_an_attack_with_a_clean_address(visit):
    at = visit()
    assert [value(body, "data-answer") for body in bodies(at, "data-answer")] == list(KEYS)
    assert [value(body, "data-attacked") for body in bodies(at, "data-attacked")] == list(KEYS)
    assert "Accuracy not measured" in bodies(at, "data-figures")[0]
    assert not at.error and not at.warning and query(at) == {}
    assert [caption.value for caption in at.sidebar.caption] == ["Computed on the CPU."]


@pytest.mark.slow
def test_epsilon_zero_changes_nothing_and_the_slider_moves_only_the_attack(visit):
    at = visit(epsilon="0")
    before = bodies(at, "data-answer")
    assert all(value(body, "data-before") == value(body, "data-after") for body in bodies(at, "data-attacked"))
    assert all("×" not in body or "L2 0.00" in body for body in bodies(at, 'class="rs-small"'))
    checked(at.slider(key=STRENGTH).set_value(16).run())
    attacked = bodies(at, "data-attacked")
    assert any(value(body, "data-before") != value(body, "data-after") for body in attacked)
    assert all("changed" in body or "kept" in body for body in attacked)
    assert bodies(at, "data-answer") == before and query(at)["epsilon"] == "16"


@pytest.mark.slow
def test_the_server_does_not_pull_the_slider_back_under_the_hand(visit):
    at = visit()
    checked(at.slider(key=STRENGTH).set_value(9).run())
    assert not at.slider(key=STRENGTH).proto.set_value
    checked(at.slider(key=STRENGTH).set_value(10).run())
    assert not at.slider(key=STRENGTH).proto.set_value and query(at)["epsilon"] == "10"


@pytest.mark.slow
def test_a_picture_of_the_gallery_is_chosen_by_a_click_and_named_in_the_address(visit):
    at = visit()
    checked(at.button(key="pick-photo-coffee").click().run())
    assert query(at)["image"] == "photo:coffee" and any("Coffee" in caption.value for caption in at.caption)


def in_the_gallery(at: AppTest) -> list[str]:
    """The buttons of the pictures that the gallery's dialog shows."""
    return [button.key for button in at.button if str(button.key).startswith("all-pick-")]


@pytest.mark.slow
def test_all_of_the_gallery_is_searched_by_class_and_name(visit):
    at = visit()
    checked(at.button(key="picker.more").click().run())
    whole = in_the_gallery(at)
    checked(at.button_group(key="picker.class.cifar10").set_value("dog").run())
    dogs = in_the_gallery(at)
    assert len(dogs) == 2 and set(dogs) < set(whole)
    checked(at.text_input(key="picker.like").set_value("no such name").run())
    assert not in_the_gallery(at) and any("No picture of that name" in caption.value for caption in at.caption)
    checked(at.text_input(key="picker.like").set_value("").run())
    checked(at.button(key=dogs[0]).click().run())
    assert query(at)["image"].startswith("generated:") and not in_the_gallery(at)


@pytest.mark.slow
def test_an_upload_is_looked_at_and_a_later_click_in_the_gallery_wins(visit):
    at = upload(visit(), "mine.png", picture())
    assert any("Your picture" in caption.value for caption in at.caption) and query(at)["image"] == "upload"
    checked(source(at).set_value("Gallery").run())
    checked(at.button(key="pick-photo-rocket").click().run())
    assert query(at)["image"] == "photo:rocket" and any("Rocket" in caption.value for caption in at.caption)


@pytest.mark.slow
def test_a_drawing_gets_a_sentence_in_place_of_the_browsers_mark(visit):
    at = upload(visit(), "drawing.svg", b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>')
    assert ["SVG drawings are not read" in error.value for error in at.error] == [True]


@pytest.mark.slow
def test_a_truncated_upload_is_a_sentence_and_the_session_lives_on(visit):
    at = upload(visit(), "broken.png", picture()[:-200])
    assert len(at.error) == 1 and "Something went wrong" not in at.error[0].value and "broken.png" in at.error[0].value
    assert len(bodies(at, "data-answer")) == 3 and any("Cat" in caption.value for caption in at.caption)
    assert bodies(at, 'class="rs-refused"')  # what is below is dimmed: it is not of this file
    assert sum("was refused" in item.value for item in at.caption) == 1, "beside the file, too: its box hides the rest"
    upload(at, "whole.png", picture())
    assert not at.error and any("Your picture whole.png" in caption.value for caption in at.caption)
    assert not bodies(at, 'class="rs-refused"')
    upload(at, "broken.png", picture()[:-200])
    checked(at.button(key="picker.accept").click().run())
    assert not at.error and not bodies(at, 'class="rs-refused"')


@pytest.mark.slow
def test_a_reload_brings_a_visitor_their_own_picture_and_nobody_elses(visit, monkeypatch):
    at = upload(visit(), "mine.png", picture())
    shown = bodies(at, "data-answer")
    assert query(at)["image"] == "upload"
    name = at.session_state["visitor.name"]
    monkeypatch.setattr(visitor_cookie, "name_in", lambda cookie, folder: name)
    again = visit(**query(at))  # the cookie says who comes back
    assert bodies(again, "data-answer") == shown and not again.warning
    assert any("Your picture mine.png" in caption.value for caption in again.caption)
    monkeypatch.setattr(visitor_cookie, "name_in", lambda cookie, folder: "c" * 32)
    other = visit(**query(at))
    assert bodies(other, "data-answer") != shown and "somebody's own picture" in other.warning[0].value
    assert not any("mine.png" in caption.value for caption in other.caption)


@pytest.mark.slow
def test_session_state_holds_no_pixels(visit):
    at = upload(visit(), "mine.png", picture())
    state = at.session_state._state._state.filtered_state
    assert "choice.now" in state
    held = [value for key, value in state.items() if key != "picker.upload"]  # Streamlit keeps the file for its widget
    assert all(
        value is None or isinstance(value, str | int | float | list | dict | tuple | Choice | CompareChoice)
        for value in held
    )


@pytest.mark.slow
def test_a_link_restores_the_view(visit):
    link = {
        "task": "fashion-mnist",
        "models": "pgd-l2,standard",
        "image": "photo:rocket",
        "fit": "letterbox",
        "invert": "yes",
        "norm": "l2",
        "epsilon": "1.2",
    }
    at = visit(**link)
    assert [value(body, "data-attacked") for body in bodies(at, "data-attacked")] == ["pgd-l2", "standard"]
    assert at.slider(key="attack.strength.fashion-mnist.l2").value == pytest.approx(1.2) and at.toggle[0].value is True
    fit = at.segmented_control(key="picker.fit")
    assert fit.value == "letterbox"
    assert list(fit.proto.default) == [1] and at.toggle[0].proto.default  # a popover forgets all but defaults
    assert any("Rocket" in caption.value for caption in at.caption)
    assert not at.warning and query(at) == link


@pytest.mark.slow
def test_each_choice_reaches_the_address_and_back(visit):
    at = visit()
    checked(at.segmented_control(key="side.task").set_value("fashion-mnist").run())
    checked(at.multiselect[0].set_value(["pgd-linf", "standard"]).run())
    checked(at.segmented_control(key="attack.norm").set_value("l2").run())
    checked(at.segmented_control(key="picker.fit").set_value("letterbox").run())
    again = visit(**query(at))
    assert (
        query(again)
        == query(at)
        == {
            "task": "fashion-mnist",
            "models": "pgd-linf,standard",
            "image": "generated:00",
            "fit": "letterbox",
            "invert": "no",
            "norm": "l2",
            "epsilon": "0.3",
        }
    )
    assert bodies(again, "data-answer") == bodies(at, "data-answer")
    assert bodies(again, "data-attacked") == bodies(at, "data-attacked")


@pytest.mark.slow
def test_the_back_button_brings_the_earlier_view(visit):
    at = visit()
    checked(at.button(key="pick-photo-coffee").click().run())
    at.query_params.clear()
    checked(at.run())
    assert any("Cat" in caption.value for caption in at.caption)


@pytest.mark.slow
def test_the_back_button_takes_nothing_away_where_it_passes_the_empty_address_of_a_click_in_the_navigation(zoo):
    at = entered("compare", image="photo:coffee")
    at.query_params.clear()
    checked(at.switch_page("pages/report.py").run())
    assert query(at)["image"] == "photo:coffee"
    at.query_params.clear()
    checked(at.run())
    assert query(at) == {} and any("Coffee" in caption.value for caption in at.caption)
    checked(at.switch_page("pages/compare.py").run())
    assert query(at)["image"] == "photo:coffee"


@pytest.mark.slow
def test_a_hostile_link_is_answered_with_sentences_and_the_first_view(visit):
    at = visit(task="<b>x</b>", models="../..,%00", image="test:999999", fit="x" * 5000, norm="linf;", epsilon="nan")
    assert len(bodies(at, "data-answer")) == 3 and not at.error
    (warning,) = [item.value for item in at.warning]
    assert all(f"`{name}`" in warning for name in ("task", "models", "image", "fit", "norm", "epsilon"))
    assert "xxx" not in warning and "<b>" not in warning
    checked(at.button(key="pick-photo-coffee").click().run())
    assert not at.warning


def test_no_network_chosen_is_not_possible(visit):
    at = visit()
    checked(at.multiselect[0].set_value([]).run())
    assert len(bodies(at, "data-answer")) == 3


@pytest.mark.slow
def test_maps_open_each_on_its_scale_and_a_link_carries_their_form(visit):
    at = visit()
    own = {body.split("rs-scale")[1] for body in bodies(at, "data-weaker")}
    assert len(own) == 3 and any("Strongest map" in body for body in bodies(at, "data-weaker"))
    checked(at.segmented_control(key="compare.scale").set_value("shared").run())
    assert len({body.split("rs-scale")[1] for body in bodies(at, "data-weaker")}) == 1
    checked(at.slider(key="compare.opacity").set_value(40).run())
    assert (query(at)["scale"], query(at)["opacity"]) == ("shared", "40") and "map" not in query(at)
    checked(at.segmented_control(key="compare.map").set_value("alone").run())
    again = visit(**query(at))
    assert bodies(again, "data-weaker") == bodies(at, "data-weaker") and not again.warning
    assert again.segmented_control(key="compare.map").value == "alone"


def test_an_empty_zoo_has_a_page_of_its_own(visit, monkeypatch, tmp_path):
    monkeypatch.setenv("ROBUSTSCOPE_MODELS", str(tmp_path))
    at = visit()
    assert any("No networks here yet" in item.value for item in at.subheader) and not at.error


@pytest.mark.usefixtures("fresh_caches")
def test_damaged_weights_are_a_sentence(visit, monkeypatch, tmp_path):
    monkeypatch.setenv("ROBUSTSCOPE_MODELS", str(write_zoo(tmp_path, ("cifar10",))))
    path = tmp_path / "cifar10" / "pgd-l2.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    at = visit()
    assert len(at.error) == 1 and "pgd-l2.safetensors" in at.error[0].value and str(tmp_path) not in at.error[0].value


@pytest.mark.slow
def test_importing_the_page_does_not_bring_captum():
    """It names networks and shows gradients; neither needs what explains. Asked of a fresh process."""
    script = ast.parse((ROOT / "pages" / "compare.py").read_text())
    imports = [ast.unparse(line) for line in script.body if isinstance(line, ast.Import | ast.ImportFrom)]
    code = "\n".join([*imports, "import sys", "print('captum' in sys.modules, 'core.training' in sys.modules)"])
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "True"]


@pytest.mark.slow
def test_a_search_without_gradients_stands_beside_the_attack_and_says_what_it_alone_turns(visit):
    at = pressed(visit(epsilon="16", open="search"), "search.start")
    ends = {
        part: {value(body, f"data-{part}"): value(body, "data-after") for body in bodies(at, f"data-{part}")}
        for part in ("attacked", "searched")
    }
    starts = {value(body, "data-searched"): value(body, "data-before") for body in bodies(at, "data-searched")}
    searched = run_program(at, "Square(")["searched"]
    assert ends["searched"] == {key: CIFAR10.class_names[one.after] for key, one in searched.items()}
    alone = [key for key in KEYS if ends["attacked"][key] == starts[key] != ends["searched"][key]]
    assert set(starts) == set(KEYS) and len(at.warning) == len(alone) and not at.error
    checked(at.slider(key=STRENGTH).set_value(0).run())
    assert not bodies(at, "data-searched") and not at.error


@pytest.mark.slow
@pytest.mark.usefixtures("calibrations")
def test_an_attack_grows_with_answer_map_and_detector_and_at_each_radius_it_is_the_attack_of_the_slider(visit):
    at = finished(visit(epsilon="8", open="growth"))
    (sent,) = components(at, "player")
    tracks, places = {track["name"]: track for track in sent["tracks"]}, sent["places"]
    assert places == [f"{n}/255" for n in range(0, 17, 2)] and places[sent["start"]] == "8/255"
    assert list(tracks) == [model_name(key) for key in KEYS] and all(one["beside"] for one in tracks.values())
    for body in bodies(at, "data-attacked"):
        captions = tracks[model_name(value(body, "data-attacked"))]["captions"]
        assert captions[0].startswith(f"{value(body, 'data-before')} ")
        assert captions[4].startswith(f"{value(body, 'data-after')} ")
        assert (", changed" in captions[4]) == (value(body, "data-after") != value(body, "data-before"))
    curves = [{line["name"]: line["values"] for line in one["lines"]} for one in sent["series"]]
    answers, alike, odd = curves
    grown = run_program(at, "growing_attack(")["grown"]
    assert list(odd) == [model_name(key) for key in ("standard", "pgd-l2")] and set(grown) == set(KEYS)
    for key, found in grown.items():
        name = model_name(key)
        assert answers[name] == pytest.approx(found.probs[:, found.target].tolist(), abs=1e-5) and alike[name][0] == 1
        flagged = [caption.endswith(", flagged") for caption in tracks[name]["captions"]]
        assert flagged == [p_value <= ALPHA for p_value in odd.get(name, [1] * len(places))]
    network = load_zoo_model("cifar10", "standard", zoo_folder())
    screen = read_calibration(network, calibration_path("cifar10", "standard", calibration_folder()))
    judged = judge(network, screen, torch.tensor(grown["standard"].x[:1]))
    assert odd[model_name("standard")][0] == pytest.approx(judged.p_values[DEFAULT][0], abs=1e-5)
    assert not at.error
    *_, slide = presented(pressed(at, "presenter.button"))["slides"]
    said = {
        panel["title"]: [
            ", ".join(filter(None, (f"{face['answer']} {face['bars'][0]['words']}", face["verdict"])))
            for face in panel["faces"]
        ]
        for panel in slide["panels"]
    }
    assert said == {name: track["captions"] for name, track in tracks.items()}
    assert [face["name"] for face in slide["panels"][0]["faces"]] == [f"ε {place}" for place in places]
    assert all(face["over"] and face["picture"] for panel in slide["panels"] for face in panel["faces"])


@pytest.mark.slow
def test_an_attack_grows_where_a_calibration_is_of_other_weights_and_that_is_said(visit):
    at = finished(visit(models="standard", open="growth"))
    (sent,) = components(at, "player")
    assert len(sent["series"]) == 2 and ["other weights" in error.value for error in at.error] == [True]
    assert bodies(at, "data-attacked")
