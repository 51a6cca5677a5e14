"""Features are what the last layer reads; an attack takes them to where another answer is."""

import numpy as np
import pytest
import torch
from torch import nn

from core.errors import ConfigError, InputError
from core.explanations.network_features import CHUNK, pooled_features, pulled_picture
from core.models.zoo import ZooModel


@pytest.fixture
def x():
    return torch.rand(CHUNK + 3, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def test_the_last_layer_makes_the_logits_of_them(model, x):
    told: list[int] = []
    features, answers = pooled_features(model, x, told.append)
    with torch.no_grad():
        logits = model.fast(x)
    layer = model.plain.last_layer
    np.testing.assert_allclose(
        features @ layer.weight.detach().numpy().T + layer.bias.detach().numpy(), logits, atol=1e-4
    )
    np.testing.assert_array_equal(answers, logits.argmax(1))
    assert told == [CHUNK, CHUNK + 3]


def test_an_attack_moves_them_to_where_the_answers_logit_is_lower(model, x):
    found = pulled_picture(model, x[:1], 0.1)
    np.testing.assert_allclose(found.features, pooled_features(model, x[:1])[0][0], atol=1e-5)
    row = model.plain.last_layer.weight.detach().numpy()[found.before]
    assert row @ (found.features_adv - found.features) < 0 or found.after != found.before
    assert (pulled_picture(model, x[:1], 0.1).features_adv == found.features_adv).all()


def test_other_networks_and_other_images_are_refused(model, x):
    other = ZooModel(model.card, nn.Flatten(), nn.Flatten())
    with pytest.raises(ConfigError, match="linear layer on the mean"):
        pooled_features(other, x)
    with pytest.raises(InputError, match="one float32 image"):
        pulled_picture(model, x[:2], 0.1)
