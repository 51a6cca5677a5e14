"""A tiny untrained generator, kept in a folder as shipped ones are; and pairs whose answers are known."""

import pytest
import torch

from core.latent.generator import GeneratorCard, load_generator, save
from core.latent.network import GeneratorConfig, GeneratorNetwork
from tests.helpers import known_generators

TINY = GeneratorConfig(10, (1, 28, 28), 16, (8, 8, 4))


@pytest.fixture
def generator_folder(tmp_path):
    """A folder with a generator of Fashion-MNIST with fresh weights."""
    folder = tmp_path / "generators"
    card = GeneratorCard("fashion-mnist", TINY, "recipe", {}, 0, "command", {"seconds": 1})
    save(GeneratorNetwork(TINY, torch.Generator().manual_seed(0)), card, folder)
    return folder


@pytest.fixture
def generator(generator_folder):
    """The same, loaded."""
    return load_generator("fashion-mnist", generator_folder)


@pytest.fixture
def linear():
    """A linear generator with 12 numbers a code."""
    return known_generators.linear_generator()


@pytest.fixture
def curved():
    """A curved generator with 6 numbers a code."""
    return known_generators.curved_generator()


@pytest.fixture
def classifier():
    """A curved classifier of the curved generator's pictures."""
    return known_generators.curved_classifier()
