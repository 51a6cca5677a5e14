"""The page Latent: start, sliders and ribbons, the search, strips and links, on tiny networks and generators."""

import shutil
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from app.latent import search as latent_search
from app.latent.choice import AXES
from app.latent.search import FRAMES
from app.state import predictions
from app.ui.data_urls import data_url
from app.ui.slider_predictions import runs
from core.data.tasks import FASHION_MNIST
from core.latent.search import Search
from tests.helpers.checked_files import read_json, write_json
from tests.helpers.pages import (
    bodies,
    checked,
    components,
    picture,
    presented,
    pressed,
    query,
    run_program,
    upload,
    value,
)
from tests.helpers.synthetic.latent import write_latent_reports

PAGE = "pages/latent"
pytestmark = pytest.mark.usefixtures("generators")
TWO = {"task": "fashion-mnist", "models": "standard,pgd-l2", "open": "scrub,fool,neighbours,classes,way,metrics"}


def drawn(at: AppTest) -> str:
    """The picture that is decoded now."""
    (body,) = bodies(at, "data-here")
    return body.split('data-tile="now"')[1].split('src="', 1)[1].split('"', 1)[0]


def distances(at: AppTest) -> tuple[float, float]:
    (body,) = bodies(at, "data-here")
    return float(value(body, "data-latent")), float(value(body, "data-image"))


def move(at: AppTest, axis: str, position: float) -> AppTest:
    return checked(at.slider(key=f"latent.{axis}").set_value(position).run())


def ribbon(at: AppTest, axis: str) -> str:
    (body,) = bodies(at, f'data-ribbon="{axis}"')
    return body


@pytest.mark.slow
def test_a_first_visit_rebuilds_the_picture_and_shows_eight_ribbons(visit):
    at = visit(**TWO)
    assert not at.error and not at.warning and query(at) == TWO
    (body,) = bodies(at, "data-here")
    assert distances(at) == (0.0, 0.0) and 'data-tile="picture"' in body and "off (RMSE)" in body
    assert drawn(at) == body.split('data-tile="rebuilt"')[1].split('src="', 1)[1].split('"', 1)[0]
    options = at.selectbox(key="latent.label.fashion-mnist").options
    assert sum("proposed" in option for option in options) == 1
    assert [option.split(" (")[0] for option in options if "true class" in option] == [value(body, "data-here")]
    assert all(ribbon(at, axis).count("data-network=") == 2 for axis in AXES)
    (answers,) = bodies(at, "data-answer")
    assert answers.count("data-answer=") == 2


@pytest.mark.slow
def test_a_slider_moves_picture_distances_and_address_and_leaves_its_own_ribbon(visit):
    at = visit(**TWO)
    before, own, other = drawn(at), ribbon(at, "d2"), ribbon(at, "d1")
    move(at, "d2", 3.0)
    latent, image = distances(at)
    assert latent == pytest.approx(3 / 16**0.5, abs=2e-3) and image > 0 and drawn(at) != before
    assert query(at)["moves"] == "0,3,0,0,0"
    assert (
        ribbon(at, "d2").split("rs-ribbon-mark")[0].split(">", 1)[1] == own.split("rs-ribbon-mark")[0].split(">", 1)[1]
    )
    shown = run_program(at, "decode_row(")["row"]
    assert data_url(shown.x[0]) == drawn(at) and shown.latent[0] == pytest.approx(latent, abs=1e-3)
    assert ribbon(at, "d1") != other and value(ribbon(at, "d2"), "data-at") == "3"
    checked(at.button(key="latent.rest").click().run())
    assert drawn(at) == before and "moves" not in query(at)


@pytest.mark.slow
def test_decay_to_the_end_leaves_no_code_and_a_step_along_the_ribbon_is_what_it_said(visit):
    at = visit(**TWO)
    move(at, "decay", 1.0)
    (body,) = bodies(at, "data-here")
    assert "0.00 times as long" in body
    one = drawn(at)
    move(at, "d1", 2.0)  # nothing is left to be decayed
    assert drawn(at) == one
    at = visit(**TWO)
    ends = ribbon(at, "mix").split('src="')
    move(at, "mix", -4.0)
    assert drawn(at) == ends[1].split('"', 1)[0]
    assert bodies(at, "data-answer")


@pytest.mark.slow
def test_a_link_shows_the_same_picture_again(visit):
    at = visit(**TWO)
    checked(at.button(key="latent.sample").click().run())
    move(at, "noise", 0.75)
    move(at, "d3", -1.5)
    assert "code" in query(at) and 'data-tile="picture"' not in bodies(at, "data-here")[0]
    again = visit(**query(at))
    assert drawn(again) == drawn(at) and not again.warning and query(again) == query(at)
    checked(again.button(key="latent.own").click().run())
    assert "code" not in query(again) and 'data-tile="picture"' in bodies(again, "data-here")[0]


@pytest.mark.slow
def test_an_upload_travels_as_its_code_where_that_is_asked_for_and_never_by_itself(visit):
    at = visit(**TWO)
    upload(at, "mine.png", picture())
    checked(at.run())
    assert query(at)["image"] == "upload" and "code" not in query(at) and "as" not in query(at)
    assert not any("code=" in item.value for item in at.code)
    shown = presented(pressed(at, "presenter.button"))["link"]  # what the QR code holds
    assert "image=upload" in shown and "code=" not in shown
    assert 'data-tile="picture"' in bodies(at, "data-here")[0]
    checked(at.toggle(key="share.page.more").set_value(True).run())
    (link,) = [item.value for item in at.code if "code=" in item.value]
    assert "code" not in query(at)
    again = visit(**dict(parse_qsl(urlsplit(link).query)))
    assert drawn(again) == drawn(at) and 'data-tile="picture"' not in bodies(again, "data-here")[0]
    assert "somebody's own picture" in again.warning[0].value


@pytest.mark.slow
def test_a_picture_that_the_generator_can_not_draw_is_said_to_be_one_with_a_way_out(visit, monkeypatch):
    """Here every network answers the drawing with the class after the picture's."""
    asked = predictions.predictions_of

    def answers(task, models, shown):
        step = "rebuilt as" in shown.digest
        return [replace(one, target=(one.target + step) % task.classes) for one in asked(task, models, shown)]

    monkeypatch.setattr(predictions, "predictions_of", answers)
    at = visit(**TWO)
    assert [item.value for item in at.warning if "can't draw this picture" in item.value]
    checked(at.button(key="latent.undrawn.sample").click().run())
    assert "code" in query(at) and not at.warning


@pytest.mark.slow
def test_another_class_draws_another_picture(visit):
    at = visit(**TWO)
    before = drawn(at)
    label = value(bodies(at, "data-here")[0], "data-here")
    other = "bag" if label != "bag" else "coat"
    checked(at.selectbox(key="latent.label.fashion-mnist").set_value(other).run())
    assert query(at)["as"] == other and drawn(at) != before and value(bodies(at, "data-here")[0], "data-here") == other
    assert other not in at.selectbox(key="latent.towards.fashion-mnist").options
    checked(at.selectbox(key="latent.towards.fashion-mnist").set_value("shirt").run())
    assert query(at)["to"] == "shirt" and at.slider(key="latent.mix").label == "Towards shirt"


@pytest.mark.slow
def test_the_search_says_for_each_network_what_it_found_and_whether_it_fools_the_others(visit, monkeypatch):
    monkeypatch.setattr(latent_search, "SEARCH", Search(steps=20, restarts=1, start="centre"))
    at = pressed(visit(**TWO), "latent.search.start")
    (body,) = bodies(at, "data-fooled")
    assert body.count("data-fooled=") == 2 and not at.error
    label = value(bodies(at, "data-here")[0], "data-here")
    for part in body.split("<section")[1:]:
        found, size = value(part, "data-found") == "True", float(value(part, "data-norm"))
        first, *_, last = [caption.split("</b>")[0] for caption in part.split("<figcaption><b>")[1:]]
        assert part.count("<figure") == FRAMES + 1 and size > 0
        assert ("Nothing was found" in part) == (not found) and (first != last) == found
        assert (
            ("wrong before" in part.split("rs-film")[0]) == (first != label) == (value(part, "data-right") == "False")
        )
        assert part.count("data-passed=") == (1 if found else 0)
    found = run_program(at, "OneClass(")["found"]
    sizes = {value(part, "data-fooled"): value(part, "data-norm") for part in body.split("<section")[1:]}
    assert sizes == {key: f"{float(one.norm[0]):.4f}" for key, one in found.items()}
    checked(at.segmented_control(key="latent.centre").set_value(1.0).run())
    assert query(at)["centre"] == "1" and not bodies(at, "data-fooled")


@pytest.mark.slow
def test_neighbours_are_counted_as_they_are_lettered(visit):
    at = visit(**TWO, around="0")
    (cells,), (kept,) = bodies(at, "data-neighbours"), bodies(at, "data-kept-by")
    label = value(bodies(at, "data-here")[0], "data-here")
    for key in TWO["models"].split(","):
        lettered = [part for part in cells.split("<b ")[1:] if f'data-network="{key}"' in part]
        said = sum(f'data-class="{label}"' in part for part in lettered)
        count = int(kept.split(f'data-kept-by="{key}" data-count="')[1].split('"')[0])
        assert len(lettered) == 12 and count == said and said in (0, 12)  # without noise all are the same
    checked(at.slider(key="latent.around").set_value(2.0).run())
    assert query(at)["around"] == "2" and bodies(at, "data-neighbours") != [cells]
    (told,) = bodies(at, "data-told")
    assert told.count("<figure") == 10
    for mark, block in (("neighbours(decoder", bodies(at, "data-neighbours")[0]), ("class_row(", told)):
        row, names = run_program(at, mark)["row"], FASHION_MNIST.class_names
        lettered = [part.split('data-class="')[1].split('"')[0] for part in block.split("<b ")[1:]]
        assert lettered == [names[answer] for picture in row.predicted.T for answer in picture]


@pytest.mark.slow
def test_the_program_goes_along_the_slider_that_is_played(visit):
    at = visit(**TWO | {"open": "scrub"}, scrub="d2", moves="1,0,0,0,0")
    row, (player,) = run_program(at, "ribbon(decoder")["row"], components(at, "player")
    label = FASHION_MNIST.class_names.index(value(bodies(at, "data-here")[0], "data-here"))
    lines = player["series"][0]["lines"]
    for number, line in enumerate(lines):
        assert line["values"] == pytest.approx(row.probs[number, :, label].tolist(), abs=1e-6)
    assert player["series"][-1]["lines"][0]["values"] == pytest.approx(row.image.tolist(), abs=1e-6) and len(lines) == 2


@pytest.mark.slow
def test_the_way_to_another_picture_ends_there(visit):
    at = visit(**TWO, **{"with": "photo:coffee"})
    assert bodies(at, "data-turns") and not at.warning
    checked(at.selectbox(key="latent.other.fashion-mnist").set_value("photo:rocket").run())
    assert query(at)["with"] == "photo:rocket" and not at.error
    row = run_program(at, "interpolation(")["row"]
    turns = [" → ".join(FASHION_MNIST.class_names[label] for label, _, _ in runs(answers)) for answers in row.predicted]
    assert [part.split("</b>")[0] for part in bodies(at, "data-turns")[0].split("<b>")[1:]] == turns


def test_a_hostile_link_is_answered_with_sentences_and_the_first_view(visit):
    names = ("as", "code", "moves", "to", "mix", "decay", "noise", "draw", "scrub", "centre", "with", "around", "cast")
    at = visit(**TWO, **dict.fromkeys(names, "<script>" * 99))
    (warning,) = [item.value for item in at.warning]
    assert all(f"`{name}`" in warning for name in names) and "script" not in warning and not at.error
    assert distances(at) == (0.0, 0.0)


def test_a_task_without_a_generator_names_the_command(visit):
    at = visit(task="cifar10", view="generator")
    assert any("train-generator cifar10" in item.value for item in at.code) and not at.error
    assert not bodies(at, "data-here")


@pytest.mark.usefixtures("fresh_caches")
def test_a_damaged_generator_is_a_sentence(visit, generators, tmp_path, monkeypatch):
    for path in generators.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes()[:-1] + b"?")
    monkeypatch.setenv("ROBUSTSCOPE_GENERATORS", str(tmp_path))
    at = visit(**TWO)
    assert at.error and not bodies(at, "data-here")


def test_without_a_report_a_sentence_names_the_command(visit):
    at = visit(**TWO)
    assert any("--task fashion-mnist --report latent" in item.value for item in at.code)


@pytest.mark.slow
@pytest.mark.parametrize(("helper", "named"), [("pgd-l2", True), ("trades", False), (["pgd-l2"], False)], ids=str)
def test_a_network_that_helped_to_make_the_generator_is_named(
    visit, generators, tiny_zoo, tmp_path, monkeypatch, helper, named
):
    write_latent_reports(tiny_zoo, tmp_path, "fashion-mnist")
    card = read_json(generators / "fashion-mnist.json")
    folder = tmp_path / "generators"
    shutil.copytree(generators, folder)
    write_json(folder / "fashion-mnist.json", card | {"settings": {"recipe": {"classifier": helper}}})
    monkeypatch.setenv("ROBUSTSCOPE_GENERATORS", str(folder))
    assert len(bodies(visit(**TWO), "learned with the features of Robust, L2")) == named


@pytest.mark.slow
def test_the_report_is_a_table_a_scatter_and_what_came_of_the_claims(visit, tiny_zoo, tmp_path):
    write_latent_reports(tiny_zoo, tmp_path, "fashion-mnist")
    at = visit(**TWO)
    (table,) = bodies(at, "data-latent-row")
    assert table.count("data-latent-row=") == 3 and "LAGS" in table and "% never fooled" in table
    assert not at.error and not any("--report latent" in item.value for item in at.code)
    severities = [float(row.split("<b>")[4].split("<")[0]) for row in table.split("data-latent-row=")[1:]]
    assert severities == sorted(severities, reverse=True)  # as they were made up, in the zoo's order
    (claims,) = bodies(at, "data-claim")
    assert "Pairs of networks" in claims  # three networks are too few for a correlation
    assert bodies(at, "A search gives an upper bound.")
    checked(at.segmented_control(key="latent.codes").set_value("reconstruction").run())
    checked(at.segmented_control(key="latent.measure").set_value("change").run())
    assert query(at)["codes"] == "reconstruction" and query(at)["measure"] == "change"
    (table,) = bodies(at, "data-latent-row")
    assert "LARS" in table and "LAGS" not in table and not at.error


@pytest.mark.slow
def test_a_report_of_other_weights_or_a_damaged_one_is_a_sentence(visit, tiny_zoo, tmp_path):
    folder = write_latent_reports(tiny_zoo, tmp_path, "fashion-mnist")
    path = folder / "latent.json"
    whole = path.read_text()
    report = read_json(path)
    write_json(path, report | {"rows": [row | {"sha256": f"x{row['sha256']}"} for row in report["rows"]]})
    at = visit(**TWO)
    assert any("of other weights" in item.value for item in at.markdown) and not bodies(at, "data-latent-row")
    path.write_text(whole[:100])
    at = visit(**TWO)
    assert any("checksum" in item.value for item in at.error) and bodies(at, "data-here")
