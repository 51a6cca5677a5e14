"""Training under Gaussian noise of a stated size."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from core.errors import ConfigError
from core.training.recipes.gaussian_noise import GaussianNoise


class Recorder:
    """A network that keeps what it was shown."""

    def __call__(self, x):
        self.seen = x
        return x.flatten(1)[:, :3]


def test_the_noise_is_normal_with_the_stated_deviation_and_may_leave_the_range(batch):
    model = Recorder()
    many = replace(batch, x=torch.full((500, 1, 8, 8), 0.5), labels=torch.zeros(500, dtype=torch.int64))
    GaussianNoise().loss(model, many)
    noise = model.seen - 0.5
    assert noise.std().item() == pytest.approx(0.4, rel=0.02) and noise.mean().item() == pytest.approx(0, abs=0.01)
    assert noise.abs().gt(0.8).float().mean().item() == pytest.approx(0.0455, abs=0.01)  # 2 sigma, above 1 or below 0
    GaussianNoise(clamp=True).loss(model, many)
    assert model.seen.min() == 0 and model.seen.max() == 1


def test_the_loss_is_cross_entropy_on_the_noisy_images(linear, batch):
    state = batch.generator.get_state()
    noisy = batch.x + 0.3 * torch.randn(batch.x.shape, generator=batch.generator)
    batch.generator.set_state(state)
    assert_close(GaussianNoise(0.3).loss(linear, batch), cross_entropy(linear(noisy), batch.labels))


def test_no_noise_is_cross_entropy(linear, batch):
    assert_close(GaussianNoise(0.0).loss(linear, batch), cross_entropy(linear(batch.x), batch.labels))


def test_negative_sigma_is_refused():
    with pytest.raises(ConfigError, match="sigma"):
        GaussianNoise(-0.1)
