"""The noise on codes keeps the prior, and a bound on likelihood is a bound on size."""

import math

import pytest
import torch
from torch.distributions import MultivariateNormal

from core.errors import ConfigError
from core.latent.noise import (
    decay,
    decayed,
    eps_of,
    log_likelihood_bound,
    noisy,
    rho_of_bound,
    scaled_norm,
    typical_norm,
)


@pytest.mark.parametrize("epsilon", [0.25, 1.0, 3.0])
def test_noise_keeps_the_prior(epsilon):
    """Mean 0 and variance 1 within five standard errors, entry by entry over 20,000 codes."""
    generator = torch.Generator().manual_seed(0)
    z = noisy(torch.randn(20_000, 8, generator=generator), epsilon, generator)
    assert z.mean(0).abs().max() < 5 / math.sqrt(20_000)
    assert (z.var(0) - 1).abs().max() < 5 * math.sqrt(2 / 20_000)


def test_noise_spreads_around_the_decayed_code_by_its_typical_norm():
    generator = torch.Generator().manual_seed(1)
    z = torch.randn(1, 16, generator=generator).expand(20_000, 16)
    offset = noisy(z, 0.5, generator) - decayed(z, 0.5)
    assert offset.mean(0).abs().max() < 5 * 0.4472 / math.sqrt(20_000)
    assert typical_norm(0.5) == pytest.approx(0.4472, abs=1e-4) and typical_norm(1.0) == pytest.approx(0.7071, abs=1e-4)
    assert float(scaled_norm(offset).square().mean().sqrt()) == pytest.approx(typical_norm(0.5), rel=0.01)


def test_no_noise_leaves_codes_as_they_are():
    z = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(noisy(z, 0.0, torch.Generator()), z) and torch.equal(decayed(z, 0.0), z)


def test_decay_and_magnitude_are_each_others_inverse():
    """The figures of the paper's two magnitudes, and round trips."""
    assert decay(0.5) == pytest.approx(0.1056, abs=5e-5) and decay(1.0) == pytest.approx(0.2929, abs=5e-5)
    for epsilon in (0.0, 0.25, 1.0, 40.0):
        assert eps_of(decay(epsilon)) == pytest.approx(epsilon, abs=1e-9)
    z = torch.ones(1, 4)
    torch.testing.assert_close(decayed(z, 0.7), (1 - decay(0.7)) * z)


def test_sizes_are_scaled_by_the_root_of_the_length():
    assert scaled_norm(torch.tensor([[3.0, 4.0, 0.0, 0.0]])).tolist() == [2.5]
    many = torch.randn(200, 64, generator=torch.Generator().manual_seed(0))
    assert float(scaled_norm(many).mean()) == pytest.approx(1, abs=0.02)


def test_the_bound_is_the_density_of_the_noise():
    epsilon, n, rho = 0.5, 6, 0.8
    noise = MultivariateNormal(torch.zeros(n), epsilon**2 / (1 + epsilon**2) * torch.eye(n))
    offset = torch.randn(n, generator=torch.Generator().manual_seed(0))
    offset *= rho / scaled_norm(offset[None])
    assert log_likelihood_bound(rho, epsilon, n) == pytest.approx(float(noise.log_prob(offset)), rel=1e-5)
    assert rho_of_bound(log_likelihood_bound(rho, epsilon, n), epsilon, n) == pytest.approx(rho)
    assert rho_of_bound(log_likelihood_bound(0.0, epsilon, n), epsilon, n) == 0.0


def test_impossible_values_are_refused():
    for call in (
        lambda: decay(-0.1),
        lambda: decayed(torch.zeros(1, 1), math.inf),
        lambda: eps_of(1.0),
        lambda: eps_of(-0.1),
        lambda: typical_norm(math.nan),
        lambda: log_likelihood_bound(0.1, 0.0, 4),
        lambda: log_likelihood_bound(-0.1, 1.0, 4),
        lambda: rho_of_bound(log_likelihood_bound(0.0, 1.0, 4) + 1e-3, 1.0, 4),
        lambda: rho_of_bound(math.nan, 1.0, 4),
    ):
        with pytest.raises(ConfigError):
            call()
