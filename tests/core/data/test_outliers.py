"""Sets of outliers: what is in them, what is not, one way to the task's shape, and what missing files lead to."""

import numpy as np
import pytest
import torch
from PIL import Image

from core.data.datasets import load
from core.data.outliers import OUTLIERS, TINY_KNOWN, TINY_NEAR, TINY_WORN, evenly, load_outliers, outliers_of
from core.data.tasks import CIFAR10, FASHION_MNIST, TINY20
from core.errors import ConfigError, DataMissingError
from tests.helpers.data_sets import write_idx

MADE = ("noise", "gradients", "solid")
NOVEL, KNOWN, NEAR, WORN = "n07720875", next(iter(TINY_KNOWN)), next(iter(TINY_NEAR)), next(iter(TINY_WORN))


@pytest.fixture
def root(tmp_path):
    """Four Tiny ImageNet pictures of one brightness a class, and CIFAR-100 and digits sorted by class.

    CIFAR-100's pictures tell their class by their brightness (two of each), and so do the digits (four of each).
    """
    folder = tmp_path / "tiny-imagenet-200" / "val"
    (folder / "images").mkdir(parents=True)
    lines = []
    for level, wnid in ((10, NOVEL), (80, KNOWN), (150, NEAR), (220, WORN)):
        Image.new("RGB", (64, 64), (level,) * 3).save(folder / "images" / f"{level}.png")
        lines.append(f"{level}.png\t{wnid}\t0\t0\t9\t9")
    (folder / "val_annotations.txt").write_text("\n".join(lines) + "\n")
    (tmp_path / "cifar100-test").mkdir()
    classes = np.repeat(np.arange(100), 2)
    images = np.broadcast_to(classes[:, None, None, None], (200, 32, 32, 3)).astype(np.uint8)
    np.save(tmp_path / "cifar100-test" / "images.npy", images)
    np.save(tmp_path / "cifar100-test" / "fine_labels.npy", classes)
    digits = np.repeat(np.arange(10), 4).astype(np.uint8)
    for part in ("train", "t10k"):
        write_idx(
            tmp_path / "MNIST" / "raw" / f"{part}-images-idx3-ubyte",
            np.broadcast_to(digits[:, None, None], (40, 28, 28)),
        )
        write_idx(tmp_path / "MNIST" / "raw" / f"{part}-labels-idx1-ubyte", digits)
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
    found = load_outliers(CIFAR10, "cifar100", 2, root)
    assert torch.equal(found.pixels, found.labels[:, None, None, None].to(torch.uint8).expand(2, 3, 32, 32))
    assert load_outliers(FASHION_MNIST, "cifar100", 2, root).pixels.shape == (2, 1, 28, 28)
    digits = load_outliers(CIFAR10, "digits", 5, root)
    assert digits.pixels.shape == (5, 3, 32, 32)
    assert torch.equal(digits.pixels[:, 0, 16, 16], digits.labels.to(torch.uint8))


def test_a_set_sorted_by_class_is_drawn_evenly_from_all_its_classes(root):
    """What the first N of the file are not: CIFAR-100's file is sorted, and its first tenth is ten classes."""
    for task in (CIFAR10, FASHION_MNIST):
        half = load_outliers(task, "cifar100", 100, root).labels
        assert sorted(half.tolist()) == list(range(100)) != half.tolist()
        rest = load_outliers(task, "cifar100", 200, root).labels[100:]
        assert sorted(rest.tolist()) == list(range(100))
    assert np.bincount(load_outliers(CIFAR10, "digits", 20, root).labels).tolist() == [2] * 10


def test_every_start_of_an_even_order_has_the_shares_of_the_classes():
    labels = np.repeat([0, 1, 2], [600, 300, 100])
    order = evenly(labels, 1)
    assert sorted(order) == list(range(1000)) and (order == evenly(labels, 1)).all()
    assert not (order == evenly(labels, 2)).all()
    for count in (1, 17, 250, 500, 999):
        found = np.bincount(labels[order[:count]], minlength=3)
        assert np.abs(found - count * np.array([0.6, 0.3, 0.1])).max() <= 2
    within = order[labels[order] == 0]
    assert np.corrcoef(within, np.arange(600))[0, 1] < 0.2  # the file's order is gone inside a class, too


def test_each_set_says_how_it_was_drawn_and_whether_its_classes_are_a_sample():
    for each in (*outliers_of(CIFAR10), *outliers_of(FASHION_MNIST)):
        assert ("permutation" in str(each.definition["drawn"])) is (each.key not in MADE)
        assert each.definition["sampled"] is (each.key in {"cifar100", "tiny", "tiny-known"})


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
    found, own = load_outliers(FASHION_MNIST, "resized", 60), load(FASHION_MNIST, "test")
    apart = (found.images()[:, None] - own.images()[None]).abs().mean((2, 3, 4))
    nearest = apart.argmin(1)
    assert sorted(nearest.tolist()) == list(range(60)) and torch.equal(own.labels[nearest], found.labels)
    assert 0 < apart.amin(1).mean() < 0.03


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
