"""Splits, folders and missing data."""

import pickle
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from core.data import datasets, fashion_mnist
from core.data.official import official
from core.data.tasks import CIFAR10, FASHION_MNIST, TASKS, task_named
from core.errors import ConfigError, DataMissingError, InputError
from core.torchvision_compat import torchvision


def test_splits_are_disjoint_complete_and_fixed():
    first, second = (datasets.split_indices(60_000, 2000, 2000) for _ in range(2))
    assert [len(first[name]) for name in ("train", "val", "calibration")] == [56_000, 2000, 2000]
    assert torch.equal(torch.cat(tuple(first.values())).sort().values, torch.arange(60_000))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_set_too_small_to_split_is_refused():
    with pytest.raises(ConfigError):
        datasets.split_indices(4000, 2000, 2000)


def test_fashion_mnist_comes_in_its_splits(fashion_root):
    sizes = {split: len(datasets.load(FASHION_MNIST, split)) for split in ("train", "val", "calibration", "test")}
    assert sizes == {"train": 400, "val": 2000, "calibration": 2000, "test": 60}
    test = datasets.load(FASHION_MNIST, "test")
    assert test.labels[:12].tolist() == [*range(10), 0, 1]
    x = test.images(0, 5)
    assert x.shape == (5, 1, 28, 28) and x.dtype == torch.float32
    brightness = (x.mean((1, 2, 3)) * 255 / 25).floor().long()
    assert torch.equal(brightness, test.labels[:5])  # pixels and labels belong together


def test_files_in_the_idx_form_are_what_torchvision_reads(fashion_root):
    for train in (True, False):
        ours = fashion_mnist.PICTURES(str(fashion_root), train=train)
        theirs = torchvision.datasets.FashionMNIST(str(fashion_root), train=train)
        assert torch.equal(ours.data, theirs.data) and ours.data.dtype == torch.uint8
        assert torch.equal(ours.targets, theirs.targets) and ours.targets.dtype == torch.int64


@pytest.mark.parametrize(
    ("changed", "how"),
    [
        ("images-idx3", lambda content: content[:-1]),  # not whole
        ("images-idx3", lambda content: content[:6]),  # not even its shape
        ("images-idx3", lambda content: b"\0\0\r" + content[3:]),  # of other numbers than bytes
        ("labels-idx1", lambda content: content[:4] + (59).to_bytes(4, "big") + content[8:-1]),  # one label too few
    ],
)
def test_a_broken_idx_file_is_missing_data(fashion_files, tmp_path, changed, how):
    root = shutil.copytree(fashion_files, tmp_path / "data")
    file = root / "FashionMNIST" / "raw" / f"t10k-{changed}-ubyte"
    file.write_bytes(how(file.read_bytes()))
    assert not datasets.available(FASHION_MNIST, root)
    with pytest.raises(DataMissingError):
        datasets.load(FASHION_MNIST, "test", root)


def test_cifar10_pixels_come_as_channels_first(tmp_path, monkeypatch):
    """The official files are checked by MD5, which a synthetic copy can't pass; the reading is what is tested here."""
    cifar = torchvision.datasets.CIFAR10
    monkeypatch.setattr(cifar, "_check_integrity", lambda self: True)
    monkeypatch.setattr(cifar, "_load_meta", lambda self: None)
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    planes = np.zeros((4, 3, 32, 32), np.uint8)
    planes[:, 0] = 200  # red
    (folder / "test_batch").write_bytes(pickle.dumps({"data": planes.reshape(4, -1), "labels": [3, 1, 4, 1]}))
    test = datasets.load(CIFAR10, "test", tmp_path)
    assert test.pixels.shape == (4, 3, 32, 32) and test.labels.tolist() == [3, 1, 4, 1]
    assert test.pixels[:, 0].unique().tolist() == [200] and test.pixels[:, 1:].unique().tolist() == [0]


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.key)
def test_missing_data_says_where_to_put_it(task, tmp_path):
    assert not datasets.available(task, tmp_path)
    with pytest.raises(DataMissingError, match="robustscope data fetch") as caught:
        datasets.load(task, "test", tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_a_failed_download_says_where_to_put_the_files(tmp_path, monkeypatch):
    def no_network(*args, **kwargs):
        raise OSError("Network is unreachable")

    monkeypatch.setattr(fashion_mnist, "READER", official(no_network, fashion_mnist.by_hand))
    with pytest.raises(DataMissingError, match="Network is unreachable") as caught:
        datasets.fetch(FASHION_MNIST, tmp_path)
    assert "t10k-images-idx3-ubyte" in str(caught.value)


def picture(path, colour, size=(40, 20)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


def test_a_folder_of_images_becomes_a_data_set(tmp_path):
    picture(tmp_path / "truck" / "b.png", (0, 0, 255))
    picture(tmp_path / "cat" / "z.png", (255, 0, 0))
    picture(tmp_path / "cat" / "a.png", (0, 255, 0))
    (tmp_path / "cat" / "notes.txt").write_text("not a picture")
    data = datasets.load_folder(CIFAR10, tmp_path)
    assert data.labels.tolist() == [3, 3, 9]
    assert data.pixels[:, :, 16, 16].tolist() == [[0, 255, 0], [255, 0, 0], [0, 0, 255]]


def test_class_names_with_a_slash_are_written_with_a_dash(tmp_path):
    picture(tmp_path / "T-shirt-top" / "a.png", (9, 9, 9))
    assert datasets.load_folder(FASHION_MNIST, tmp_path).labels.tolist() == [0]


def test_folders_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(InputError, match="not a folder"):
        datasets.load_folder(CIFAR10, tmp_path / "nowhere")
    (tmp_path / "cat").mkdir()
    with pytest.raises(InputError, match="no images"):
        datasets.load_folder(CIFAR10, tmp_path)
    (tmp_path / "unicorn").mkdir()
    with pytest.raises(InputError, match="unicorn"):
        datasets.load_folder(CIFAR10, tmp_path)


def test_a_damaged_image_in_a_folder_is_named(tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(InputError, match=r"broken\.png"):
        datasets.load_folder(CIFAR10, tmp_path)


def test_unknown_task_is_refused():
    with pytest.raises(ConfigError, match="imagenet22k"):
        task_named("imagenet22k")
