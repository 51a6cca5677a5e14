"""The losses of one step of a generator's training."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from core.draws import gaussian
from core.latent.network import AutoencoderNetwork
from core.latent.perceptual import feature_distance, logits_of, taps
from core.training.autoencoder.critic import Critic, critic_approval
from core.training.autoencoder.plan import AutoencoderRecipe


@dataclass(frozen=True, slots=True)
class Pictures:
    """What a step has made and learns from.

    Attributes:
        x: real pictures (B, C, H, W) in [0, 1].
        labels: their classes (B,); those of the fakes are the same.
        fakes: (B, C, H, W): reconstructions of the first R of `x`, then samples from the prior.
        mean, log_variance: what the encoder said of those R, each (R, n).
        real_features, fake_features: what the frozen classifier sees; empty where nothing asks for it.
    """

    x: Tensor
    labels: Tensor
    fakes: Tensor
    mean: Tensor
    log_variance: Tensor
    real_features: list[Tensor]
    fake_features: list[Tensor]


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """`KL(N(mean, variance) || N(0, I))` in nats (N,), of rows (N, n)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).sum(1)


def make_pictures(
    network: AutoencoderNetwork,
    classifier: nn.Module,
    x: Tensor,
    labels: Tensor,
    generator: torch.Generator,
    samples: bool,
    looks: bool,
) -> Pictures:
    """Reconstructions of the first half of `x` and samples in the classes of the second, attached to the graph.

    Args:
        network: encoder and decoder.
        classifier: frozen.
        x: real pictures (B, C, H, W), B even.
        labels: their classes (B,).
        generator: of noise and codes, on the device of `x`.
        samples: False to reconstruct all of `x` instead.
        looks: whether the classifier looks at them.
    """
    rebuilt = len(x) // 2 if samples else len(x)
    mean, log_variance = network.encoder(x[:rebuilt], labels[:rebuilt])
    drawn = gaussian((len(x), mean.shape[1]), generator, x)
    sampled = drawn[rebuilt:]
    if samples and network.prior is not None:
        with torch.no_grad():
            sampled = network.prior(sampled, labels[rebuilt:])
    z = torch.cat([mean + (0.5 * log_variance).exp() * drawn[:rebuilt], sampled])
    fakes = network.decoder(z, labels).contiguous(memory_format=torch.channels_last)
    if not looks:
        return Pictures(x, labels, fakes, mean, log_variance, [], [])
    with torch.no_grad():
        real_features = taps(classifier, x)
    return Pictures(x, labels, fakes, mean, log_variance, real_features, taps(classifier, fakes))


def autoencoder_losses(
    recipe: AutoencoderRecipe, made: Pictures, classifier: nn.Module, critic: Critic | None, opposed: bool
) -> Mapping[str, Tensor]:
    """The terms that encoder and decoder lower, weighted, by name; their sum is the loss.

    Args:
        recipe: the weights.
        made: pictures attached to the graph.
        classifier: frozen.
        critic: frozen; None where the recipe has none.
        opposed: False while critic and agreement wait.
    """
    rebuilt = len(made.mean)
    first = slice(None, rebuilt)
    values = made.x[0].numel()
    terms = {
        "pixels": (made.fakes[first] - made.x[first]).square().mean() / (2 * recipe.deviation**2),
        "divergence": recipe.divergence * divergence(made.mean, made.log_variance).mean() / values,
    }
    if recipe.features:
        real, fake = [h[first] for h in made.real_features], [h[first] for h in made.fake_features]
        terms["features"] = recipe.features * feature_distance(real, fake).mean()
    if opposed and critic is not None:
        terms["approval"] = -recipe.critic * critic_approval(critic(made.fakes, made.fake_features, made.labels))
    if opposed and recipe.agreement:
        logits = logits_of(classifier, made.fake_features[-1][rebuilt:])
        terms["agreement"] = recipe.agreement * cross_entropy(logits.float(), made.labels[rebuilt:])
    return terms
