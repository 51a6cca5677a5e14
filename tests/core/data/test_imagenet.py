"""ImageNet: its names, and its photographs where somebody has put them."""

import numpy as np
import pytest
import torch
from PIL import Image

from core.data import imagenet
from core.data.datasets import available, load
from core.data.galleries import gallery
from core.data.tasks import CIFAR10, IMAGENET, trained_tasks
from core.data.tasks.imagenet import synsets
from core.errors import DataMissingError


def test_the_names_are_a_thousand_in_the_order_of_the_labels():
    assert IMAGENET.classes == len(set(IMAGENET.class_names)) == 1000
    known = {0: "tench", 285: "Egyptian cat", 517: "crane (machine)", 967: "espresso", 999: "toilet tissue"}
    assert {label: IMAGENET.class_names[label] for label in known} == known
    numbers = [number for number, _ in synsets()]
    assert numbers == sorted(numbers) and IMAGENET.key not in trained_tasks()


@pytest.mark.slow
def test_the_names_are_those_that_torchvision_trains_with():
    from core.torchvision_compat import torchvision

    theirs = torchvision.models.ResNet18_Weights.DEFAULT.meta["categories"]
    other = [(one, two) for one, two in zip(IMAGENET.class_names, theirs, strict=True) if one != two]
    assert len(other) <= 5, other


def test_its_pictures_are_photographs_of_packages_whose_makers_are_named():
    pictures = gallery(IMAGENET)
    assert list(pictures.items) == [f"photo:{name}" for name in IMAGENET.photographs] and len(pictures.items) == 7
    for key, item in pictures.items.items():
        assert "from the scikit-" in item.source and ("CC" in item.source or "public domain" in item.source)
        found = pictures.picture(key)
        assert min(found.width, found.height) >= 224
    assert "photo:china" not in gallery(CIFAR10).items


def test_what_nobody_may_pass_on_is_missed_in_a_sentence(tmp_path):
    with pytest.raises(DataMissingError, match=r"image-net.org and unpack the validation set so that .*n01440764"):
        load(IMAGENET, "test", tmp_path)
    with pytest.raises(RuntimeError, match="its owners pass it on themselves"):
        imagenet.READER.fetch(tmp_path)


def test_photographs_that_are_there_come_one_of_each_class_in_turn(tmp_path):
    for label, (number, _) in enumerate(synsets()):
        folder = tmp_path / "imagenet" / "val" / number
        folder.mkdir(parents=True)
        for index in range(2 if label in (3, 7) else 0):
            Image.fromarray(np.full((240, 300, 3), 10 * label + index, np.uint8)).save(folder / f"{index}.png")
    assert available(IMAGENET, tmp_path)
    found = load(IMAGENET, "test", tmp_path, 3)
    assert found.labels.tolist() == [3, 7, 3] and found.pixels.shape == (3, 3, 224, 224)
    assert found.pixels.flatten(1).float().mean(1).tolist() == [30, 70, 31]
    assert torch.equal(load(IMAGENET, "test", tmp_path).labels, torch.tensor([3, 7, 3, 7]))
    with pytest.raises(DataMissingError):
        load(IMAGENET, "train", tmp_path)
