"""The tiny zoo's standard network."""

import pytest

from core.models.zoo import load_zoo_model


@pytest.fixture
def model(zoo_folder):
    return load_zoo_model("fashion-mnist", "standard", zoo_folder)
