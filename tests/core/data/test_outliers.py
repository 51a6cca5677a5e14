"""Sets of outliers: what is in them, what is not, one way to the task's shape, and what missing files lead to."""

import numpy as np
import pytest
import torch
from PIL import Image

from core.data.datasets import load
from core.data.outliers import OUTLIERS, TINY_KNOWN, TINY_NEAR, TINY_WORN, load_outliers, outliers_of
from core.data.tasks import CIFAR10, FASHION_MNIST, TINY20
from core.errors import ConfigError, DataMissingError
from tests.helpers.data_sets import write_idx

MADE = ("noise", "gradients", "solid")
NOVEL, KNOWN, NEAR, WORN = "n07720875", next(iter(TINY_KNOWN)), next(iter(TINY_NEAR)), next(iter(TINY_WORN))


@pytest.fixture
def root(tmp_path):
    """Four Tiny ImageNet pictures of one brightness a class, three CIFAR-100 pictures, two digits."""
    folder = tmp_path / "tiny-imagenet-200" / "val"
    (folder / "images").mkdir(parents=True)
    lines = []
    for level, wnid in ((10, NOVEL), (80, KNOWN), (150, NEAR), (220, WORN)):
        Image.new("RGB", (64, 64), (level,) * 3).save(folder / "images" / f"{level}.png")
        lines.append(f"{level}.png\t{wnid}\t0\t0\t9\t9")
    (folder / "val_annotations.txt").write_text("\n".join(lines) + "\n")
    (tmp_path / "cifar100-test").mkdir()
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3)).astype(np.uint8)
    np.save(tmp_path / "cifar100-test" / "images.npy", images)
    for part in ("train", "t10k"):
        write_idx(tmp_path / "MNIST" / "raw" / f"{part}-images-idx3-ubyte", np.full((2, 28, 28), 77, np.uint8))
        write_idx(tmp_path / "MNIST" / "raw" / f"{part}-labels-idx1-ubyte", np.zeros(2, np.uint8))
    return tmp_path


def levels(images):
    return sorted(set(images.pixels.flatten().tolist()))


def test_tiny_imagenet_leaves_out_what_the_task_knows(root):
    assert levels(load_outliers(CIFAR10, "tiny", 9, root)) == [10, 220]
    assert levels(load_outliers(CIFAR10, "tiny-known", 9, root)) == [80]
    assert levels(load_outliers(FASHION_MNIST, "tiny", 9, root)) == [10, 80, 150]


def test_the_lists_of_classes_do_not_overlap_and_are_stated():
    assert not TINY_KNOWN.keys() & TINY_NEAR.keys() and not TINY_WORN.keys() & (TINY_KNOWN.keys() | TINY_NEAR.keys())
    tiny = next(each for each in outliers_of(CIFAR10) if each.key == "tiny")
    assert set(tiny.left_out) == {*TINY_KNOWN.values(), *TINY_NEAR.values()}


def test_pictures_of_the_tasks_size_pass_unchanged_and_others_are_fitted(root):
    stored = np.load(root / "cifar100-test" / "images.npy")
    found = load_outliers(CIFAR10, "cifar100", 2, root)
    assert np.array_equal(found.pixels.permute(0, 2, 3, 1).numpy(), stored[:2]) and found.labels.tolist() == [-1, -1]
    assert load_outliers(FASHION_MNIST, "cifar100", 2, root).pixels.shape == (2, 1, 28, 28)
    digits = load_outliers(CIFAR10, "digits", 5, root)
    assert digits.pixels.shape == (2, 3, 32, 32) and levels(digits) == [77]


def test_what_is_made_is_what_it_says():
    for task in (CIFAR10, FASHION_MNIST):
        made = {key: load_outliers(task, key, 6).images() for key in MADE}
        assert made["solid"].std((2, 3)).max() == 0 and made["solid"].mean((2, 3)).std(0).min() > 0.02
        second = made["gradients"].diff(n=2, dim=2).abs().max()  # straight up to the rounding of levels
        assert second < 2.1 / 255 and made["gradients"].std((2, 3)).mean() > 0.03
        assert made["noise"].std((2, 3)).min() > 0.1
    noise = load_outliers(CIFAR10, "noise", 40).pixels.double()
    assert abs(noise.mean() - 127.5) < 1 and abs(noise.var() - 255**2 / 12) < 100


@pytest.mark.parametrize("key", MADE)
def test_the_first_ones_made_are_the_same_whatever_the_count(key):
    many, few = load_outliers(CIFAR10, key, 5), load_outliers(CIFAR10, key, 3)
    assert torch.equal(many.first(3).pixels, few.pixels)
    assert not torch.equal(many.pixels[0], many.pixels[1])


def test_resized_images_are_the_tasks_own_but_for_the_filter(fashion_root):
    found, own = load_outliers(FASHION_MNIST, "resized", 4), load(FASHION_MNIST, "test").first(4)
    apart = (found.images() - own.images()).abs().mean()
    assert 0 < apart < 0.03


@pytest.mark.parametrize("task", [CIFAR10, FASHION_MNIST])
def test_missing_files_give_a_sentence(task):
    for each in OUTLIERS[task.key]:
        if each.key not in MADE:
            with pytest.raises(DataMissingError, match="not on this machine"):
                load_outliers(task, each.key, 1)


def test_impossible_requests_are_refused():
    for key, count in (("nonsense", 1), ("noise", 0)):
        with pytest.raises(ConfigError):
            load_outliers(CIFAR10, key, count)
    with pytest.raises(ConfigError):
        outliers_of(TINY20)
