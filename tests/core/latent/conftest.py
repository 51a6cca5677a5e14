"""A tiny untrained autoencoder, kept in a folder as shipped ones are; and pairs whose answers are known."""

import pytest
import torch

from core.latent.autoencoder import AutoencoderCard, load_autoencoder, save
from core.latent.network import AutoencoderConfig, AutoencoderNetwork
from tests.helpers import known_autoencoders

TINY = AutoencoderConfig(10, (1, 28, 28), 16, (8, 8, 4))


@pytest.fixture
def autoencoder_folder(tmp_path):
    """A folder with an autoencoder of Fashion-MNIST with fresh weights."""
    folder = tmp_path / "generators"
    card = AutoencoderCard("fashion-mnist", TINY, "recipe", {}, 0, "command", {"seconds": 1})
    save(AutoencoderNetwork(TINY, torch.Generator().manual_seed(0)), card, folder)
    return folder


@pytest.fixture
def autoencoder(autoencoder_folder):
    """The same, loaded."""
    return load_autoencoder("fashion-mnist", autoencoder_folder)


@pytest.fixture
def linear():
    """A linear autoencoder with 12 numbers a code."""
    return known_autoencoders.linear_autoencoder()


@pytest.fixture
def curved():
    """A curved autoencoder with 6 numbers a code."""
    return known_autoencoders.curved_autoencoder()


@pytest.fixture
def classifier():
    """A curved classifier of the curved autoencoder's pictures."""
    return known_autoencoders.curved_classifier()
