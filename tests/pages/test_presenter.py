"""The presenter on each page: it shows what stands on the page, and the page stays as it is."""

import pytest

from app.latent.choice import AXES
from tests.helpers.anomaly_page import judged
from tests.helpers.pages import bodies, opened, presented, pressed, query, value
from tests.helpers.synthetic.robustness import write_report

pytestmark = pytest.mark.slow
MODELS = "standard,pgd-l2"


def shown(page, **link):
    """A page before the presenter is opened there, what it shows, and the page below it."""
    before = opened(f"pages/{page}", models=MODELS, **link)
    query_before = query(before)
    at = pressed(before, "presenter.button")
    assert query(at) == query_before  # a link says nothing of it, so nobody is sent into it
    return at, presented(at)["slides"]


def answers(slide, face=0):
    return {panel["key"]: panel["faces"][face]["answer"] for panel in slide["panels"]}


def on_page(at, network, answer):
    """What the page says of each network in its HTML blocks."""
    return {value(body, network): value(body, answer) for body in bodies(at, f"{network}=")}


def test_compare_shows_answers_maps_and_what_the_attack_makes_of_them(zoo):
    at, (looks, attack) = shown("compare", epsilon="16")
    assert answers(looks) == on_page(at, "data-answer", "data-class") and looks["covered"]
    assert answers(attack, 0) == on_page(at, "data-attacked", "data-before")
    assert answers(attack, 1) == on_page(at, "data-attacked", "data-after")
    assert all(panel["faces"][1]["over"] for panel in attack["panels"])


def test_adversarial_shows_the_picture_that_each_class_has_in_the_grid(zoo, reports):
    at, slides = shown("adversarial")
    (grid,) = bodies(at, "data-explained")
    on_grid = [part.split('"', 1)[0] for part in grid.split('<img src="')[1:]]
    networks = [[slide["panels"][number]["faces"][0]["picture"] for slide in slides] for number in (0, 1)]
    assert networks[0] + networks[1] == on_grid and len(slides) == 10


def test_anomaly_shows_the_verdict_and_every_detector(zoo, reports, calibrations):
    at, (verdicts, *detectors) = shown("anomaly", open="agree")
    flagged = {key: "odd" if odd else "not flagged" for key, (_, odd) in judged(at).items()}
    assert {panel["key"]: panel["faces"][0]["verdict"] for panel in verdicts["panels"]} == flagged
    (table,) = bodies(at, "data-detector")
    bars = [bar["words"] for slide in detectors for panel in slide["panels"] for bar in panel["faces"][0]["bars"]]
    assert sorted(bars) == sorted(part.split("</b>")[0] for part in table.split("<b>")[1:])
    p = {bar["name"]: bar["share"] for bar in detectors[0]["panels"][0]["faces"][0]["bars"]}["Norms, all tensors"]
    assert p == pytest.approx(judged(at)["standard"][0], abs=5e-5)


def test_latent_shows_the_decoded_picture_and_a_ribbon_a_slider(zoo, generators):
    at, (now, *sliders) = shown("latent", task="fashion-mnist")
    (body,) = bodies(at, "data-here")
    picture = body.split('data-tile="now"')[1].split('src="', 1)[1].split('"', 1)[0]
    assert {panel["faces"][0]["picture"] for panel in now["panels"]} == {picture}
    assert [slide["key"] for slide in sliders] == list(AXES)
    for slide in sliders:
        (ribbon,) = bodies(at, f'data-ribbon="{slide["key"]}"')
        parts = [part["name"] for panel in slide["panels"] for part in panel["faces"][0]["ribbon"]]
        assert parts == [part.split('"', 1)[0] for part in ribbon.split('data-class="')[1:]]


def test_models_shows_the_figures_of_the_table(zoo, tiny_zoo, reports):
    write_report(tiny_zoo, reports, "cifar10")
    at, (standings,) = shown("models")
    table = at.dataframe[0].value.set_index("Network")
    for panel in standings["panels"]:
        bars = {bar["name"]: bar["share"] * 100 for bar in panel["faces"][0]["bars"]}
        row = table.loc[panel["title"]]
        assert bars == pytest.approx({"clean": row["Clean"], "PGD-50": row["PGD-50"], "APGD": row["APGD"]})
