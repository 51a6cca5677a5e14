"""The flow from N(0, I) to an encoder's codes can be undone, follows straight lines, and is counted by arithmetic."""

import pytest
import torch
from torch.testing import assert_close

from core.latent.autoencoder import Autoencoder, AutoencoderCard
from core.latent.network import AutoencoderConfig, AutoencoderNetwork
from core.latent.prior import ROUNDS, STEPS, FlowPrior, flow_loss, flow_parameters

LABELS = torch.tensor([0, 2, 1])


def flow(scale: float = 0.2) -> FlowPrior:
    generator = torch.Generator().manual_seed(0)
    prior = FlowPrior(6, 3, 20)
    prior.begin(2 + 3 * torch.randn(500, 6, generator=generator), generator)
    with torch.no_grad():
        prior.last.weight.normal_(std=scale, generator=generator)
    return prior.requires_grad_(False)


def test_it_begins_as_the_gaussian_of_the_codes():
    codes = torch.tensor([[1.0, 5.0], [3.0, 5.5]])
    prior = FlowPrior(2, 1, 8)
    prior.begin(codes, torch.Generator().manual_seed(0))
    z = torch.randn(4, 2)
    assert_close(prior(z, torch.zeros(4, dtype=torch.long)), codes.mean(0) + codes.std(0) * z)


def test_its_steps_are_undone_and_its_gradient_is_that_of_what_it_does():
    prior, z = flow(), torch.randn(3, 6, dtype=torch.float64)
    prior = prior.double()
    codes = prior(z, LABELS)
    assert float((codes - prior.mean - prior.deviation * z).abs().max()) > 0.5  # it does something
    assert_close(prior.inverse(codes, LABELS), z, rtol=0, atol=1e-6)
    assert torch.autograd.gradcheck(lambda given: prior(given, LABELS), z.requires_grad_(True))


def test_a_step_is_undone_to_the_last_digits_and_no_further(monkeypatch):
    """Twice as many rounds change nothing beyond rounding, and most of those allowed are not taken."""
    prior, z = flow(), torch.randn(3, 6)
    codes, asked, along = prior(z, LABELS), [], prior._from

    def counted(*told):
        asked.append(told)
        return along(*told)

    monkeypatch.setattr(prior, "_from", counted)
    found = prior.inverse(codes, LABELS)
    assert STEPS < len(asked) < STEPS * ROUNDS
    monkeypatch.setattr("core.latent.prior.STILL", -1.0)
    monkeypatch.setattr("core.latent.prior.ROUNDS", 2 * ROUNDS)
    assert_close(found, prior.inverse(codes, LABELS), rtol=0, atol=1e-5)
    assert_close(found, z, rtol=0, atol=1e-5)


def test_each_step_is_one_of_eulers():
    prior, z = flow(), torch.randn(3, 6)
    expected = z
    for step in range(STEPS):
        expected = expected + prior.velocity(expected, torch.full((3,), step / STEPS), LABELS) / STEPS
    assert_close(prior(z, LABELS), prior.mean + prior.deviation * expected)
    assert not torch.equal(prior(z, LABELS), prior(z, LABELS.flip(0)))


def test_the_loss_asks_for_the_way_from_noise_to_code():
    prior = flow(0.0)  # no velocity
    codes, noise, t = torch.randn(3, 6), torch.randn(3, 6), torch.rand(3)
    prior.last.bias.zero_()
    assert_close(flow_loss(prior, codes, LABELS, noise, t), (codes - noise).square().mean())


@pytest.mark.parametrize("width", [1, 20])
def test_parameters_by_arithmetic_are_those_of_the_network(width):
    assert flow_parameters(6, 3, width) == sum(each.numel() for each in FlowPrior(6, 3, width).parameters())
    config = AutoencoderConfig(3, (1, 8, 8), 6, (4, 4, 4), flow=width)
    assert config.parameters == sum(each.numel() for each in AutoencoderNetwork(config).parameters())


def test_a_generator_decodes_through_its_flow_and_encodes_back():
    config = AutoencoderConfig(3, (1, 8, 8), 6, (4, 4, 4), flow=20)
    network = AutoencoderNetwork(config, torch.Generator().manual_seed(0))
    network.prior = flow()
    card = AutoencoderCard("fashion-mnist", config, "", {}, 0, "", {})
    made = Autoencoder(card, network.eval().requires_grad_(False))
    z, x = torch.randn(3, 6), torch.rand(3, 1, 8, 8)
    assert_close(made.decode(z, LABELS), network.decoder(network.prior(z, LABELS), LABELS))
    assert_close(network.prior(made.encode(x, LABELS), LABELS), network.encoder(x, LABELS)[0], rtol=0, atol=1e-4)
