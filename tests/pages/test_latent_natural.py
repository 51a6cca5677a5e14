"""The natural changes of the page Latent: the switch, sliders and ribbons, the search, and links, on tiny networks."""

import pytest
from streamlit.testing.v1 import AppTest

from app.latent.natural import amounts
from app.ui.data_urls import data_url
from core.natural.catalogue import CHANGES, GROUPS, changes_of
from tests.helpers.pages import bodies, checked, pressed, query, restored, run_program, value

PAGE = "pages/latent"
TWO = {"task": "cifar10", "models": "standard,pgd-l2", "image": "photo:chelsea"}
pytestmark = pytest.mark.usefixtures("generators")


def off(at: AppTest) -> float:
    """How far the picture is from the one as it is."""
    (body,) = bodies(at, "data-natural")
    return float(value(body, "data-natural"))


def ribbons(at: AppTest) -> dict[str, str]:
    return {value(body, "data-ribbon"): body for body in bodies(at, "data-ribbon")}


def move(at: AppTest, key: str, amount: float) -> AppTest:
    return checked(at.slider(key=f"latent.natural.{key}").set_value(amount).run())


@pytest.mark.slow
def test_a_task_without_a_generator_opens_with_a_ribbon_a_change_and_a_switch_turns_to_the_other_view(visit):
    at = visit(**TWO)
    assert off(at) == 0 and not at.error and not at.warning and query(at) == TWO
    seen = set()
    for group in GROUPS:
        checked(at.segmented_control(key="latent.changes").set_value(group).run())
        seen |= set(ribbons(at))
        assert all(body.count("data-network=") == 2 for body in ribbons(at).values())
    assert seen == set(CHANGES)
    checked(at.segmented_control(key="latent.view.cifar10").set_value("generator").run())
    assert query(at)["view"] == "generator" and any("train-generator cifar10" in item.value for item in at.code)
    checked(at.segmented_control(key="latent.view.cifar10").set_value("natural").run())
    assert "view" not in query(at) and bodies(at, "data-natural")


@pytest.mark.slow
def test_a_slider_changes_the_picture_the_other_ribbons_and_the_link_which_restores_it(visit):
    at = visit(**TWO)
    before = ribbons(at)
    move(at, "rotation", 30.0)
    assert off(at) > 0.01 and query(at)["natural"] == "rotation:30"
    marked, own = ribbons(at)["rotation"], before["rotation"]
    assert marked == own.replace('data-at="0"', 'data-at="30"').replace("left: 50.00%", "left: 66.67%")
    assert ribbons(at)["shift"] != before["shift"]
    checked(at.segmented_control(key="latent.changes").set_value("light").run())
    move(at, "hue", -40.0)
    assert query(at).items() >= {**TWO, "changes": "light", "natural": "rotation:30,hue:-40"}.items()
    shown = run_program(at, "ribbon(")["row"]
    assert data_url(shown.x[0]) in bodies(at, "data-natural")[0]
    assert all(f'data-share="{probs.max():.4f}"' in bodies(at, "data-share")[0] for probs in shown.probs[:, 0])
    again = restored(visit, query(at))
    assert off(again) == off(at) and again.slider(key="latent.natural.hue").value == -40
    checked(again.button(key="latent.natural.rest").click().run())
    assert off(again) == 0 and "natural" not in query(again)


@pytest.mark.slow
def test_a_task_with_a_generator_has_both_views_and_grey_pictures_no_colours(visit):
    link = {"task": "fashion-mnist", "models": "standard", "image": "photo:chelsea"}
    at = visit(**link)
    assert bodies(at, "data-here") and not bodies(at, "data-natural")
    checked(at.segmented_control(key="latent.view.fashion-mnist").set_value("natural").run())
    assert query(at)["view"] == "natural" and bodies(at, "data-natural") and not bodies(at, "data-here")
    at = visit(**link, view="natural", changes="light", natural="fog:0.5")
    assert set(ribbons(at)) == {"brightness", "contrast"} and off(at) > 0.01
    at = visit(**link, view="natural", natural="hue:40")
    assert off(at) == 0 and "natural changes" in at.warning[0].value


@pytest.mark.slow
def test_the_search_is_a_table_of_changes_by_networks_whose_amounts_change_the_answer(visit):
    at = pressed(visit(**TWO, open="smallest"), "latent.natural.search.start")
    (table,) = bodies(at, "data-smallest")
    cells = table.split("data-smallest=")[1:]
    assert len(cells) == 2 * len(changes_of(3)) and not at.error and "n = 1 picture" in table
    found = [cell for cell in cells if value(cell, "data-found") == "True"]
    assert found and table.count("rs-least") == len({value(cell, "data-network") for cell in found})
    program = run_program(at, "smallest_together(")
    made, several = program["smallest"], program["several"]
    assert {(value(cell, "data-network"), cell.split('"')[1]): value(cell, "data-amount") for cell in cells} == {
        name: f"{one.amount:g}" for name, one in made.items()
    }
    assert {
        value(part, "data-several"): value(part, "data-size") for part in table.split("<td ") if "data-several" in part
    } == {name: f"{one.size:g}" for name, one in several.items()}
    name, one = next((name, one) for name, one in several.items() if one.found)
    moved = checked(at.button(key=f"latent.natural.several.{name}").click().run())
    assert query(moved)["natural"] == amounts.as_text(tuple(one.amounts.items()))
    assert f"size {one.size * 100:.1f} %" in table and off(moved) > 0
    cell = found[0]
    key, amount, network = cell.split('"')[1], value(cell, "data-amount"), value(cell, "data-network")
    there = visit(**{**TWO, "models": network, "natural": f"{key}:{float(amount):.6f}"})
    (answers,) = bodies(there, "data-answer")
    assert "another class" in answers


@pytest.mark.parametrize(
    "text", ["<script>", "rotation:1000", "rotation:1e3", "nowhere:1", "rotation:30," * 99, "rotation:nan", "rotation"]
)
def test_an_absurd_link_is_answered_with_a_sentence_and_the_picture_as_it_is(visit, text):
    at = visit(**TWO, natural=text, view="nowhere", changes="nothing")
    (warning,) = [item.value for item in at.warning]
    assert all(f"`{name}`" in warning for name in ("natural", "view", "changes")) and off(at) == 0 and not at.error
