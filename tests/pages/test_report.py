"""The page Report: one HTML file that needs nothing else, whose Python gives the same numbers."""

import re
from functools import partial

import numpy as np
import pytest

from app.picture_report import content, document, natural_view, sections
from app.state.address import VARIABLE
from app.state.judgements import calibration_folder
from app.ui.data_urls import data_url
from core.anomaly.calibration import calibration_path
from core.anomaly.catalogue import DETECTORS
from core.metrics.box import box_shares
from core.models.zoo import load_zoo_model
from core.natural.catalogue import CHANGES
from tests.helpers.pages import checked, picture, presented, pressed, run_program, upload

PAGE = "pages/report"
pytestmark = pytest.mark.usefixtures("calibrations", "generators")
LINK = {
    "task": "cifar10",
    "models": "standard,pgd-linf",
    "image": "photo:coffee",
    "epsilon": "3",
    "window": "percentiles:5:95",
    "pixels": "8,4,16,12",
    "fill": "photo:chelsea",
}
TURNED = ("rotation", "brightness")  # of the natural changes: all of them take longer than the rest of the report


@pytest.fixture
def taken(monkeypatch):
    """The reports that were made."""
    found: list[content.PictureReport] = []
    html_file = document.html_file

    def keep(report):
        found.append(report)
        return html_file(report)

    monkeypatch.setattr(sections, "html_file", keep)
    monkeypatch.setattr(sections, "downloads", lambda name, file: found.append(file[2]()))
    return found


@pytest.fixture(autouse=True)
def few_changes(monkeypatch):
    monkeypatch.setattr(natural_view, "changes", lambda task: [CHANGES[key] for key in TURNED])


def bars_of(panels):
    return panels[0]["faces"][0]["bars"]


@pytest.mark.slow
def test_the_file_is_whole_and_its_python_gives_the_same_numbers(visit, taken, tiny_zoo, monkeypatch):
    monkeypatch.setenv(VARIABLE, "https://room.example/app")
    at = pressed(visit(**LINK), "report.picture.start")
    assert not at.error
    report, html = taken[0], taken[1].decode()
    assert not re.search(r'(src|href)="(?!data:|https://room.example/app/)', html) and "<script" not in html
    assert all(f"https://room.example/app/{page}?" in html for page in content.PAGES)  # others reach it, too
    for one in report.predictions:
        assert f"{one.probs[one.target]:.1%}".replace("%", " %") in html
    assert "the percentiles 5 and 95" in html and "percentiles:5:95" in html
    turned = sum(natural_view.nearest(report.natural, network) is not None for network in range(2))
    assert html.count("data:image/png") == 2 + 3 * 2 + 2 * len(content.METHODS) + 2 * 10 + 8 + turned + 2 * len(TURNED)
    slides = {slide["key"]: slide["panels"] for slide in presented(pressed(at, "presenter.button"))["slides"]}
    assert {"answers", "attack", *content.METHODS} < slides.keys()
    judged = [bar["name"] for kind in ("gradient-unsupervised", "baseline") for bar in bars_of(slides[kind])]
    assert set(judged) <= {DETECTORS[key].name for key in report.verdicts["standard"].p_values} and judged
    assert all(panel["faces"][0]["bars"][0]["words"] in html for panel in slides["answers"])
    assert all(face["picture"] in html for panel in slides["attack"] for face in panel["faces"])
    assert all(panel["faces"][0]["over"] in html for method in content.METHODS for panel in slides[method])
    namespace: dict = {}
    monkeypatch.setattr("core.load_zoo_model", lambda task, key: load_zoo_model(task, key, tiny_zoo), raising=False)
    calibrated = partial(calibration_path, folder=calibration_folder())
    monkeypatch.setattr("core.calibration_path", calibrated, raising=False)
    exec(report.code, namespace)
    for seen, attacked, explained in zip(report.predictions, report.attacks, report.explanations, strict=True):
        key = seen.model
        assert np.array_equal(namespace["predictions"][key].probs, seen.probs)
        assert np.array_equal(namespace["attacked"][key].x_adv, attacked.x_adv)
        assert np.array_equal(namespace["explanations"][key].x_adv, explained.x_adv)
        if key in report.verdicts:
            p_values = report.verdicts[key].p_values
            assert all(np.array_equal(namespace["verdicts"][key].p_values[name], p_values[name]) for name in p_values)
        for method in content.METHODS:
            assert np.array_equal(namespace["maps"][key, method].heatmap, report.maps[key, method].heatmap)
    says_the_box(report, html, namespace)
    says_the_changes(report, html, namespace)


def says_the_box(report, html, made):
    """Shares of maps, new answers and the held attacks stand in the file, and its program gives the same."""
    region, stated = report.region, document.settings(report)["region"]
    assert stated["box"] == "8,4,16,12" and stated["attack"]["steps"] == content.PGD_STEPS
    assert "8,4,16,12" in html and "18.8 % of the picture" in html.replace("\n", " ")
    assert "left: 12.500%; top: 25.000%; width: 37.500%; height: 50.000%;" in html and "(from Cat)" in html
    for (key, method), found in report.maps.items():
        share = made["shares"][key, method].mass
        assert share == box_shares(found.heatmap, region.start.box).mass
        assert f"<td>{share:.1%}".replace("%", " %") in html
    for found, name in ((region.edited, "edited"), (region.held, "held")):
        for way, answers in found.items():
            for one in answers:
                assert np.array_equal(made[name][one.model, way].x_adv, one.x_adv) and data_url(one.x_adv) in html
                assert np.array_equal(made[name][one.model, way].probs_adv, one.probs_adv)
    outside = region.held["outside"][0].delta[:, 8:24, 4:16]
    assert not outside.any() and region.held["inside"][0].delta[:, 8:24, 4:16].any()


def says_the_changes(report, html, made):
    """The smallest of each change and the answers along it are in the file, and its program gives the same."""
    names, cells = report.task.class_names, html.split("<th>Smallest amount</th>")[1].split("</table>")[0].split("<td>")
    assert len(cells) == 1 + len(TURNED) * 3
    assert html.count('class="rs-ribbon-row"') == 2 * len(TURNED) and "rs-classes" in html
    for view in report.natural:
        assert np.array_equal(made["along"][view.change.key].probs, view.row.probs)
        for card, one in zip(report.cards, view.smallest, strict=True):
            again = made["smallest"][card.key, view.change.key]
            assert (again.found, again.amount, again.answer) == (one.found, one.amount, one.answer)
            words = f"{view.change.words(one.amount)} → {names[one.answer]}"
            assert not one.found or any(cell.startswith(words) for cell in cells)
    for network in range(2):
        least = natural_view.nearest(report.natural, network)
        if least is not None:
            assert least[1].share == min(view.smallest[network].share for view in report.natural)
            assert data_url(least[1].x) in html


@pytest.mark.slow
def test_a_task_with_a_generator_says_how_it_is_drawn_and_where_each_answer_turns(visit, taken, monkeypatch):
    for name in ("METHODS", "MOST_CLASSES"):
        monkeypatch.setattr(content, name, {"METHODS": ("gradient",), "MOST_CLASSES": 1}[name])
    monkeypatch.setattr(document, "METHODS", ("gradient",))
    at = pressed(visit(task="fashion-mnist", models="standard,pgd-l2", image="photo:coffee"), "report.picture.start")
    report, html = taken[0], taken[1].decode()
    found = report.latent
    assert found is not None and not at.error
    assert data_url(found.picture) in html and f"{found.start.distance:.3f} off" in html
    made = run_program(at, "nearest_flips(")
    assert np.array_equal(made["drawn"].probs, found.row.probs)
    for card, flip in zip(report.cards, found.flips, strict=True):
        assert (flip is None) == (made["flips"][card.key] is None)
        if flip is not None:
            assert made["flips"][card.key].position == flip.position and data_url(flip.x) in html
    assert html.count("Direction ") == sum(flip is not None for flip in found.flips)


@pytest.mark.slow
def test_a_private_picture_is_named_and_stays_out_of_every_address(visit, taken):
    at = upload(visit(task="cifar10", models="standard"), "<b>mine</b>.png", picture())
    checked(at)
    pressed(at, "report.picture.start")
    html = taken[1].decode()
    assert "&lt;b&gt;mine&lt;/b&gt;.png" in html and "<b>mine" not in html
    report = taken[0]
    assert report.region is None and "No box was drawn" in html
    assert report.shown.digest not in "".join(report.links.values()) and "image=upload" in report.links["compare"]
    assert "your-picture.png" in report.code and set(report.verdicts) == {"standard"}


def test_the_page_says_what_it_will_make(visit):
    at = visit(**LINK | {"epsilon": "5"})
    said = [item.value for item in at.markdown]
    assert any("`8,4,16,12`" in item.value for item in at.caption)
    assert any("5/255" in text for text in said), said
    assert at.button(key="report.picture.start")
    assert "from core import" in at.code[-1].value
