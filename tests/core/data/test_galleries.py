"""Galleries offer photographs always, test images where they are, and refuse keys from elsewhere."""

import pytest

from core.data.galleries import gallery, picture
from core.data.tasks import CIFAR10, FASHION_MNIST
from core.errors import InputError


def test_photographs_are_there_without_any_data_set():
    items = [item for item in gallery(CIFAR10) if item.key.startswith("photo:")]
    assert len(items) >= 3
    for item in items:
        found, pixels = picture(CIFAR10, item.key)
        assert found == item and pixels.pixels.std() > 10


def test_test_images_are_offered_with_their_labels(fashion_root):
    items = {item.key: item for item in gallery(FASHION_MNIST)}
    assert items["test:7"].label == 7 and "sneaker" in items["test:7"].title
    _, pixels = picture(FASHION_MNIST, "test:7")
    assert pixels.pixels.shape == (28, 28, 3)
    assert int(pixels.pixels.mean() // 25) == 7


@pytest.mark.parametrize(
    "key", ["", "photo:", "photo:../secret", "test:0", "test:-1", "test:x", "file:/etc/passwd", "photo:" + "a" * 999]
)
def test_keys_that_are_not_offered_are_refused(key):
    with pytest.raises(InputError, match="no picture"):
        picture(CIFAR10, key)
