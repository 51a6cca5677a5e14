"""Galleries offer photographs always, test images where they are, and refuse keys from elsewhere."""

import pytest

from core.data import galleries
from core.data.galleries import gallery, most_tests
from core.data.tasks import CIFAR10, FASHION_MNIST, task_named
from core.errors import InputError


def test_photographs_are_there_without_any_data_set():
    found = gallery(CIFAR10)
    items = [item for item in found.items.values() if item.key.startswith("photo:")]
    assert len(items) >= 3 and found.tests is None
    for item in items:
        assert found.items[item.key] == item and found.picture(item.key).pixels.std() > 10


def test_test_images_are_offered_with_their_labels(fashion_root):
    found = gallery(FASHION_MNIST)
    assert found.items["test:7"].label == 7 and "sneaker" in found.items["test:7"].title
    pixels = found.picture("test:7")
    assert pixels.pixels.shape == (28, 28, 3)
    assert int(pixels.pixels.mean() // 25) == 7


@pytest.mark.parametrize(
    "key", ["", "photo:", "photo:../secret", "test:0", "test:-1", "test:x", "file:/etc/passwd", "photo:" + "a" * 999]
)
def test_keys_that_are_not_offered_are_refused(key):
    with pytest.raises(InputError, match="no picture"):
        gallery(CIFAR10).picture(key)


def test_the_images_that_are_not_offered_are_let_go(fashion_root):
    tests = gallery(FASHION_MNIST).tests
    assert tests is not None
    assert tests.pixels.untyped_storage().nbytes() == len(tests) * 28 * 28 <= 200 * 28 * 28


def test_test_images_that_are_not_listed_are_known_by_their_number(fashion_root, monkeypatch):
    monkeypatch.setattr(galleries, "TEST_IMAGES_OFFERED", 5)
    found = gallery(FASHION_MNIST)
    listed = [key for key in found.items if key.startswith("test:")]
    assert listed == [f"test:{index}" for index in range(5)] and "test:7" in found.items
    assert found.items["test:7"].label == 7 and int(found.picture("test:7").pixels.mean() // 25) == 7
    assert not [key for key in ("test:007", "test:99999", "test:-1") if key in found.items]
    assert len(found.tests) == 5 and "test:7" not in gallery(CIFAR10).items


def test_large_pictures_are_not_held_by_the_thousand():
    assert most_tests(CIFAR10) == 10_000 and most_tests(task_named("imagenet")) == 200
