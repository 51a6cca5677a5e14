"""Ribbons of several sliders and classifiers at once: the answers of every place, of about half of the questions."""

import numpy as np
import pytest
import torch

from core.data.galleries import gallery
from core.data.tasks import task_named
from core.errors import InputError
from core.images import fit
from core.latent.autoencoder import load_autoencoder
from core.latent.codes import round_code
from core.latent.directions import decay_direction, directions, noise_direction
from core.latent.ribbons import COARSE, POSITIONS, places, ribbon, ribbons
from core.models.zoo import load_zoo_model
from tests.helpers.known_autoencoders import Linear, normal, planes

ONE = torch.tensor([1])
TIE = 1e-3  # of a probability: nearer to another class, rounding decides


def asked_of(classifiers, sliders):
    return [(which, classifier) for which in range(sliders) for classifier in classifiers]


def test_they_answer_as_every_place_asked_does_and_ask_less(curved, classifier):
    z = normal(1, 6, seed=0)
    ways = (*directions(curved, z, ONE, 3), decay_direction(6), noise_direction(6, torch.Generator().manual_seed(1)))
    other = torch.nn.Sequential(classifier, torch.nn.Linear(5, 5)).requires_grad_(False)
    for at in ([0.0] * 5, [1.0, -2.0, 0.5, 0.25, 0.5]):
        made = ribbons(curved, z, ONE, ways, at, asked_of([classifier, other], 5))
        for number, one in enumerate(made):
            whole = ribbon(curved, [classifier, other], z, ONE, ways, at, number // 2)
            assert np.array_equal(one.predicted, whole.predicted[number % 2])
            np.testing.assert_allclose(one.x, whole.x[[0, -1]], atol=1e-6)
            assert one.positions.tolist() == places(ways[number // 2]) and one.asked[:: POSITIONS - 1].all()
        assert 0.2 < np.mean([one.asked.mean() for one in made]) < 0.7


def test_a_class_between_two_places_that_agree_is_found_by_how_fast_others_fall():
    """Its score is a wedge that leads at one place alone, which is none of those asked at first."""
    way = torch.zeros(16, 2)
    way[0, 0] = 1.0
    decoder, z = Linear(way), torch.zeros(1, 2)
    ways = directions(decoder, z, torch.tensor([0]), 1)
    spot = 2 * COARSE + COARSE // 2

    def wedge(x):
        far = (x.flatten(1)[:, 0] - 0.5 - places(ways[0])[spot]).abs()
        return torch.stack([torch.zeros_like(far), 0.2 - far], 1)

    seen = []

    def counted(x):
        seen.append(len(x))
        return wedge(x)

    (made,) = ribbons(decoder, z, torch.tensor([0]), ways, [0.0], [(0, counted)])
    assert np.flatnonzero(made.predicted).tolist() == [spot]
    assert sum(seen) == made.asked.sum() < POSITIONS / 2 and made.asked[spot]


def test_far_from_every_other_class_only_the_first_places_are_asked(linear):
    def sure(x):
        return torch.stack([x.flatten(1).mean(1) * 0.1, torch.full((len(x),), 9.0)], 1)

    z = normal(1, 12, seed=0)
    (made,) = ribbons(linear, z, ONE, directions(linear, z, ONE, 1), [0.0], [(0, sure)])
    assert (made.predicted == 1).all() and np.flatnonzero(made.asked).tolist() == [*range(0, POSITIONS, COARSE)]


def test_the_code_where_all_sliders_stand_is_drawn_and_asked_about_once(linear):
    drawn, asked = [], []

    class Counted:
        latent = linear.latent

        def decode(self, z, labels):
            drawn.append(len(z))
            return linear.decode(z, labels)

    def sure(x):
        asked.append(len(x))
        return torch.stack([x.flatten(1).mean(1) * 0.1, torch.full((len(x),), 9.0)], 1)

    z = normal(1, 12, seed=0)
    ways = (*directions(linear, z, ONE, 2), decay_direction(12), noise_direction(12, torch.Generator().manual_seed(1)))
    made = ribbons(Counted(), z, ONE, ways, [0.0] * 4, asked_of([sure], 4))
    first = len(range(0, POSITIONS, COARSE))
    assert drawn == asked == [4 * first - 3]
    assert all(np.flatnonzero(one.asked).tolist() == [*range(0, POSITIONS, COARSE)] for one in made)


def test_answers_that_are_no_numbers_are_refused(linear):
    z = normal(1, 12, seed=0)
    ways = directions(linear, z, ONE, 1)
    with pytest.raises(InputError, match="not finite"):
        ribbons(linear, z, ONE, ways, [0.0], [(0, planes(2)), (0, lambda x: x.flatten(1)[:, :2] / 0)])


@pytest.mark.parametrize(("task", "shown"), [("cifar10", (0,)), ("fashion-mnist", (9, 12, 13))])
def test_on_pictures_of_the_gallery_that_ships_no_answer_is_another(task, shown):
    task, generator, pictures = task_named(task), load_autoencoder(task), gallery(task_named(task))
    networks = [load_zoo_model(task.key, key).fast for key in ("standard", "pgd-linf", "pgd-l2")]
    told = 0
    for number in shown:
        key = f"generated:{number:02}"
        label = torch.tensor([pictures.items[key].label])
        x = fit(pictures.picture(key).pixels, task.shape, "crop", task.background)
        z = round_code(generator.encode(x, label))
        ways = (*directions(generator, z, label, 2), decay_direction(generator.latent))
        at = [0.0, 1.0, 0.0]
        made = ribbons(generator, z, label, ways, at, asked_of(networks, 3))
        for which in range(3):
            whole = ribbon(generator, networks, z, label, ways, at, which)
            first, second = np.sort(whole.probs, -1)[..., -1], np.sort(whole.probs, -1)[..., -2]
            for row, one in enumerate(made[3 * which : 3 * which + 3]):
                other = one.predicted != whole.predicted[row]
                assert not (other & (first - second > TIE)[row]).any()
                told += len(set(one.predicted.tolist())) > 1
    assert told > 2  # there is something to get wrong
