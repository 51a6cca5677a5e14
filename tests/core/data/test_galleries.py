"""Galleries offer photographs always, test images where they are, and refuse keys from elsewhere."""

import pytest

from core.data.galleries import gallery
from core.data.tasks import CIFAR10, FASHION_MNIST
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
