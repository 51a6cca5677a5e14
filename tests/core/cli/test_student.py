"""The command `train-student`."""

import json

import pytest
import torch

from core.cli.main import main
from core.data import tiny_imagenet
from core.data.datasets import LabelledImages
from core.models.zoo import load_weights


@pytest.fixture
def photographs(monkeypatch):
    pixels = torch.randint(0, 256, (70, 3, 64, 64), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    made = LabelledImages(pixels, torch.zeros(70, dtype=torch.int64), "made here")
    monkeypatch.setattr(tiny_imagenet, "load_tiny_imagenet", lambda part: made)


def test_a_student_is_trained_and_can_be_loaded(photographs, tmp_path, capsys):
    assert main(["train-student", "imagenet", "--steps", "1", "--out", str(tmp_path / "made"), "--json"]) == 0
    card = json.loads(capsys.readouterr().out)
    assert card["command"] == "robustscope train-student imagenet --steps 1" and card["parameters"] == 4_652_008
    assert card["settings"]["teacher"] == "standard" and len(card["training"]["losses"]) == 1
    found = load_weights(tmp_path / "made" / "imagenet" / "robust-student.safetensors")
    assert found.card.key == "robust-student" and found.task.key == "imagenet"
    assert (tmp_path / "made" / "imagenet" / "robust-student.safetensors").stat().st_size < 10_000_000


def test_a_shipped_student_is_not_overwritten_by_another(capsys):
    assert main(["train-student", "imagenet", "--steps", "5"]) == 2
    assert "--out" in capsys.readouterr().err


def test_a_task_without_a_student_is_refused(capsys):
    assert main(["train-student", "cifar10"]) == 2
    assert "students are trained for imagenet" in capsys.readouterr().err
