"""Everything that a network and a picture go through works where they are on one other device.

Nothing there mixes devices, and what comes back is on the CPU, and the same as if all had been there.
"""

from dataclasses import fields, is_dataclass

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from core.anomaly.batch_file import Scoring
from core.anomaly.batch_table import score_many
from core.anomaly.calibrate import fit_calibration
from core.anomaly.catalogue import DETECTORS
from core.anomaly.confounding import ConfoundingLabel
from core.anomaly.label_references import fit_references
from core.anomaly.own_normal import NormalPictures, calibrate_on_own
from core.anomaly.reference import norms
from core.anomaly.verdict import judge
from core.attacks.attack import AttackRequest
from core.attacks.catalogue import ATTACKS, run_attack
from core.attacks.ddn import Ddn
from core.attacks.jsma import Jsma
from core.attacks.kl_ascent import KlAscent
from core.attacks.pgd import Pgd
from core.attacks.scheduled import ScheduledAttack
from core.attacks.smallest import SmallestChange
from core.data.incoming import Incoming
from core.explanations import catalogue, class_evidence
from core.explanations.attack_outside_map import attack_outside
from core.explanations.attack_path import path
from core.explanations.attack_result import attack_result
from core.explanations.catalogue import ATTRIBUTION_METHODS
from core.explanations.certificate import Smoothing, certify
from core.explanations.class_evidence import measures
from core.explanations.class_explanations import explain
from core.explanations.labelled_answers import AnswerSettings, measure_answers
from core.explanations.manipulate_map import STEPS, least_quadrants, manipulate_map
from core.explanations.network_features import pooled_features, pulled_picture
from core.explanations.opening import OpeningSettings, turning
from core.explanations.picture_facts import FactSettings, measure_pictures
from core.explanations.prediction import predict
from core.latent.autoencoder import Autoencoder, AutoencoderCard
from core.latent.directions import directions, noise_direction, towards
from core.latent.metrics import right_under_noise
from core.latent.network import AutoencoderConfig, AutoencoderNetwork
from core.latent.ribbons import ribbon
from core.latent.search import Search, search
from core.latent.strips import class_row, interpolation, neighbours
from core.natural import together
from core.natural.catalogue import CHANGES
from core.natural.ribbons import ribbon as natural_ribbon
from core.natural.smallest import smallest_change
from core.natural.together import smallest_together
from core.saliency.catalogue import attribute
from core.saliency.grid import saliency_map
from core.saliency.measures.catalogue import SALIENCY_MEASURES, run_measure
from core.saliency.measures.measure import Case
from core.saliency.target import Target
from tests.helpers.attribution import ask, generator
from tests.helpers.other_device import other_device
from tests.helpers.pictures import columns, png, rand


def same(one, other) -> None:
    """Both are the same to rounding, and nothing of the second is left on the device."""
    assert type(one) is type(other)
    if is_dataclass(one):
        for field in fields(one):
            same(getattr(one, field.name), getattr(other, field.name))
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            same(one[key], other[key])
    elif isinstance(one, tuple | list):
        for first, second in zip(one, other, strict=True):
            same(first, second)
    elif isinstance(one, torch.Tensor | np.ndarray | float):
        assert_allclose(np.asarray(other), np.asarray(one), rtol=1e-3, atol=1e-4)
    else:
        assert one == other


def on_both(work, *there) -> None:
    """`work` gives the same of things on the CPU and of the same things on the other device."""
    expected = work(*there)
    with other_device() as device:
        found = work(*(thing.on(device) if hasattr(thing, "on") else thing.to(device) for thing in there))
        if isinstance(found, torch.Tensor):
            assert found.device == device
            found = found.cpu()
    same(expected, found)


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    """What an explanation's attack does, it does at each of its steps."""
    for module in (catalogue, class_evidence):
        monkeypatch.setattr(module, "explanation", lambda rho: ScheduledAttack(rho, steps=2))


@pytest.fixture(scope="module")
def autoencoder():
    """A tiny one with fresh weights."""
    config = AutoencoderConfig(10, (1, 28, 28), 6, (8, 8, 4))
    net = AutoencoderNetwork(config, torch.Generator().manual_seed(0)).eval().requires_grad_(False)
    return Autoencoder(AutoencoderCard("fashion-mnist", config, "recipe", {}, 0, "command", {}), net)


@pytest.fixture(scope="module")
def x():
    """One picture of class 3."""
    return columns(4, 5).images(3)


@pytest.fixture(scope="module")
def two():
    """Two pictures."""
    return columns(2, 6).images()


@pytest.mark.parametrize("key", ATTACKS)
def test_attacks_of_the_catalogue(network, two, key):
    def attacked(model, x):
        labels = torch.tensor([0, 1], device=x.device)
        return run_attack(key, AttackRequest(model.fast, x, labels, 0.05, 1, generator()))

    on_both(attacked, network, two)


@pytest.mark.parametrize(
    "attack",
    [
        Ddn(steps=3),
        Jsma(gamma=0.01),
        SmallestChange(opening=3, steps=3, finer=2),
        Pgd(0.1, "l2", steps=2, random_start=False),
    ],
    ids=lambda attack: type(attack).__name__,
)
def test_other_attacks(network, two, attack):
    def attacked(model, x):
        found = attack(model.fast, x, torch.tensor([1, 1], device=x.device))
        return found if isinstance(found, torch.Tensor) else found.delta

    on_both(attacked, network, two)


def test_the_attack_without_labels(network, two):
    on_both(lambda model, x: KlAscent(0.05, steps=2)(model.fast, x, generator()), network, two)


@pytest.mark.parametrize("key", ATTRIBUTION_METHODS)
def test_attribution_methods(network, two, key):
    def attributed(model, x):
        return attribute(ATTRIBUTION_METHODS[key], ask(model.fast, x, torch.tensor([0, 1], device=x.device)))

    on_both(attributed, network, two)


@pytest.mark.parametrize("key", SALIENCY_MEASURES)
def test_measures_of_maps(network, two, key):
    def measured(model, x):
        question = ask(model.fast, x, torch.tensor([0, 1], device=x.device))
        inside = torch.zeros(2, 28, 28, dtype=torch.bool)
        inside[:, 4:9] = True
        maps = attribute("gradient", question)
        return run_measure(key, Case("gradient", question, maps, 0, inside.to(x.device), (x + 0.02).clamp(0, 1)))

    on_both(measured, network, two)


def test_a_map_of_the_label(network, x):
    on_both(lambda model, x: saliency_map(model, x, "gradient", Target("true", "other"), 4), network, x)


EXPLANATIONS = {
    "predict": predict,
    "attack": lambda model, x: attack_result(model, x, Pgd(0.05, steps=2)),
    "classes": lambda model, x: explain(model, x, 0.1, steps=2),
    "path": lambda model, x: path(model, x, 2, 0.1, steps=2),
    "certificate": lambda model, x: certify(model, x, Smoothing(0.1, 6, 4)),
    "evidence": lambda model, x: measures(model, [model], x, 0.1),
    "outside": lambda model, x: attack_outside(model, x, "grad-cam", 0.05),
    "features": pooled_features,
    "pulled": lambda model, x: pulled_picture(model, x, 0.05),
    "facts": lambda model, x: measure_pictures([model], {}, [("a", 3, x)], FactSettings((0.05, 0.2), 2)),
}


@pytest.mark.parametrize("key", EXPLANATIONS)
def test_explanations(network, x, key):
    on_both(EXPLANATIONS[key], network, x)


@pytest.mark.parametrize("method", ["gradient", "integrated-gradients", "grad-cam"])
def test_a_map_is_moved(network, x, method, monkeypatch):
    monkeypatch.setitem(STEPS, method, 2)

    def moved(model, x):
        region = least_quadrants(x[:, 0])[0].cpu().numpy()
        return manipulate_map(model, x, method, region, 0.02)

    on_both(moved, network, x)


def test_answers_with_labels(network):
    on_both(
        lambda model, data: measure_answers(model, data, AnswerSettings(0.05, steps=2, queries=2)),
        network,
        columns(3, 4),
    )


@pytest.mark.parametrize("key", CHANGES)
def test_natural_changes(network, key):
    change = CHANGES[key]
    if change.colour:
        on_both(lambda x: change(x, change.high), rand(1, 3, 12, 12))
        return

    on_both(
        lambda model, x: natural_ribbon([model.fast], x, {}, key, [change.rest, change.high]),
        network, columns(1, 5).images(),
    )  # fmt: skip


def test_the_smallest_natural_change(network, x):
    on_both(lambda model, x: smallest_change(model.fast, x, CHANGES["brightness"], 2), network, x)


def test_the_smallest_of_several_natural_changes(network, x, monkeypatch):
    monkeypatch.setattr(together, "STEPS", 4)
    on_both(lambda model, x: smallest_together(model.fast, x[:1]), network, x)


@pytest.mark.slow
def test_detectors_are_fitted_and_judge(network, screen, x):
    """The same figures of every detector, and under every change."""
    on_both(lambda *given: fit_calibration(*given).normals, network, columns(10, 1), columns(8, 2))
    for change in ("pgd", "gaussian-noise"):
        on_both(lambda model, x, change=change: judge(model, screen, x, change), network, x)


def test_files_are_scored(network, screen):
    files = [Incoming("a.png", png(columns(1, 3).pixels[0, 0].numpy()))]
    on_both(lambda model: score_many([(model, screen)], files, Scoring(tuple(DETECTORS)), 1).scores, network)


@pytest.mark.slow
def test_references_of_labels(network, two):
    def found(model, x):
        references = fit_references(model, x.expand(2, -1, -1, -1, -1).flatten(0, 1))
        return [one.band for one in references.values()], norms(model, x, ConfoundingLabel("top-m", m=2))

    on_both(found, network, two)


@pytest.mark.slow
def test_pictures_of_somebody_calibrate(network):
    pictures = NormalPictures(columns(16, 7).pixels, "crop", False, (), 0)
    on_both(lambda model: calibrate_on_own(model, pictures).normals, network)


def test_the_latent_space(network, autoencoder, x):
    def everything(decoder, model, x):
        label, other = torch.tensor([3], device=x.device), torch.tensor([3, 5], device=x.device)
        z, fast = decoder.encode(x, label), [model.fast]
        ways = (*directions(decoder, z, label, 2), *towards(decoder, z, label, [1, 2]), noise_direction(6, generator()))
        ends = decoder.sample(2, generator())
        return (
            [way.change for way in ways],
            ribbon(decoder, fast, z, label, ways, [0.5] * len(ways), 1),
            class_row(decoder, fast, z, label, 10),
            neighbours(decoder, fast, z, label, 0.5, 2, generator()),
            interpolation(decoder, fast, ends, other, (0.0, 0.4, 1.0)),
            right_under_noise(decoder, model.fast, ends, other, 0.5, 2, generator()),
            search(decoder, model.fast, ends, other, 0.5, Search(steps=3, restarts=2, rho=4.0)),
            turning(decoder, [model], x, 3, OpeningSettings()),
        )

    on_both(everything, autoencoder, network, x)
