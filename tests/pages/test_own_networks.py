"""The page Models takes a visitor's own network, tries it, and shows it on every page to them alone."""

import pytest
import torch
from streamlit.testing.v1 import AppTest

from app.state import visitors
from core.cli.main import main
from tests.helpers.foreign import SMALL, onnx_model, saved, small_network, written
from tests.helpers.pages import bodies, checked, entered, finished, pressed

NAMES = "red\ngreen\nblue"
PAGES = ("compare", "adversarial", "saliency", "anomaly", "latent", "find", "models")


@pytest.fixture
def room(tmp_path, zoo, reports, forked_reader, monkeypatch):
    """A server whose visitors' networks lie in a folder of the test."""
    monkeypatch.setenv("ROBUSTSCOPE_VISITORS", str(tmp_path / "visitors"))
    return tmp_path / "visitors"


def uploaded(name: str, data: bytes) -> AppTest:
    at = entered("models", open="own")
    box = next(one for one in at.file_uploader if one.key.startswith("bring.file"))
    checked(box.set_value((name, data, "application/octet-stream")).run())
    return finished(at)


def described(at: AppTest, classes: str = NAMES) -> AppTest:
    return checked(at.text_area(key="bring.classes").set_value(classes).run())


def me(at: AppTest) -> str:
    return at.session_state["visitor.name"]


@pytest.mark.slow
def test_a_state_dict_is_added_after_a_dry_run_found_by_its_owner_alone_and_removed(room):
    """Its pictures are small, so that the pages cost little; the browser's test of own networks goes to every page."""
    weights = {f"module.{name}": value.half() for name, value in small_network().state_dict().items()}
    at = uploaded("colours.pt", saved({"epoch": 3, "state_dict": weights}))
    said = " ".join(item.value for item in at.caption)
    assert "`state_dict`" in said and "`module.` was taken off" in said and "float16" in said
    assert at.selectbox(key="bring.architecture").value == f"torchvision/{SMALL}"
    checked(at.number_input(key="bring.side").set_value(32).run())
    at = pressed(described(at), "bring.try.start")
    assert len(at.dataframe) >= 2 and not at.error
    checked(at.button(key="bring.add").click().run())
    (block,) = bodies(at, "data-mine")
    assert 'data-mine="own-colours"' in block and not list(visitors.incoming(me(at)).iterdir())
    task = next(iter(visitors.tasks(me(at))))
    seen = entered("compare", me(at), task=task)
    assert seen.segmented_control(key="side.task").value == task and not seen.error
    stranger = entered("compare", task=task)
    assert stranger.warning and stranger.segmented_control(key="side.task").value != task
    checked(at.button(key=f"bring.remove.{task}.own-colours").click().run())
    assert not bodies(at, "data-mine") and not visitors.tasks(me(at))
    assert not [path for path in room.rglob("*") if path.is_file()]


@pytest.mark.slow
def test_what_does_not_fit_is_listed_and_nothing_is_kept(room):
    at = uploaded("colours.pt", saved({**small_network().state_dict(), "surprise": torch.zeros(2)}))
    checked(at.selectbox(key="bring.architecture").set_value("torchvision/resnet18").run())
    (error,) = [item.value for item in at.error]
    assert "are not those of torchvision/resnet18" in error and "that the file lacks: conv1.weight" in error
    assert not [one for one in at.button if one.key == "bring.try.start"]


@pytest.mark.slow
def test_the_names_must_be_as_many_as_the_network_has_classes(room):
    at = described(uploaded("colours.onnx", onnx_model().SerializeToString()), "one\ntwo")
    assert [item.value for item in at.error] == ["The network answers with 3 classes, and 2 are named."]


@pytest.mark.slow
def test_a_file_with_code_in_it_is_a_sentence(room):
    at = uploaded("net.pt", saved(small_network()))
    assert len(at.error) == 1 and "runs code to be read" in at.error[0].value
    assert not [path for path in room.rglob("*") if path.is_file()]


@pytest.mark.slow
def test_a_network_without_gradients_answers_and_every_page_says_what_it_can_not_have(room, tmp_path, monkeypatch):
    """It was imported by whoever serves, so everybody sees it."""
    monkeypatch.setenv("ROBUSTSCOPE_USER", str(tmp_path / "user"))
    written(tmp_path, "names.txt", NAMES.encode())
    path = written(tmp_path, "graph.onnx", onnx_model().SerializeToString())
    assert main(["import", str(path), "--classes", str(tmp_path / "names.txt"), "--preprocess", "none"]) == 0
    for page in PAGES:
        at = finished(entered(page, task="graph", open="growth" if page == "compare" else ""))
        assert at.segmented_control(key="side.task").value == "graph" and not at.error, page
        if page in ("compare", "adversarial"):
            assert any("has no gradients" in item.value for item in at.caption), page
        if page == "compare":
            assert bodies(at, 'data-answer="graph"') and bodies(at, 'data-attacked="graph"')
        if page == "find":
            assert any("of 4 pictures" in item.value for item in at.markdown) or at.info


@pytest.mark.slow
def test_nobody_is_sent_to_a_command_that_needs_the_data_set_of_a_task_that_has_none(room, tmp_path, monkeypatch):
    monkeypatch.setenv("ROBUSTSCOPE_USER", str(tmp_path / "user"))
    written(tmp_path, "names.txt", NAMES.encode())
    path = written(tmp_path, "colours.pt", saved(small_network().state_dict()))
    given = ["--architecture", SMALL, "--classes", str(tmp_path / "names.txt"), "--preprocess", "none,side=32"]
    assert main(["import", str(path), *given]) == 0
    for page, part in (("adversarial", ""), ("adversarial", "fooling"), ("saliency", "trust"), ("models", "classes")):
        at = finished(entered(page, task="colours", open=part))
        said = [item.value for kind in (at.caption, at.markdown, at.info, at.code) for item in kind]
        assert any("brought" in text for text in said), (page, part)
        assert not [text for text in said if "robustscope evaluate" in text or "robustscope data" in text], (page, part)
