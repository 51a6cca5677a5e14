"""Answers to labelled images are the network's own; an attack is never better for it than none, and is seeded."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from core.attacks.pgd import Pgd
from core.attacks.square import Square
from core.data.datasets import LabelledImages
from core.errors import ConfigError, InputError
from core.explanations.labelled_answers import CHUNK, AnswerSettings, measure_answers

SETTINGS = AnswerSettings(0.1, steps=3)


@pytest.fixture
def data(model):
    generator = torch.Generator().manual_seed(2)
    pixels = torch.randint(0, 256, (CHUNK + 5, 1, 28, 28), generator=generator, dtype=torch.uint8)
    return LabelledImages(pixels, torch.arange(len(pixels)) % 10, "noise")


def losses(logits, labels):
    return cross_entropy(torch.from_numpy(logits), torch.from_numpy(labels), reduction="none")


def test_answers_are_the_networks_and_the_attack_is_the_worse_of_two(model, data):
    told: list[int] = []
    found = measure_answers(model, data, SETTINGS, told.append)
    assert told == [CHUNK, CHUNK + 5] and found.settings["sha256"] == model.card.sha256
    with torch.no_grad():
        clean = model.fast(data.images())
    np.testing.assert_allclose(found.logits, clean.numpy(), atol=1e-4)
    before, after = losses(found.logits, found.labels), losses(found.logits_adv, found.labels)
    assert (after >= before).all() and (after > before + 1e-3).float().mean() > 0.9
    attack = Pgd(0.1, steps=3)
    x_adv = attack(model.fast, data.images(CHUNK), data.labels[CHUNK:], torch.Generator().manual_seed(CHUNK))
    with torch.no_grad():
        np.testing.assert_allclose(found.logits_adv[CHUNK:], model.fast(x_adv).numpy(), atol=1e-3)


def test_an_images_answer_does_not_depend_on_how_many_are_asked(model, data):
    few = measure_answers(model, data.first(CHUNK), SETTINGS)
    np.testing.assert_array_equal(few.logits_adv, measure_answers(model, data, SETTINGS).logits_adv[:CHUNK])


def test_square_attack_is_judged_here_and_left_out_where_it_is_not_asked_for(model, data):
    asked = measure_answers(model, data.first(8), AnswerSettings(0.3, steps=1, queries=40))
    x, labels = data.images(0, 8), data.labels[:8]
    x_adv = Square(0.3, queries=40)(model.fast, x, labels, torch.Generator().manual_seed(0))
    with torch.no_grad():
        np.testing.assert_array_equal(asked.standing_square, model.fast(x_adv).argmax(1) == labels)
    assert not asked.standing_square[asked.answers != asked.labels].any()
    assert len(measure_answers(model, data.first(8), SETTINGS).standing_square) == 0


def test_impossible_requests_are_refused(model, data):
    with pytest.raises(ConfigError):
        AnswerSettings(0.0)
    with pytest.raises(InputError, match="takes images"):
        measure_answers(model, data.first(0), SETTINGS)
