"""`robustscope import`: what is brought is found by every command, and a dry run keeps nothing."""

import json

import pytest

from core.cli.main import main
from core.data.tasks import listed_tasks
from tests.helpers.foreign import SMALL, onnx_model, saved, small_network, written
from tests.helpers.pictures import write_class_folders

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked_reader")]


@pytest.fixture
def user(tmp_path, monkeypatch):
    """The user's folder, a file of weights and one of class names."""
    monkeypatch.setenv("ROBUSTSCOPE_USER", str(tmp_path / "user"))
    written(tmp_path, "birds.pt", saved({"state_dict": small_network().state_dict()}))
    written(tmp_path, "names.txt", b"robin\nwren\nowl\n")
    return tmp_path


def bring(user, *more: str, file: str = "birds.pt") -> int:
    return main(["import", str(user / file), "--classes", str(user / "names.txt"), *more])


def test_a_network_with_a_task_of_its_own_is_found_by_the_other_commands(user, capsys):
    assert bring(user, "--architecture", SMALL, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["task"], told["key"], told["network"]) == ("birds", "birds", f"torchvision/{SMALL}")
    assert set(told["answers"]) == {"Astronaut", "Cat", "Coffee cup", "Rocket"}
    assert listed_tasks()["birds"].shape == (3, 224, 224)
    assert main(["models", "--task", "birds"]) == 0 and "birds" in capsys.readouterr().out
    assert main(["list", "tasks"]) == 0 and "birds" in capsys.readouterr().out
    pictures = write_class_folders(user / "pictures", ("robin", "wren", "owl"))
    report = user / "report.json"
    asked = ["evaluate", "--task", "birds", "--data", str(pictures), "--images", "3", "--robust-images", "1"]
    assert main([*asked, "--out", str(report), "--allow-uncommitted"]) == 0
    assert {row["model"] for row in json.loads(report.read_text())["rows"]} == {"birds"}


def test_labelled_pictures_give_an_accuracy_and_a_dry_run_keeps_nothing(user, capsys):
    pictures = write_class_folders(user / "pictures", ("robin", "wren", "owl"))
    assert bring(user, "--pictures", str(pictures), "--dry-run") == 0  # the architecture is found by the weights
    said = capsys.readouterr().out
    assert "right on" in said and "nothing was kept" in said and not (user / "user").exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--classes", "cifar10"), "answers with 3 classes, and 10 are named"),
        (("--classes", "nowhere.txt"), "--classes must be a file of names or one of cifar10"),
        (("--architecture", "resnet18x"), "no library has a network resnet18x; there is resnet18"),
        (("--architecture", "resnet18"), "weights are not those of"),
        (("--preprocess", "strange"), "preprocess must begin with one of usual"),
        (("--name", "own-birds"), "must not begin with own"),
    ],
)
def test_what_can_not_be_is_a_sentence(user, capsys, more, said):
    assert bring(user, *more) in (1, 2)
    assert said in capsys.readouterr().err and not (user / "user").exists()


def test_an_onnx_file_joins_a_known_task_and_no_name_is_taken_twice(user, capsys):
    written(user, "net.onnx", onnx_model().SerializeToString())
    assert bring(user, "--preprocess", "none", file="net.onnx") == 0
    assert bring(user, "--preprocess", "none", file="net.onnx") == 2
    assert "there is a task net already" in capsys.readouterr().err
    asked = ["import", str(user / "net.onnx"), "--preprocess", "none", "--classes", "net"]
    assert main([*asked, "--name", "again"]) == 0
    assert main([*asked, "--name", "again"]) == 2
    assert "net has a network again already" in capsys.readouterr().err
