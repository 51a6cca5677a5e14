"""The page Saliency: the grid and its cells, the map that is looked at, its files and its link."""

import json
import re
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from app.saliency.colouring import map_pixels, scales
from app.state.training_job import Job
from app.ui.data_urls import bytes_url
from core.models.layers import layers
from core.models.resnet import PreActResNet
from core.models.zoo import load_zoo_model, save
from core.saliency.measures.catalogue import SALIENCY_MEASURES
from core.saliency.measures.measure import Measure
from core.training.jobs.messages import Point, Ready, TrainingRequest
from tests.helpers.pages import bodies, checked, finished, opened, presented, query, restored, run_program
from tests.helpers.synthetic.saliency import write_saliency_report
from tests.helpers.tiny_zoo import KEYS, write_zoo

PAGE = "pages/saliency"
TWO = {"models": "standard,pgd-l2", "open": "closer,pair,maps,trust,alike,sanity,training,sheet"}
CHEAP = {"methods": "gradient,grad-cam"}


def grid(at: AppTest) -> str:
    """The grid's HTML, which a component shows."""
    (found,) = [one.proto for one in at.get("bidi_component") if one.proto.component_name == "robustscope.maps"]
    return json.loads(found.json)["html"]


def states(body: str) -> list[str]:
    return [part.split('"', 1)[0] for part in body.split('data-state="')[1:]]


def test_a_first_visit_shows_five_methods_and_looks_at_the_first(visit):
    at = visit(**TWO)
    assert states(grid(at)) == ["there"] * 10 and grid(at).count('aria-pressed="true"') == 1
    (closer,) = bodies(at, "data-closer")
    assert "standard,gradient" in closer and not at.error and not at.warning and query(at) == TWO


@pytest.mark.slow
def test_float32_is_a_click_away_where_maps_are_averaged_in_bfloat16(visit, monkeypatch):
    monkeypatch.setattr("app.state.device.step_precision", lambda: "bfloat16")
    monkeypatch.setattr("app.ui.python_code.step_precision", lambda: "bfloat16")
    at = visit(models="standard", methods="integrated-gradients", open="closer")
    made = {}
    for precision in ("bfloat16", "float32"):
        (closer,) = bodies(at, "data-precision")
        assert f'data-precision="{precision}"' in closer and ("float64" in closer) == (precision == "bfloat16")
        (made[precision],) = run_program(at, "heatmap.sum()")["maps"].values()
        assert made[precision].settings["precision"] == precision
        checked(at.segmented_control(key="saliency.precision").set_value("float32").run())
    assert query(at)["precision"] == "float32" and (made["bfloat16"].heatmap != made["float32"].heatmap).any()


def test_rows_and_columns_change_places(visit):
    at = visit(**TWO, **CHEAP)
    before = grid(at)
    order = [part.split('"', 1)[0] for part in before.split('data-map="')[1:]]
    assert order == ["standard,gradient", "pgd-l2,gradient", "standard,grad-cam", "pgd-l2,grad-cam"]
    checked(at.segmented_control(key="saliency.rows").set_value("networks").run())
    order = [part.split('"', 1)[0] for part in grid(at).split('data-map="')[1:]]
    assert order == ["standard,gradient", "standard,grad-cam", "pgd-l2,gradient", "pgd-l2,grad-cam"]
    assert query(at)["rows"] == "networks"


@pytest.mark.slow
def test_another_scale_and_other_colours_draw_other_pictures_of_the_same_maps(visit):
    at = visit(**TWO, **CHEAP)
    seen = {grid(at)}
    for key, value in (("scale", "own"), ("colours", "strength")):
        checked(at.segmented_control(key=f"saliency.{key}").set_value(value).run())
        seen.add(grid(at))
    checked(at.slider(key="saliency.over").set_value(60).run())
    seen.add(grid(at))
    assert len(seen) == 4 and query(at)["over"] == "60"
    assert len({tuple(re.findall(r'title="max ([\d.]+)"', body)) for body in seen}) == 1
    assert ["Strongest map" in body for body in (grid(at), grid(visit(**TWO, **CHEAP)))] == [True, False]


@pytest.mark.slow
def test_a_contrast_is_another_question_and_a_class_against_itself_is_a_sentence(visit):
    at = visit(**TWO, **CHEAP)
    answer = grid(at).split('data-explains="why ')[1].split('"', 1)[0]
    checked(at.selectbox(key="saliency.of.cifar10").set_value("cat").run())
    checked(at.selectbox(key="saliency.against.cifar10").set_value("dog").run())
    assert grid(at).count('data-explains="why cat, not dog"') == 2
    at = visit(**TWO, **CHEAP, against=answer)
    assert "nothing to hold it against" in grid(at) and not at.error


def test_the_true_class_of_a_photograph_is_not_known_and_each_cell_says_so(visit):
    at = visit(**TWO, **CHEAP, explain="true")
    assert states(grid(at)) == ["none"] * 4 and grid(at).count("true class is not known") == 4 and not at.error


def test_long_methods_come_beside_the_page_and_the_others_stand_meanwhile(visit):
    at = visit(**TWO, methods="gradient,feature-ablation")
    assert states(grid(at))[:2] == ["there", "there"]
    assert states(grid(finished(at))) == ["there"] * 4 and not at.error


def test_a_link_restores_every_part_of_the_page(visit):
    link = {
        "task": "fashion-mnist", "models": "pgd-l2,standard", "image": "photo:coffee", "fit": "crop", "invert": "yes",
        "norm": "linf", "epsilon": "6", "methods": "grad-cam,gradient", "explain": "bag", "against": "other",
        "rows": "networks", "scale": "own", "colours": "strength", "over": "50", "map": "standard,gradient",
        "other": "pgd-l2", "measures": "sparsity", "agreement": "cosine", "agreed": "report",
        "sheet": "photo:coffee,photo:chelsea", "open": "closer",
    }  # fmt: skip
    at = restored(visit, link)
    methods = at.multiselect(key="saliency.methods")
    assert methods.value == ["grad-cam", "gradient"]
    assert [methods.options[place] for place in methods.proto.default] == ["Grad-CAM", "Gradient"]  # a popover knows it
    assert "standard,gradient" in bodies(at, "data-closer")[0]


def test_a_hostile_link_is_answered_with_sentences_and_the_first_view(visit):
    names = (
        "methods", "explain", "against", "rows", "scale", "colours", "over", "map", "other", "measures", "agreement",
        "agreed", "sheet", "view",
    )  # fmt: skip
    at = visit(**TWO, **dict.fromkeys(names, "<script>" * 99))
    (warning,) = [item.value for item in at.warning]
    assert all(f"`{name}`" in warning for name in names) and "script" not in warning and not at.error


def test_no_method_at_all_is_refused_and_the_grid_stands(visit):
    at = visit(**TWO, **CHEAP)
    checked(at.multiselect(key="saliency.methods").set_value([]).run())
    assert states(grid(at)) == ["there"] * 4 and at.multiselect(key="saliency.methods").value == [
        "gradient",
        "grad-cam",
    ]


def test_a_network_without_gradient_is_a_sentence_in_its_cells(visit, tiny_zoo, tmp_path, monkeypatch):
    for key in KEYS:
        model = load_zoo_model("cifar10", key, tiny_zoo)
        plain = PreActResNet(model.card.network, torch.Generator().manual_seed(1)).eval()
        if key == "standard":
            with torch.no_grad():
                plain.get_parameter([name for name, _ in plain.named_parameters()][-2]).fill_(0.0)
        save(plain, model.card, tmp_path / "odd")
    monkeypatch.setenv("ROBUSTSCOPE_MODELS", str(tmp_path / "odd"))
    at = opened("pages/saliency", **(TWO | CHEAP))
    assert states(grid(at)) == ["none", "there", "none", "there"] and "zero at every pixel" in grid(at)
    assert not at.error


@pytest.mark.slow
@pytest.mark.usefixtures("fresh_caches")
def test_a_damaged_network_is_a_sentence_and_the_others_stand(tiny_zoo, tmp_path, monkeypatch, visit):
    folder = write_zoo(tmp_path / "zoo", ("cifar10",))
    (folder / "cifar10" / "pgd-l2.safetensors").write_bytes(b"nothing")
    monkeypatch.setenv("ROBUSTSCOPE_MODELS", str(folder))
    at = opened("pages/saliency", **(TWO | CHEAP | {"image": "photo:rocket"}))
    assert states(grid(at)) == ["there", "none", "there", "none"] and not at.error


def after(at: AppTest, button: str, mark: str) -> str:
    """Press a button and wait for what comes out."""
    checked(at.button(key=button).click().run())
    return "".join(bodies(finished(at), mark))


@pytest.mark.slow
def test_maps_are_measured_at_the_press_of_a_button_and_stand_in_the_table(visit):
    at = visit(**TWO, **CHEAP, measures="sparsity,deletion", image="photo:coffee")
    assert any("--report saliency" in item.value for item in at.code)
    table = after(at, "saliency.measure.start", "data-scored")
    assert table.count("data-scored") == 4 and "–" not in table and table.count("best here") == 2
    assert not any(button.key == "saliency.measure.start" for button in at.button) and not at.error
    scores = run_program(at, "['sparsity', 'deletion']")["scores"]
    shown = (part for row in table.split("<tr data-scored")[1:] for part in row.split("<td>")[1:])
    figures = [part.removeprefix("<b>").split("<")[0] for part in shown]
    assert sorted(figures) == sorted(f"{score:.3f}".replace("-", "−") for score in scores.values())


@pytest.mark.slow
def test_the_programs_of_one_map_and_of_two_networks_look_at_the_layer_that_was_chosen(visit, tiny_zoo):
    model = load_zoo_model("cifar10", "pgd-l2", tiny_zoo)
    layer, one_map = layers(model.fast, model.task.shape)[0].name, ("pgd-l2", "grad-cam")
    link = {"models": TWO["models"], "open": "closer,pair", "map": ",".join(one_map)} | CHEAP
    at = visit(**link, layer=layer)
    assert grid(visit(**link)) != grid(at) and not at.error
    one, (numbers,) = run_program(at, "heatmap.sum()"), bodies(at, "data-numbers")
    assert f"<b>{one['heatmap'].sum():+.3g}</b>".replace("-", "−") in numbers and {*one["maps"]} == {one_map}
    scored = [f"<b>{score:.3f}</b>".replace("-", "−") for score in one["scores"].values()]
    assert len(scored) == numbers.count("is better") > 1 and all(score in numbers for score in scored)
    every, pair = (run_program(at, f"in {keys}")["maps"] for keys in (["standard", "pgd-l2"], ["pgd-l2", "standard"]))
    assert {*pair} == {cell for cell in every if cell[1] == "grad-cam"} and {*one["maps"]} < {*pair}
    for made in (every, pair):
        full = scales(made, "method")
        assert all(bytes_url(map_pixels(each, full[cell], "signed", 0)) in grid(at) for cell, each in made.items())


@pytest.mark.slow
def test_a_measure_that_joins_the_catalogue_is_offered_explained_and_measured(visit, monkeypatch):
    """One entry, and no other file."""
    total = Measure(
        "total", "Total", "The sum of the shown map.", "nobody 2026", "neither", "none",
        lambda case: case.heatmaps.sum((1, 2), dtype=np.float64),
    )  # fmt: skip
    monkeypatch.setitem(SALIENCY_MEASURES, total.key, total)
    at = visit(**TWO, methods="gradient", measures="total", image="photo:coffee")
    assert "Total" in at.multiselect(key="saliency.measures").options
    terms = "".join(bodies(at, "rs-terms"))
    assert "The sum of the shown map." in terms and "nobody 2026" in terms and not at.warning
    table = after(at, "saliency.measure.start", "data-scored")
    assert table.count("data-scored") == 2 and ">Total<" in table and "–" not in table and not at.error


@pytest.mark.slow
def test_the_report_shows_each_measure_over_its_images_and_a_damaged_one_is_a_sentence(visit, tiny_zoo, tmp_path):
    path = write_saliency_report(tiny_zoo, tmp_path, "cifar10")
    at = visit(**TWO, **CHEAP, measures="sparsity,deletion")
    assert len(bodies(at, "data-spread")) == 2 and not any("--report saliency" in item.value for item in at.code)
    path.write_text(path.read_text()[:100])
    at = visit(**TWO, **CHEAP, measures="sparsity,deletion")
    assert any("checksum" in item.value for item in at.error) and states(grid(at)) == ["there"] * 4
    assert any(button.key == "saliency.sanity.start" for button in at.button)


@pytest.mark.slow
def test_the_reports_agreement_and_relation_are_shown_or_a_sentence_for_it(visit, tiny_zoo, tmp_path):
    at = visit(**TWO, **CHEAP)
    assert len(bodies(at, "data-agreement")) == 2 and not bodies(at, "data-relation=")
    checked(at.segmented_control(key="saliency.agreed").set_value("report").run())
    assert not bodies(at, "data-agreement") and any("is not here yet" in item.value for item in at.caption)
    write_saliency_report(tiny_zoo, tmp_path, "cifar10")
    checked(at.run())
    networks, methods = bodies(at, "data-agreement")
    assert networks.count("0.75") == 2 and methods.count("0.25") == 2 and query(at)["agreed"] == "report"
    assert len(bodies(at, "data-relation=")) == 2 and "0.900" in bodies(at, "data-relations")[0] and not at.error


@pytest.mark.slow
def test_layers_are_randomised_at_the_press_of_a_button_and_another_map_asks_again(visit):
    at = visit(**TWO, **CHEAP)
    strips = after(at, "saliency.sanity.start", "data-sanity")
    assert strips.count("data-sanity") == 2 and "layers lost" in strips and not at.error
    for steps in run_program(at, "cascade(")["cascades"].values():
        lost = f"{len(steps) - 1} layers lost: {steps[-1].similarity[0]:.3f}".replace("-", "−")
        assert lost in strips
    again = visit(**TWO, **CHEAP, map="standard,grad-cam")
    assert not bodies(again, "data-sanity") and any(button.key == "saliency.sanity.start" for button in again.button)


def test_a_contact_sheet_has_each_picture_for_each_network(visit):
    at = visit(**TWO, **CHEAP, sheet="photo:coffee,photo:rocket,photo:chelsea")
    (sheet,) = bodies(at, "data-sheet")
    assert sheet.count("data-sheet") == 6 and not at.error
    made = run_program(at, "sheet[found.model")["sheet"]
    rocket = {(key, one.method): one for (key, image), one in made.items() if image == "photo:rocket"}
    full = scales(rocket, "method")
    assert len(made) == 6
    assert all(bytes_url(map_pixels(one, full[cell], "signed", 0)) in sheet for cell, one in rocket.items())


@pytest.mark.slow
def test_an_early_and_a_late_state_stand_side_by_side_where_both_ship(visit, tiny_zoo, tmp_path, monkeypatch):
    at = visit(**TWO, **CHEAP)
    assert not bodies(at, "data-course") and any("last weights alone" in item.value for item in at.caption)
    shutil.copytree(tiny_zoo, tmp_path / "zoo")
    model = load_zoo_model("cifar10", "standard", tiny_zoo)
    for key, epochs, seed in (("oneepoch", 1, 5), ("standard", 32, 6)):
        network = PreActResNet(model.card.network, torch.Generator().manual_seed(seed))
        save(network, replace(model.card, key=key, settings={"epochs": epochs}), tmp_path / "zoo")
    monkeypatch.setenv("ROBUSTSCOPE_MODELS", str(tmp_path / "zoo"))
    at = visit(**TWO, **CHEAP)
    (strip,) = bodies(at, "data-course")
    alike = run_program(at, "spearman(")["alike"]
    assert f"two maps: {alike:.3f}".replace("-", "−") in strip.replace("\n", " ")
    assert "after 1 epoch: why" in strip and "after 32 epochs: why" in strip and strip.count("<img") == 3
    assert not bodies(visit(open=TWO["open"], models="pgd-l2", **CHEAP), "data-course")


def test_a_network_of_ones_own_shows_the_film_of_its_training(visit, tiny_zoo, monkeypatch):
    from app.saliency import during_training

    maps = np.zeros((1, 32, 32), np.float16)
    point = Point(0.5, 1.0, 0.5, 0.1, maps + 1, np.array([3]), np.array([0.5], np.float16))
    ready = Ready(0, np.zeros((1, 3, 32, 32), np.uint8), np.array([3]), 100, 0.03, 4)
    orders = [TrainingRequest("cifar10", "standard", key, 256, 1) for key in ("pgd-l2", "another")]
    mine = [Job(order.key, "me", order, "finished", ready=ready, points=(point,)) for order in orders]
    monkeypatch.setattr(during_training.visitors, "me", lambda: "me")
    monkeypatch.setattr(during_training, "jobs", lambda: SimpleNamespace(of=lambda visitor: mine))
    assert [job.id for job in during_training.runs_of("cifar10", ("standard", "pgd-l2"))] == ["pgd-l2"]
    at = visit(**TWO, **CHEAP)
    (film,) = [one.proto for one in at.get("bidi_component") if one.proto.component_name == "robustscope.film"]
    assert len(json.loads(film.json)["tracks"]) == 1 and not at.error


@pytest.mark.parametrize("view", ["present", "guess"])
def test_a_link_opens_the_presenter_at_the_map_that_is_looked_at(visit, view):
    at = visit(**TWO, **CHEAP, map="pgd-l2,grad-cam", view=view)
    data = presented(at)
    assert [(slide["key"], [panel["key"] for panel in slide["panels"]]) for slide in data["slides"]] == [
        ("gradient", ["standard", "pgd-l2"]),
        ("grad-cam", ["standard", "pgd-l2"]),
    ]
    assert data["start"] == ["grad-cam", "pgd-l2"] and data["guess"] == (view == "guess") and query(at)["view"] == view
    shown = [panel["faces"][0]["over"] for slide in data["slides"] for panel in slide["panels"]]
    assert shown == [part.split('"', 1)[0] for part in grid(at).split('<img src="')[1:]]  # the page's own maps


def test_agreement_is_said_between_networks_and_between_methods(visit):
    at = visit(**TWO, **CHEAP)
    between, within = bodies(at, "data-agreement")
    assert between.count("<table") == 2 and within.count("<table") == 2 and "1.00" in between
    made = run_program(at, "agreement_matrix(")
    for block, found in ((between, made["between"]), (within, made["within"])):
        assert all(f">{values[1, 0]:.2f}<".replace("-", "−") in block for values in found.values())
    checked(at.segmented_control(key="saliency.agreement").set_value("ssim").run())
    assert bodies(at, "data-agreement") != [between, within] and query(at)["agreement"] == "ssim"


def test_an_empty_zoo_has_a_page_of_its_own(visit, monkeypatch, tmp_path):
    monkeypatch.setenv("ROBUSTSCOPE_MODELS", str(tmp_path / "none"))
    at = visit()
    assert any("No networks here yet" in item.value for item in at.subheader) and not at.error
