"""Tiny ImageNet's photographs under ImageNet's labels."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import avg_pool2d

from core.data import tiny20, tiny_imagenet
from core.data.datasets import LabelledImages
from core.data.tasks.imagenet import synsets
from core.errors import DataMissingError, InputError


def _write(folder, colour):
    folder.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((64, 64, 3), colour, np.uint8)).save(folder, "PNG")


def test_parts_are_apart_and_labels_are_those_of_imagenet(tmp_path, monkeypatch):
    monkeypatch.setattr(tiny_imagenet, "TEST", 6)
    monkeypatch.setattr(tiny_imagenet, "VAL", 3)
    monkeypatch.setattr(tiny_imagenet, "OF_TWENTY", 1)
    root, known = tmp_path / tiny20.FOLDER, [tiny20.WNIDS[0], "n01440764", "n15075141"]
    lines = []
    for index in range(15):
        _write(root / "val" / "images" / f"val_{index}.JPEG", 10 * index)
        lines.append(f"val_{index}.JPEG\t{known[index % 3]}\t0\t0\t63\t63")
    (root / "val" / "val_annotations.txt").write_text("\n".join(lines))
    for label, number in enumerate(tiny20.WNIDS):
        for index in range(2):  # the second one is more than are taken
            _write(root / "train" / number / "images" / f"{index}.JPEG", (200 + label) * (1 - index))
        (root / "train" / number / f"{number}_boxes.txt").write_text("0.JPEG\t0\t0\t63\t63\n1.JPEG\t0\t0\t63\t63")
    parts = {part: tiny_imagenet.load_tiny_imagenet(part, tmp_path) for part in ("train", "val", "test")}
    assert {part: len(found) for part, found in parts.items()} == {"train": 6 + 20, "val": 3, "test": 6}
    shades = [int(shade) for found in parts.values() for shade in found.pixels[:, 0, 0, 0]]
    assert sorted(shades) == [10 * index for index in range(15)] + [200 + label for label in range(20)]
    numbers = {
        int(shade): synsets()[int(label)][0]
        for part in parts.values()
        for shade, label in zip(part.pixels[:, 0, 0, 0], part.labels, strict=True)
    }
    assert all(numbers[10 * index] == known[index % 3] for index in range(15))
    assert all(numbers[200 + label] == number for label, number in enumerate(tiny20.WNIDS))
    assert sorted(parts["test"].labels.bincount()[parts["test"].labels.unique()].tolist()) == [2, 2, 2]


def test_a_file_that_is_damaged_is_named(tmp_path):
    folder = tmp_path / tiny20.FOLDER / "val"
    (folder / "images").mkdir(parents=True)
    (folder / "images" / "0.JPEG").write_bytes(b"no picture")
    (folder / "val_annotations.txt").write_text("0.JPEG\tn01440764\t0\t0\t63\t63")
    with pytest.raises(InputError, match=r"0[.]JPEG can't be read"):
        tiny_imagenet.load_tiny_imagenet("test", tmp_path)
    (folder / "val_annotations.txt").write_text("0.JPEG\tno class")
    with pytest.raises(InputError, match=r"val_annotations[.]txt is not Tiny ImageNet's list"):
        tiny_imagenet.load_tiny_imagenet("test", tmp_path)


def test_enlarged_they_are_the_same_photographs():
    pixels = torch.arange(2 * 3 * 64 * 64).reshape(2, 3, 64, 64).div(100).to(torch.uint8)
    found = tiny_imagenet.enlarged(LabelledImages(pixels, torch.tensor([3, 7]), "Tiny ImageNet test"), (3, 128, 128))
    assert found.pixels.shape == (2, 3, 128, 128) and found.labels.tolist() == [3, 7]
    assert found.origin == "Tiny ImageNet test"
    back = avg_pool2d(found.pixels.float(), 2)
    assert (back - pixels.float()).abs().mean() < 2


def test_without_them_it_says_how_to_get_them(tmp_path):
    with pytest.raises(DataMissingError, match="robustscope data fetch tiny20"):
        tiny_imagenet.load_tiny_imagenet("train", tmp_path)
