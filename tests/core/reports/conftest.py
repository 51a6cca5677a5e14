"""Two tiny classifiers, and the synthetic test images."""

import pytest

from core.data.datasets import load
from core.data.tasks import FASHION_MNIST
from core.models.zoo import load_zoo_model


@pytest.fixture
def models(zoo_folder):
    return [load_zoo_model("fashion-mnist", key, zoo_folder) for key in ("standard", "pgd-linf")]


@pytest.fixture
def data(fashion_root):
    return load(FASHION_MNIST, "test")
