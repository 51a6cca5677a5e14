"""The page Adversarial: grid, path, curves, matrix and fooled heat maps, with and without reports, and its link."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from app.state.device import step_precision
from core.data.tasks import CIFAR10, FASHION_MNIST, TASKS
from core.explanations.attack_path import path
from core.explanations.certificate import Smoothing, certify
from core.models.resnet import PreActResNet
from core.models.zoo import load_zoo_model, save
from core.npz import write_npz
from tests.helpers.checked_files import read_json, write_json
from tests.helpers.pages import bodies, checked, opened, pressed, query, restored, run_program, value
from tests.helpers.synthetic.adversarial import write_adversarial_reports
from tests.helpers.tiny_zoo import KEYS, write_zoo

PAGE = "pages/adversarial"
TWO = {"models": "standard,pgd-l2", "open": "path,survival,transfer,fooling"}


@pytest.fixture
def measured(tiny_zoo, reports):
    """The folder with reports on both tasks."""
    for task in ("cifar10", "fashion-mnist"):
        write_adversarial_reports(tiny_zoo, reports, task)
    return reports


def explained(at: AppTest) -> str:
    (body,) = bodies(at, "data-explained")
    return body


def shares(body: str, name: str) -> list[float]:
    return [float(part.split('"', 1)[0]) for part in body.split(f'{name}="')[1:]]


@pytest.mark.slow
def test_without_reports_the_pictures_stand_and_sentences_name_the_commands(visit):
    at = visit(**TWO)
    body = explained(at)
    assert body.count("data-explained") == 2 and body.count("data-class=") == 20 and "data-draws" not in body
    assert all(
        after > before for before, after in zip(shares(body, "data-before"), shares(body, "data-after"), strict=True)
    )
    assert any("--report explanations" in item.value for item in at.caption)
    told = [item.value for item in at.code]
    assert [name in " ".join(told) for name in ("--report adversarial", "--report transfer")] == [True, True]
    assert not at.error and not at.warning and query(at) == TWO


@pytest.mark.slow
def test_reports_give_verdicts_areas_and_the_matrix(visit, measured):
    at = visit(**TWO, cell="pgd-linf,standard", attack="pgd", at="0.0314")
    body = explained(at)
    assert body.count("data-draws=") == 2 and body.count("at ρ = 0.1") == 2
    votes = [part.split("</details>")[0] for part in body.split("this picture, at ρ")[1:]]
    verdicts = [value("data-draws=" + part, "data-draws") for part in body.split("data-draws=")[1:]]
    assert [str(each.count("✓") >= 2) for each in votes] == verdicts
    assert all(each.count("✓") + each.count("✗") == 3 and "(cut 60 %)" in each for each in votes)
    (guide,) = bodies(at, "A verdict is about")
    assert (
        "does not say that the network is robust" in guide and "without any defence can draw, too: Standard." in guide
    )
    (drawn,) = bodies(at, "data-drawn")
    assert "Standard on 10 %" in drawn and "n = 100" in drawn and "L∞" not in drawn
    (table,) = bodies(at, "data-area")
    assert table.count("data-area=") == 2 and "1 never broken" in table and "n\u00a0=\u00a0200" in table
    (cell,) = bodies(at, "data-cell")
    assert value(cell, "data-cell") == "pgd-linf,standard" and "Standard is right on" in cell
    (read,) = bodies(at, "data-reading")
    assert (
        "<b>held</b> (1 of 1 held)" in read and "<b>mixed</b> (1 of 2 held, 1 reversed)" in read and "n = 200" in read
    )
    (passed,) = bodies(at, "data-passed")
    assert passed.count("data-passed=") == 2 and "true class is not known" in passed
    assert not at.error and not at.warning
    answers = run_program(at, "made_against(")["answers"]
    names = [part.split("<")[0] for part in passed.split('class="rs-class">')[1:]]
    assert names == [CIFAR10.class_names[answers[key][1].argmax()] for key in ("pgd-linf", "standard")]
    areas = {row["model"]: row["ara"] for row in run_program(at, "Adversarial.read")["rows"]}
    assert all(f"<b>{area:.4f}</b>" in table for area in areas.values()) and len(areas) == 2
    before = cell
    checked(at.selectbox(key="adversarial.seen.cifar10").set_value("pgd-l2").run())
    assert query(at)["cell"] == "pgd-linf,pgd-l2" and bodies(at, "data-cell") != [before]
    checked(at.select_slider(key="adversarial.at.cifar10").set_value(0.0).run())
    (passed,) = bodies(at, "data-passed")
    assert query(at)["at"] == "0" and "changed" not in passed.split("the change")[1]


@pytest.mark.slow
def test_a_budget_of_nothing_leaves_the_picture_as_it_is(visit):
    at = visit(**TWO, rho="0")
    body = explained(at)
    assert shares(body, "data-before") == shares(body, "data-after") and not at.error
    checked(at.slider(key="adversarial.rho").set_value(0.05).run())
    assert query(at)["rho"] == "0.05" and shares(explained(at), "data-after") != shares(body, "data-after")


@pytest.mark.slow
def test_heat_maps_are_fooled_at_the_press_of_a_button_and_another_choice_asks_again(visit, measured):
    at = visit(**TWO, method="grad-cam", region="centre", move="8")
    assert not bodies(at, "data-moved")
    pressed(at, "fool.start")
    (moved,), (outside,) = bodies(at, "data-moved"), bodies(at, "data-outside")
    assert moved.count("data-moved=") == 2 and outside.count("data-outside=") == 2 and not at.error
    assert outside.count("outside of what is highlighted: 100 %") == 2
    assert bodies(at, "on test images, ε = 8/255")
    made = run_program(at, "manipulate_map(")
    for key in ("standard", "pgd-l2"):
        part = moved.split(f'data-moved="{key}"')[1]
        assert f"{made['moved'][key].correlation_target:+.2f}".replace("-", "−") in part.split("</section>")[0]
        assert f'data-outside="{key}" data-changed="{made["outside"][key].changed}"' in outside
    checked(at.segmented_control(key="adversarial.region").set_value("top-left").run())
    assert query(at)["region"] == "top-left" and not bodies(at, "data-moved")
    again = visit(**TWO, method="grad-cam", region="centre", move="8")
    assert bodies(again, "data-moved") == [moved]  # the work of one is there for all


@pytest.mark.slow
def test_a_link_restores_every_part_of_the_page(visit, measured):
    link = {
        "task": "fashion-mnist", "models": "pgd-l2,standard", "image": "photo:coffee", "fit": "crop", "invert": "yes",
        "norm": "linf", "epsilon": "6", "rho": "0.03", "target": "bag", "show": "change", "attack": "iterated-tgsm",
        "at": "0.05", "method": "integrated-gradients", "region": "top-right", "move": "5", "cell": "pgd-l2,pgd-linf",
        "open": "transfer,fooling",
    }  # fmt: skip
    at = restored(visit, link)
    assert at.slider(key="adversarial.rho").value == 0.03
    assert at.selectbox(key="adversarial.source.fashion-mnist").value == "pgd-l2"
    assert at.slider(key="adversarial.size.fashion-mnist").value == 5


@pytest.mark.slow
def test_a_hostile_link_is_answered_with_sentences_and_the_first_view(visit):
    names = ("rho", "target", "show", "attack", "at", "method", "region", "move", "cell")
    at = visit(**TWO, **dict.fromkeys(names, "<script>" * 99))
    (warning,) = [item.value for item in at.warning]
    assert all(f"`{name}`" in warning for name in names) and "script" not in warning and not at.error


@pytest.mark.slow
def test_damaged_reports_are_sentences_and_the_page_goes_on(visit, measured):
    for name in ("adversarial", "transfer", "transfer-readings", "fooling", "explanations"):
        path = measured / "cifar10" / f"{name}.json"
        path.write_text(path.read_text()[:100])
    at = visit(**TWO)
    assert at.error and all("checksum" in item.value for item in at.error)
    assert explained(at) and any(button.key == "fool.start" for button in at.button)


@pytest.mark.slow
def test_a_network_that_was_never_broken_has_no_area_and_is_not_called_robust(visit, measured):
    """As of a network whose gradients vanish: every image censored, figures null."""
    path = measured / "cifar10" / "adversarial.json"
    report = read_json(path)
    (row,) = [row for row in report["rows"] if row["model"] == "pgd-l2"]
    for name in ("ara", "btr_ara", "ara_clamped", "median_rmse"):
        row |= {name: None, f"{name}_low": None, f"{name}_high": None, f"{name}_censored": 180}
        row[f"{name}_reason"] = "nothing found on 180 of 200 images"
    write_json(path, report)
    with np.load(path.with_suffix(".npz")) as kept:
        arrays = dict(kept)
    for name in ("attack", "btr", "clamped"):
        arrays[f"distance_{name}__pgd-l2"] = np.repeat(np.float32([0, np.inf]), [20, 180])
    write_npz(arrays, path.with_suffix(".npz"))
    at = visit(**TWO)
    (table,) = bodies(at, "data-area")
    standard, never = table.split('data-area="pgd-l2"')
    assert (
        never.count("<b>–</b>") == 4 + never.count("not measured") == 7
        and "180 never broken" in never
        and "None" not in never
        and "– to" not in never
    )
    assert "≥" not in table and "1 never broken" in standard
    assert (
        "Right under APGD, L2 0.25" in standard
        and "<b>30.0 %</b><br><small>21.9 % to 39.6 %, n\u00a0=\u00a0100" in standard
    )
    (told,) = [item.value for item in at.caption if "nothing found on 180 of 200 images" in item.value]
    assert "need not be robustness" in told and not at.error
    areas = json.loads(at.get("plotly_chart")[0].proto.spec)["data"]
    assert {line.get("name") for line in areas} & {"Standard", "Robust, L2"} == {"Standard"}


@pytest.mark.slow
@pytest.mark.parametrize(("models", "asked"), [("standard,pgd-l2", True), ("pgd-l2,pgd-linf", False)])
def test_apgd_is_named_where_a_network_shown_was_asked_about(visit, measured, models, asked):
    at = visit(models=models, open="survival")
    (table,) = bodies(at, "data-area")
    (guide,) = bodies(at, "accuracy-robustness area, ARA")
    assert ("APGD" in table) is asked and guide.count("APGD") == 2 * asked and "Areas: Woods" in guide


@pytest.mark.slow
def test_what_a_search_followed_is_said_where_it_is_not_the_papers_loss(visit, measured):
    path = measured / "cifar10" / "adversarial.json"
    report = read_json(path)
    report["rows"][0] |= {"loss": "softened", "zero_gradient": 0.87}
    write_json(path, report)
    (told,) = [item.value for item in visit(**TWO).caption if "which the paper's do not" in item.value]
    assert "87.0 % of the images" in told and "lead of 10" in told


@pytest.fixture
def odd(tiny_zoo, tmp_path, monkeypatch):
    """A visit to a zoo whose `standard` has a head of one value: 0 answers all alike, a huge one overflows."""

    def start(weight: float) -> AppTest:
        folder = tmp_path / f"odd-{weight}"
        for key in KEYS:
            model = load_zoo_model("cifar10", key, tiny_zoo)
            plain = PreActResNet(model.card.network, torch.Generator().manual_seed(1)).eval()
            if key == "standard":
                with torch.no_grad():
                    plain.get_parameter([name for name, _ in plain.named_parameters()][-2]).fill_(weight)
            save(plain, model.card, folder)
        write_adversarial_reports(folder, tmp_path, "cifar10")
        monkeypatch.setenv("ROBUSTSCOPE_MODELS", str(folder))
        return opened("pages/adversarial", **TWO)

    return start


@pytest.mark.slow
def test_a_network_that_always_answers_the_same_is_a_sentence(reports, odd):
    at = odd(0.0)
    body = explained(at)
    assert "gives no gradient" in body and body.count("data-draws=") == 1 and not at.error
    assert shares(body, "data-before")[:10] == shares(body, "data-after")[:10]
    pressed(at, "fool.start")
    (moved,) = bodies(at, "data-moved")
    assert moved.count("no heat map") == 1 and not at.error


@pytest.mark.slow
def test_a_network_that_answers_nan_is_a_sentence(reports, odd):
    at = odd(3e38)
    assert at.error and all("not finite" in item.value for item in at.error) and not bodies(at, "data-explained")


@pytest.mark.slow
def test_a_task_of_one_class_is_a_sentence(reports, tmp_path, monkeypatch):
    """Nothing else can be believed: the pictures stay as they are, and no verdict is given."""
    monkeypatch.setitem(TASKS, "one", replace(FASHION_MNIST, key="one", class_names=("garment",)))
    folder = write_zoo(tmp_path / "zoo", ("one",))
    write_adversarial_reports(folder, reports, "one")
    monkeypatch.setenv("ROBUSTSCOPE_MODELS", str(folder))
    at = opened("pages/adversarial", task="one", **TWO)
    body = explained(at)
    assert body.count("knows one class only") == 2 and "data-draws" not in body and not at.error
    assert body.count("data-class=") == 2 and set(shares(body, "data-after")) == {1.0}
    pressed(at, "fool.start")
    (moved,), (outside,) = bodies(at, "data-moved"), bodies(at, "data-outside")
    assert moved.count("data-moved=") == 2 and outside.count('data-changed="False"') == 2 and not at.error


def test_an_empty_zoo_has_a_page_of_its_own(visit, monkeypatch, tmp_path):
    monkeypatch.setenv("ROBUSTSCOPE_MODELS", str(tmp_path / "none"))
    at = visit()
    assert any("No networks here yet" in item.value for item in at.subheader) and not at.error


@pytest.mark.slow
def test_votes_under_noise_prove_a_radius_or_nothing(visit):
    at = visit(models="standard,pgd-l2", open="certificate", sigma="0.03")
    assert any("noisy copies for each of 2 networks: about" in item.value for item in at.markdown)
    at = pressed(at, "certificate.start")
    (body,) = bodies(at, "data-certificate")
    radii, silent = shares(body, "data-radius"), [part.split('"')[0] for part in body.split('data-abstains="')[1:]]
    assert len(radii) == 2 and [radius == 0 for radius in radii] == [one == "True" for one in silent]
    assert not at.error and query(at)["sigma"] == "0.03"


@pytest.mark.slow
def test_the_programs_beside_grid_path_and_certificate_give_what_is_shown(visit, tiny_zoo):
    link = {"models": "standard,pgd-l2", "open": "path,certificate", "rho": "0.05", "target": "dog", "draws": "1000"}
    at = visit(**link)
    body = explained(at)
    found = run_program(at, "explain(")["explanations"]
    after = np.concatenate([found[key].probs_shown.diagonal() for key in ("standard", "pgd-l2")])
    assert after == pytest.approx(shares(body, "data-after"), abs=1e-4)
    programs = run_program(at, "path(model"), run_program(at, "certify(model")
    for key in ("standard", "pgd-l2"):
        model = load_zoo_model("cifar10", key, tiny_zoo)
        dog, precision = CIFAR10.class_names.index("dog"), step_precision()
        way = path(model, programs[0]["x"], dog, 0.05, precision=precision)
        assert np.array_equal(programs[0]["ways"][key].frames, way.frames)
        assert programs[1]["proved"][key].radius == certify(model, programs[1]["x"], Smoothing(0.12, 1000)).radius
