"""The page Train with a worker that learns nothing: from the choice to a network on every page of its visitor alone."""

from collections.abc import Callable

import pytest
import torch
from streamlit.testing.v1 import AppTest

from app.state import presence, visitors
from app.state import training_queue as jobs_module
from core.data import datasets
from core.data.tasks import FASHION_MNIST
from core.models.bundle import pack
from core.models.resnet import PreActResNet, ResNetConfig
from core.models.zoo import Card, load_zoo_model, save
from core.training.recipes.registry import RECIPES
from tests.helpers.added_recipe import BRIGHTENED_RECIPE
from tests.helpers.pages import ROOT, bodies, checked, run_program
from tests.helpers.waiting import until
from tests.helpers.workers import fake_worker

PAIR = "Train a standard and a robust network on garments"
FAIL = 1  # the seed at which the worker fails
NETWORK = ResNetConfig(10, FASHION_MNIST.mean, FASHION_MNIST.std, (4, 8), (1, 1))


@pytest.fixture
def world(tmp_path, zoo, fashion_root, monkeypatch):
    """A server with the tiny zoo, a synthetic data set, and the worker that learns nothing."""
    monkeypatch.setattr(jobs_module, "worker_command", fake_worker(tmp_path))
    monkeypatch.setenv("ROBUSTSCOPE_VISITORS", str(tmp_path / "visitors"))
    jobs_module.jobs.clear()
    yield tmp_path
    jobs_module.jobs().close()
    jobs_module.jobs.clear()


def visit(**query: str) -> AppTest:
    at = AppTest.from_file(ROOT / "streamlit_app.py", default_timeout=120).switch_page("pages/training.py")
    for name, value in query.items():
        at.query_params[name] = value
    return checked(at.run())


def button(at: AppTest, label: str):
    found = [one for one in at.button if one.label == label]
    assert found, [one.label for one in at.button]
    return found[0]


def labels(at: AppTest) -> list[str]:
    return [one.label for one in at.button]


def me(at: AppTest) -> str:
    return at.session_state["visitor.name"]


def mine(at: AppTest):
    return jobs_module.jobs().of(me(at))


def once(at: AppTest, holds: Callable[[], object]) -> AppTest:
    """The page once something holds of the visitor's trainings."""
    until(holds, f"one of {mine(at)}")
    return checked(at.run())


def finish(at: AppTest, job, seed: int = 0) -> AppTest:
    """Let the worker finish, with the network that it would have written."""
    model = PreActResNet(NETWORK, torch.Generator().manual_seed(seed)).eval()
    card = Card(job.order.task, job.order.key, NETWORK, "made up", {}, 0, "none", {}, "", 0)
    save(model, card, visitors.models(me(at)))
    once(at, lambda: next(one for one in mine(at) if one.id == job.id).state == "running")
    (visitors.jobs(me(at)) / job.id / "finish").touch()
    return once(at, lambda: next(one for one in mine(at) if one.id == job.id).state == "finished")


def test_a_first_visit_is_ready_to_start_and_says_what_each_setting_does(world):
    at = visit()
    assert not button(at, PAIR).disabled and not button(at, "Start training").disabled and not at.error
    captions = " ".join(item.value for item in at.caption)
    assert "one more pass" in captions and "Madry" in captions and "At most three minutes" in captions
    assert any("max CE" in block.value for block in at.code)
    assert at.query_params == {} or not at.query_params


def test_a_recipe_that_joins_the_catalogue_is_offered_with_its_settings_and_starts(world, monkeypatch):
    """One entry, and no other file."""
    monkeypatch.setitem(RECIPES, "brightened", BRIGHTENED_RECIPE)
    at = visit(recipe="brightened", more="0.2")
    assert "Brighter pictures" in at.selectbox(key="training.recipe").options and not at.warning
    assert any("better light" in item.value for item in at.markdown)
    assert at.number_input(key="training.set.brightened.more").value == 0.2
    captions = " ".join(item.value for item in at.caption)
    assert "nobody 2026" in captions and "added to every value" in captions
    checked(button(at, "Start training").click().run())
    assert [(job.order.recipe, job.order.changes) for job in mine(at)] == [("brightened", {"more": 0.2})]


def test_without_the_data_set_the_page_says_how_to_get_it_and_nothing_starts(world, monkeypatch, tmp_path):
    monkeypatch.setenv("ROBUSTSCOPE_DATA", str(tmp_path / "nothing"))
    at = visit()
    assert button(at, PAIR).disabled and button(at, "Start training").disabled
    assert any(block.value == "robustscope data fetch fashion-mnist" for block in at.code)


def test_a_visitor_is_known_to_be_here_before_a_training_is_begun(world):
    """Else what somebody begins who closed a tab a while ago, and came back, is stopped for that tab."""
    presence.presence.clear()
    at = visit()
    assert not mine(at) and presence.presence().known() == [me(at)]


def test_one_click_puts_both_networks_of_the_pair_in_line(world, monkeypatch):
    at = visit()
    checked(button(at, PAIR).click().run())
    at = once(at, lambda: mine(at)[0].points)
    assert [job.order.recipe for job in mine(at)] == ["standard", "pgd-linf"]
    first, second = bodies(at, "data-training")
    assert 'data-state="running"' in first and "Garments standard" in first and 'data-state="waiting"' in second
    assert any("Which pixels" in item.value for item in at.header)
    assert labels(at).count("Cancel") == 2 and labels(at).count("Pause") == 1
    asked = []
    monkeypatch.setattr("core.training.loop.train", lambda *given: asked.append(given))
    run_program(at, "TrainingRequest(")
    (plan, data, val, folder), order = asked[0], mine(at)[0].order
    assert plan == order.plan() and folder.name == order.key
    assert torch.equal(data.pixels, datasets.load(FASHION_MNIST, "train").first(order.images).pixels)
    assert torch.equal(val.pixels, datasets.load(FASHION_MNIST, "val").pixels)


@pytest.mark.slow
def test_pause_go_on_cancel_resume_and_put_away(world):
    at = visit()
    checked(button(at, "Start training").click().run())
    at = once(at, lambda: mine(at)[0].points)
    checked(button(at, "Pause").click().run())
    assert mine(at)[0].state == "paused" and "Go on" in labels(at)
    checked(button(at, "Go on").click().run())
    assert mine(at)[0].state == "running"
    checked(button(at, "Cancel").click().run())
    at = once(at, lambda: mine(at)[0].state == "stopped")
    assert any("last whole epoch" in body.proto.text for body in at.get("progress"))
    checked(button(at, "Resume").click().run())
    at = once(at, lambda: mine(at)[0].state == "running")
    checked(button(at, "Cancel").click().run())
    at = once(at, lambda: mine(at)[0].state == "stopped")
    checked(button(at, "Put away").click().run())
    assert mine(at) == [] and not bodies(at, "data-training")


@pytest.mark.slow
def test_a_finished_network_joins_the_zoo_of_its_visitor_alone(world):
    at = visit()
    checked(button(at, "Start training").click().run())
    (job,) = mine(at)
    finish(at, job)
    (own,) = bodies(at, "data-own")
    assert job.order.key in own and any("Compare" in item.label for item in at.get("page_link"))
    compare = AppTest.from_file(ROOT / "streamlit_app.py", default_timeout=120)
    compare.session_state["visitor.name"] = me(at)
    compare.query_params["task"] = "fashion-mnist"
    compare.query_params["models"] = f"standard,{job.order.key}"
    checked(compare.run())
    assert len(bodies(compare, "data-answer")) == 2 and not compare.warning
    assert job.order.key in compare.multiselect[0].value
    stranger = AppTest.from_file(ROOT / "streamlit_app.py", default_timeout=120)
    stranger.query_params["task"] = "fashion-mnist"
    stranger.query_params["models"] = f"standard,{job.order.key}"
    checked(stranger.run())
    assert [one.value for one in stranger.multiselect] == [["standard"]] and stranger.warning
    assert "Adversarial L infinity" not in stranger.multiselect[0].options
    checked(button(at, "Remove").click().run())
    assert not bodies(at, "data-own")
    checked(compare.run())
    assert len(bodies(compare, "data-answer")) == 1


@pytest.mark.slow
def test_what_was_downloaded_is_loaded_again_and_what_is_broken_is_a_sentence(world, monkeypatch):
    at = visit()
    checked(button(at, "Start training").click().run())
    (job,) = mine(at)
    finish(at, job)
    folder = visitors.models(me(at))
    card = load_zoo_model("fashion-mnist", job.order.key, folder).card
    data = pack(folder, card, "Saved")
    weights, text = (
        (folder / "fashion-mnist" / f"{job.order.key}.{one}").read_bytes() for one in ("safetensors", "json")
    )
    other = visit()
    other = load(other, ("Saved.zip", data))
    assert not other.error and visitors.model_keys(me(other)) == ["own-Saved"]
    other = load(other, ("a.safetensors", weights), ("a.json", text))
    assert not other.error and visitors.model_keys(me(other)) == ["own-Saved", "own-a"]
    for files in [
        [("broken.zip", data[:-100])],
        [("a.safetensors", weights)],
        [("a.safetensors", weights[:-1] + b"!"), ("a.json", text)],
        [("a.zip", data), ("b.zip", data)],
    ]:
        other = load(other, *files)
        assert len(other.error) == 1 and "Something went wrong" not in other.error[0].value
    monkeypatch.setattr(visitors, "MOST_OWN_BYTES", 3 * len(weights))
    other = load(other, ("more.zip", data))
    assert "may take" in other.error[0].value and len(visitors.model_keys(me(other))) == 2


def load(at: AppTest, *files: tuple[str, bytes]) -> AppTest:
    checked(at.file_uploader[0].set_value([(name, data, "application/octet-stream") for name, data in files]).run())
    return checked(button(at, "Load it").click().run())


@pytest.mark.slow
def test_an_impossible_setting_is_refused_before_the_start_with_the_engines_sentence(world):
    at = visit()
    checked(next(one for one in at.number_input if one.label == "Radius of the attack").set_value(-1.0).run())
    assert "epsilon >= 0" in at.error[0].value and button(at, "Start training").disabled
    assert at.query_params["attack.epsilon"] in ("-1", ["-1"])
    again = visit(**{"attack.epsilon": "-1"})
    assert "epsilon >= 0" in again.error[0].value and mine(again) == []


def test_a_failed_training_says_why_and_can_go_on(world):
    at = visit(seed=str(FAIL))
    checked(button(at, "Start training").click().run())
    at = once(at, lambda: mine(at)[0].state == "failed")
    assert any("No room" in item.value for item in at.caption) and "Resume" in labels(at)


@pytest.mark.slow
def test_every_task_and_a_recipe_with_a_teacher_can_be_looked_at(world):
    for task in ("cifar10", "tiny20", "pasted", "fashion-mnist"):
        at = visit(task=task)
        assert [one.value for one in at.selectbox if one.label == "What it learns"] == [task] and not at.warning
    at = visit(recipe="sat-strong-robust")
    assert [one.value for one in at.selectbox if one.label == "Network it learns from"] == ["pgd-linf"]
    checked(button(at, "Start training").click().run())
    folder = visitors.jobs(me(at)) / mine(at)[0].id
    assert (folder / "teacher.json").exists() and (folder / "teacher.safetensors").exists()


def test_a_hostile_link_is_answered_with_sentences(world):
    at = visit(task="<b>", recipe="x" * 5000, images="nan", epochs="1e9", **{"attack.steps": "%00"})
    (warning,) = [item.value for item in at.warning]
    assert all(f"`{name}`" in warning for name in ("task", "recipe", "images", "epochs", "attack.steps"))
    assert "xxx" not in warning and "<b>" not in warning and not at.error


@pytest.mark.slow
def test_a_name_without_letters_and_too_many_trainings_are_sentences(world):
    at = visit()
    checked(at.text_input[0].set_value("…").run())
    checked(button(at, "Start training").click().run())
    assert "letter" in at.error[0].value
    checked(at.text_input[0].set_value("Mine").run())
    for _ in range(4):
        checked(button(at, "Start training").click().run())
    assert {job.order.key for job in mine(at)} == {"own-Mine", "own-Mine-2", "own-Mine-3", "own-Mine-4"}
    checked(button(at, PAIR).click().run())
    assert "At most 4" in at.error[0].value
