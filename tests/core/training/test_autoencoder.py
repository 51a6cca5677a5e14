"""Generators' losses have their closed forms, their loop resumes to the same weights, and touches nobody else's."""

from dataclasses import replace

import pytest
import torch
from torch.distributions import Normal, kl_divergence
from torch.testing import assert_close

from core.data.datasets import load
from core.data.tasks import FASHION_MNIST
from core.errors import ConfigError
from core.latent.network import AutoencoderConfig, AutoencoderNetwork
from core.latent.perceptual import feature_distance, logits_of, taps
from core.latent.prior import FlowPrior
from core.models import zoo
from core.models.resnet import PreActResNet, ResNetConfig
from core.training.autoencoder import loop
from core.training.autoencoder.critic import Critic, SpectralConv, critic_approval, critic_loss
from core.training.autoencoder.eyes import Eyes
from core.training.autoencoder.loop import rate_at, train_autoencoder
from core.training.autoencoder.loss import autoencoder_losses, divergence, make_pictures
from core.training.autoencoder.plan import AutoencoderPlan, AutoencoderRecipe
from core.training.autoencoder.prior import EncodedImages, encoded, fit_flow
from core.training.autoencoder.shipped import AUTOENCODERS, PLAIN, autoencoder_plan

FULL = AutoencoderRecipe(features=1.0, critic=0.5, agreement=0.1)
TINY = AutoencoderConfig(10, (1, 28, 28), 4, (8, 8, 4))
PLAN = AutoencoderPlan("fashion-mnist", FULL, TINY, 4, warm_up=1, batch_size=8, critic_width=4, precision="fp32")
NETWORK = ResNetConfig(10, (0.3,), (0.3,), (4, 6, 8), (1, 1, 1))


@pytest.fixture
def classifier(tmp_path):
    card = zoo.Card("fashion-mnist", "pgd-l2", NETWORK, "recipe", {}, 0, "command", {}, sha256="", parameters=0)
    zoo.save(PreActResNet(NETWORK, torch.Generator().manual_seed(0)), card, tmp_path / "models")
    return zoo.load_zoo_model("fashion-mnist", "pgd-l2", tmp_path / "models")


@pytest.fixture
def eyes(classifier):
    return Eyes(classifier.fast, classifier.card.sha256)


@pytest.fixture
def images(fashion_root):
    return load(FASHION_MNIST, "train").first(64)


def made_with(classifier, images, recipe=FULL, samples=True):
    network = AutoencoderNetwork(TINY, torch.Generator().manual_seed(1))
    noise = torch.Generator().manual_seed(2)
    return make_pictures(
        network, classifier.fast, images.images(0, 8), images.labels[:8], noise, samples, bool(recipe.features)
    )


def test_divergence_is_that_of_the_gaussians():
    generator = torch.Generator().manual_seed(0)
    mean, log_variance = torch.randn(3, 5, generator=generator), torch.randn(3, 5, generator=generator)
    exact = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0)).sum(1)
    assert_close(divergence(mean, log_variance), exact)
    assert float(divergence(torch.zeros(1, 5), torch.zeros(1, 5))) == 0


def test_the_critic_is_content_beyond_its_margins_only():
    """max(0, 1 - r) + max(0, 1 + f): 2 where it can't tell, 0 beyond the margins."""
    assert float(critic_loss([torch.zeros(4)], [torch.zeros(4)])) == 2
    assert float(critic_loss([torch.ones(4)], [-torch.ones(4)])) == 0
    assert float(critic_loss([torch.full((4,), 0.5)], [torch.full((4,), 3.0)])) == 4.5
    assert float(critic_approval([torch.full((4,), 3.0), torch.ones(9)])) == 2


def test_a_spectral_convolution_has_norm_one_as_a_matrix():
    generator = torch.Generator().manual_seed(0)
    conv = SpectralConv(3, 5, 1, 1, generator)
    h = torch.randn(2, 3, 4, 4, generator=generator)
    for _ in range(200):
        out = conv(h)
    exact = torch.linalg.matrix_norm(conv.weight.flatten(1), 2)
    assert_close(out, torch.nn.functional.conv2d(h, conv.weight / exact), rtol=1e-3, atol=1e-4)
    before = conv.u.clone()
    conv.eval()(h)
    assert torch.equal(conv.u, before)


def test_the_critic_looks_at_the_picture_its_features_and_its_label(classifier, images):
    critic = Critic((1, 28, 28), NETWORK.widths, 10, 4, torch.Generator().manual_seed(0)).eval()
    x, labels = images.images(0, 4), images.labels[:4]
    features = taps(classifier.fast, x)
    pixels, middle, last = critic(x, features, labels)  # the first stage is left to the head on pixels
    assert {scores.shape for scores in (pixels, middle, last)} == {(4,)}
    for other in critic(x, features, labels.flip(0)):
        assert not any(torch.equal(other, scores) for scores in (pixels, middle, last))
    darker = critic(x / 2, features, labels)
    assert not torch.equal(darker[0], pixels) and torch.equal(darker[1], middle) and torch.equal(darker[2], last)
    unseen = critic(x, [h / 2 for h in features], labels)
    assert torch.equal(unseen[0], pixels) and not torch.equal(unseen[1], middle)


def test_a_critic_needs_two_stages():
    with pytest.raises(ConfigError, match="two stages"):
        Critic((1, 28, 28), (4,), 10, 4, torch.Generator())


def test_taps_lead_to_the_classifiers_logits(classifier, images):
    x = images.images(0, 4)
    assert_close(logits_of(classifier.fast, taps(classifier.fast, x)[-1]), classifier.fast(x))


def test_reconstructions_come_first_and_samples_follow(classifier, images):
    made = made_with(classifier, images)
    assert len(made.mean) == 4 and len(made.fakes) == 8
    alike = made_with(classifier, images, samples=False)
    assert len(alike.mean) == 8 and torch.equal(alike.mean[:4], made.mean)
    terms = autoencoder_losses(AutoencoderRecipe(deviation=0.25, divergence=2.0), made, classifier.fast, None, False)
    assert set(terms) == {"pixels", "divergence"}
    assert_close(terms["pixels"], 8 * (made.fakes[:4] - made.x[:4]).square().mean())
    assert_close(terms["divergence"], 2 * divergence(made.mean, made.log_variance).mean() / 784)


def test_samples_answer_to_critic_and_classifier_alone(classifier, images):
    """Pixels and features belong to reconstructions, agreement to samples, approval to both."""
    critic = Critic((1, 28, 28), NETWORK.widths, 10, 4, torch.Generator().manual_seed(0)).eval()
    made = made_with(classifier, images)
    waiting = autoencoder_losses(FULL, made, classifier.fast, critic, False)
    assert set(waiting) == {"pixels", "divergence", "features"}
    terms = autoencoder_losses(FULL, made, classifier.fast, critic, True)
    touched = {}
    for name in ("pixels", "features", "approval", "agreement"):
        (gradient,) = torch.autograd.grad(terms[name], made.fakes, retain_graph=True)
        touched[name] = (bool(gradient[:4].any()), bool(gradient[4:].any()))
    assert touched == {
        "pixels": (True, False),
        "features": (True, False),
        "approval": (True, True),
        "agreement": (False, True),
    }
    approval = critic_approval(critic(made.fakes, made.fake_features, made.labels))
    assert_close(terms["approval"], -0.5 * approval)
    apart = feature_distance([h[:4] for h in made.real_features], [h[:4] for h in made.fake_features])
    assert_close(terms["features"], apart.mean())
    logits = classifier.fast(made.fakes[4:])
    exact = 0.1 * torch.nn.functional.cross_entropy(logits, made.labels[4:])
    assert_close(terms["agreement"], exact)


@pytest.mark.slow
def test_the_loss_falls_on_eight_pictures(eyes, images, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "ROUND", 20)
    plan = replace(PLAN, recipe=AutoencoderRecipe(), steps=60, warm_up=0)
    history = train_autoencoder(plan, images.first(8), eyes, tmp_path / "run").history
    assert history[-1].losses["pixels"] < 0.5 * history[0].losses["pixels"]


@pytest.mark.slow
def test_a_killed_run_ends_with_the_weights_of_an_uninterrupted_one(eyes, images, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "ROUND", 2)
    whole = train_autoencoder(PLAN, images, eyes, tmp_path / "whole")
    asked = iter(range(100))
    part = train_autoencoder(PLAN, images, eyes, tmp_path / "part", should_stop=lambda: next(asked) == 3)
    assert whole.finished and not part.finished and len(part.history) == 1
    rest = train_autoencoder(PLAN, images, eyes, tmp_path / "part")
    assert rest.finished and len(rest.history) == 2
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, rest.network.state_dict()[name]), name
    assert "critic" in whole.history[1].losses  # the part that was resumed had one


@pytest.mark.slow
def test_the_seed_decides_and_the_classifier_stays_as_it_was(classifier, eyes, images, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "ROUND", 2)
    before = {name: value.clone() for name, value in classifier.fast.state_dict().items()}
    one = train_autoencoder(PLAN, images, eyes, tmp_path / "one").network.state_dict()
    other = train_autoencoder(replace(PLAN, seed=1), images, eyes, tmp_path / "other").network.state_dict()
    assert not torch.equal(one["decoder.up1.weight"], other["decoder.up1.weight"])
    assert all(torch.equal(value, before[name]) for name, value in classifier.fast.state_dict().items())
    assert not any(parameter.requires_grad for parameter in classifier.fast.parameters())


def test_every_round_draws_its_own_pictures(eyes, images, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(loop, "ROUND", 2)
    monkeypatch.setattr(loop, "Augmentation", lambda padding, flip: lambda x, generator: seen.append(x) or x)
    train_autoencoder(replace(PLAN, recipe=AutoencoderRecipe()), images, eyes, tmp_path)
    assert len(seen) == 4 and not any(torch.equal(seen[0], later) for later in seen[1:])


def test_a_checkpoint_of_another_plan_is_refused(eyes, images, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "ROUND", 2)
    train_autoencoder(PLAN, images, eyes, tmp_path)
    with pytest.raises(ConfigError, match="another plan"):
        train_autoencoder(replace(PLAN, seed=1), images, eyes, tmp_path)
    with pytest.raises(ConfigError, match="fewer than one batch"):
        train_autoencoder(PLAN, images.first(4), eyes, tmp_path / "few")


def test_rates_stay_and_then_fall_to_near_zero():
    assert [rate_at(step, 100) for step in (0, 60, 80, 99)] == pytest.approx([1, 1, 0.5, 0.025])
    assert rate_at(100, 100) == rate_at(150, 100) == 0.3  # the polish


def test_the_polish_follows_the_steps_with_an_agreement_of_its_own(eyes, images, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "ROUND", 2)
    plan = replace(PLAN, recipe=replace(FULL, polish=10.0), polish=2)
    assert [plan.recipe_at(step).agreement for step in (0, 3, 4, 5)] == [0.1, 0.1, 10.0, 10.0]
    history = train_autoencoder(plan, images, eyes, tmp_path).history
    assert len(history) == 3
    assert history[2].losses["agreement"] > 20 * history[1].losses["agreement"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0},
        {"warm_up": 5},
        {"polish": -1},
        {"flow_steps": 1},
        {"network": replace(TINY, flow=16)},
        {"polish": 1, "recipe": replace(FULL, agreement=0.0, samples=False)},
        {"batch_size": 7},
        {"learning_rate": 0.0},
        {"averaging": 1.0},
        {"precision": "fp16"},
        {"images": 4},
        {"seed": -1},
        {"task": "cifar10"},
    ],
)
def test_impossible_plans_are_refused(wrong):
    with pytest.raises(ConfigError):
        replace(PLAN, **wrong)


@pytest.mark.parametrize(
    "wrong",
    [{"deviation": 0.0}, {"polish_deviation": 0.0}, {"critic": -1.0}, {"agreement": 0.1, "samples": False}],
)
def test_impossible_recipes_are_refused(wrong):
    with pytest.raises(ConfigError):
        AutoencoderRecipe(**wrong)


def test_the_design_that_ships_and_the_plain_one_have_the_same_networks_and_pictures():
    for task in {task for task, _ in AUTOENCODERS}:
        ours, plain = autoencoder_plan(task), autoencoder_plan(task, PLAIN)
        assert replace(plain, recipe=ours.recipe, warm_up=ours.warm_up, polish=ours.polish) == ours
        assert (plain.recipe.features, plain.recipe.critic, plain.recipe.agreement) == (0, 0, 0)
        assert plain.recipe.divergence == ours.recipe.divergence
        assert "critic" in ours.recipe.describe() and not {"critic", "polish"} & {*plain.recipe.describe().split()}
    with pytest.raises(ConfigError, match="tiny20"):
        autoencoder_plan("tiny20")


FLOWING = replace(FULL, agreement=0.0, polish=1.0, polish_deviation=0.05, samples=False)
WITH_FLOW = replace(PLAN, network=replace(TINY, flow=16), flow_steps=3, polish=3, recipe=FLOWING)


def differing(network, weights):
    return [name for name, value in network.state_dict().items() if not torch.equal(value, weights[name])]


def test_the_flow_comes_before_the_polish_which_moves_the_decoder_alone(eyes, images, tmp_path, monkeypatch):
    """A run that is stopped in the fit, and one stopped in the polish, end with the weights of one that was not."""
    monkeypatch.setattr(loop, "ROUND", 2)
    told = []
    whole = train_autoencoder(WITH_FLOW, images, eyes, tmp_path / "whole", told.append)
    assert [progress.step for progress in told] == list(range(1, 11)) and {p.steps for p in told} == {10}
    assert [set(past.losses) & {"flow", "agreement"} for past in whole.history] == (
        [set()] * 2 + [{"flow"}] + [{"agreement"}] * 2
    )
    last = whole.network.state_dict()
    for stop, rounds in ((5, 2), (9, 4)):
        asked = iter(range(100))
        part = train_autoencoder(WITH_FLOW, images, eyes, tmp_path / f"{stop}", should_stop=lambda: next(asked) == stop)  # noqa: B023
        assert not part.finished and len(part.history) == rounds
        rest = train_autoencoder(WITH_FLOW, images, eyes, tmp_path / f"{stop}")
        assert rest.finished and all(
            torch.equal(value, rest.network.state_dict()[name]) for name, value in last.items()
        )
    moved = {
        name.split(".")[0] for name, value in part.network.state_dict().items() if not torch.equal(value, last[name])
    }
    assert moved == {"decoder"}


def test_samples_come_through_a_flow_that_was_fitted():
    network = AutoencoderNetwork(TINY, torch.Generator().manual_seed(1))
    x, labels = torch.rand(4, 1, 28, 28), torch.arange(4)
    straight = make_pictures(network, torch.nn.Identity(), x, labels, torch.Generator().manual_seed(2), True, False)
    network.prior = FlowPrior(4, 10, 16)
    network.prior.mean.fill_(3.0)
    network.prior.last.weight.data.zero_()
    network.prior.last.bias.data.zero_()
    flown = make_pictures(network, torch.nn.Identity(), x, labels, torch.Generator().manual_seed(2), True, False)
    assert torch.equal(flown.fakes[:2], straight.fakes[:2])
    drawn = torch.randn(4, 4, generator=torch.Generator().manual_seed(2))
    assert_close(flown.fakes[2:], network.decoder(3.0 + drawn[2:], labels[2:]))


def test_a_fitted_flow_gives_codes_like_those_it_was_fitted_to():
    """Two classes, each two spots apart: the Gaussian with their mean and deviation lies between them."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(400) % 2
    side = (torch.arange(400) // 2 % 2 * 2 - 1).float()
    mean = torch.stack([4 * side, 10 * labels + side], 1)
    codes = EncodedImages(mean, torch.full((400, 2), 0.3), labels)
    prior = FlowPrior(2, 2, 32)
    losses = []
    assert fit_flow(prior, codes, 400, 0, losses.append, lambda: False)
    assert len(losses) == 400
    with torch.no_grad():
        made = prior(torch.randn(400, 2, generator=generator), labels)
    assert float((made[:, 0].abs() - 4).abs().mean()) < 1.0
    assert float((made[labels == 1, 1].mean() - made[labels == 0, 1].mean() - 10).abs()) < 1.0


def test_both_sides_of_a_picture_are_encoded(images):
    network = AutoencoderNetwork(TINY, torch.Generator().manual_seed(1))
    found = encoded(network, images.first(3), flip=True)
    x = images.images(0, 3)
    mean, log_variance = network.encoder(torch.cat([x, x.flip(3)]), images.labels[:3].repeat(2))
    assert_close(found.mean, mean)
    assert_close(found.deviation, (0.5 * log_variance).exp())
    assert len(encoded(network, images.first(3), flip=False).labels) == 3
